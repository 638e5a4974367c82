//===- ClipLoader.h - batches of clips, decoded by worker threads ---------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_VIDEO_CLIPLOADER_H
#define JEPA_RUNTIME_VIDEO_CLIPLOADER_H

#include "runtime/video/Dataset.h"
#include "runtime/video/Nvdec.h"
#include "runtime/video/Transform.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace jepa::rt {

struct LoaderOptions {
  std::int64_t batch = 1;
  std::int64_t frames = 16;
  std::int64_t stride = 4; ///< source frames per frame of a clip
  std::int64_t size = 224; ///< pixels of the square crop
  std::uint64_t seed = 0;
  /// Training: endless, shuffled anew in each epoch, a random window and crop.
  /// Otherwise: one pass in the order of the list, centre window and crop; the
  /// last batch may be short.
  bool training = true;
  CropRange crop;
  std::int64_t firstSample = 0; ///< resume: what position() said
  bool bytes = false;           ///< clips of bytes, [frames, size, size, 3], not normalised
  int workers = 0;              ///< decoding threads; 0 = one per processor, at most 8
  std::int64_t queue = 0;       ///< clips decoded ahead; 0 = batch + workers
  std::shared_ptr<Nvdec> nvdec; ///< decodes, one device for all workers; none for the CPU
  /// Gets one line for each unusable video, once per file, and what `nvdec` has for news, from next().
  std::function<void(std::string_view line)> report;
};

/// Sample i is a function of (seed, i) and the files alone: of the epoch's
/// shuffle its video, of the key {seed, i} its window, box and flip. Neither
/// the number of workers nor their timing changes a batch. A sample whose video
/// is unusable is skipped: the next index takes its place.
class ClipLoader {
public:
  ClipLoader(std::vector<VideoEntry> entries, LoaderOptions options);
  /// Stops the workers; waits for at most the frame that each is decoding.
  ~ClipLoader();
  ClipLoader(const ClipLoader &) = delete;
  ClipLoader &operator=(const ClipLoader &) = delete;

  /// Fills clip [batch, 3, frames, size, size], or of bytes, as the options say, and, if asked, one label and one
  /// entry index per sample. Returns the number of samples written: the batch,
  /// or fewer (0 at the end) when not training. Throws Error when every video
  /// of the list is unusable.
  std::int64_t next(void *clip, std::vector<int> *labels = nullptr, std::vector<std::int64_t> *entries = nullptr);

  /// Index of the first sample that next() has not yet used or skipped.
  std::int64_t position() const;
  /// Distinct videos that were unusable so far.
  std::int64_t skippedVideos() const;
  /// Samples skipped because of them so far.
  std::int64_t skippedSamples() const;
  /// Seconds that next() spent waiting for the workers.
  double waitedSeconds() const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// Sample `sample` of training, as the loader makes it of the video at `path`:
/// written to [3, frames, size, size]. Returns the frames that it is made of.
/// Throws Error.
std::vector<std::int64_t> readTrainingClip(float *clip, const std::string &path, const LoaderOptions &options,
                                           std::int64_t sample, const std::atomic<bool> *cancel = nullptr);

/// One clip by the rules of evaluation (centre window and crop), written to
/// [3, frames, size, size]. Throws Error.
void readCentreClip(float *clip, const std::string &path, std::int64_t frames, std::int64_t stride, std::int64_t size,
                    const std::atomic<bool> *cancel = nullptr, Nvdec *nvdec = nullptr);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_VIDEO_CLIPLOADER_H
