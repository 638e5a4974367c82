//===- VideoReader.h - chosen frames of a video file ----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_VIDEO_VIDEOREADER_H
#define JEPA_RUNTIME_VIDEO_VIDEOREADER_H

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace jepa::rt {

/// Packed RGB pixels, rows without gaps. Does not own them.
struct RgbView {
  const std::uint8_t *pixels = nullptr; ///< [height, width, 3]
  std::int64_t width = 0, height = 0;
};

/// A frame as it was decoded: planes of 8-bit luma and chroma, the right way up.
/// Does not own them.
struct YuvView {
  const std::uint8_t *planes[3] = {}; ///< Y, U, V
  std::int64_t strides[3] = {};       ///< bytes
  std::int64_t width = 0, height = 0; ///< of Y
  int shiftX = 0, shiftY = 0;         ///< U and V are smaller by 2^shift, their samples centred on those of Y
  /// To 0..255: red is gain (Y - black) + redV (V - 128), the others likewise.
  float gain = 1, black = 0, redV = 0, greenU = 0, greenV = 0, blueU = 0;
};

/// Throws Error where no video can be read: FFmpeg's libraries are missing, or
/// the build is without them.
void requireVideo();

class Nvdec;

/// One video file (or still picture), decoded by FFmpeg on the calling thread.
/// Every failure, a missing FFmpeg library included, throws Error with one line
/// that names the file. Not thread-safe; one reader per thread.
class VideoReader {
public:
  /// Opens the file and lists its frames without decoding them. When `cancel`
  /// becomes true, the call in progress throws Error soon. With `nvdec`, which
  /// outlives the reader, frames are decoded there, the same ones of every codec
  /// that defines their bits; what it does not take the CPU decodes, and `nvdec`
  /// is told so.
  explicit VideoReader(const std::string &path, const std::atomic<bool> *cancel = nullptr, Nvdec *nvdec = nullptr);
  ~VideoReader();
  VideoReader(const VideoReader &) = delete;
  VideoReader &operator=(const VideoReader &) = delete;

  std::int64_t frameCount() const;
  /// Average frames per second; 0 if the file does not say.
  double framesPerSecond() const;
  /// As displayed: after the rotation that the metadata asks for.
  std::int64_t width() const;
  std::int64_t height() const;

  /// Receives the frame for `indices[place]`; the pixels live until it returns.
  using Sink = std::function<void(std::size_t place, const RgbView &frame)>;
  using YuvSink = std::function<void(std::size_t place, const YuvView &frame)>;

  /// Decodes the frames at ascending `indices` (repeats are fine) of the order
  /// of display; the sink gets each place once, in order, every frame in the
  /// size of width() and height(). For a frame that does not decode it gets the
  /// next one that does (at the end: the last). Throws Error when more than
  /// half of the distinct frames are missing. Frames that are planes of 8 bits
  /// and need no turning go to `planes` instead, if there is one.
  void read(std::span<const std::int64_t> indices, const Sink &sink, const YuvSink &planes = {});

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_VIDEO_VIDEOREADER_H
