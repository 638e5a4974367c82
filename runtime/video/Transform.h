//===- Transform.h - crop, resize, flip and normalise frames --------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_VIDEO_TRANSFORM_H
#define JEPA_RUNTIME_VIDEO_TRANSFORM_H

#include "runtime/masking/RandomStream.h"
#include "runtime/video/VideoReader.h"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <vector>

namespace jepa::rt {

/// Part of a frame, in pixels, and whether it is mirrored.
struct CropBox {
  std::int64_t top = 0, left = 0, height = 0, width = 0;
  bool flip = false;
};

/// The published ranges of the random resized crop.
struct CropRange {
  std::array<double, 2> scale{0.3, 1.0};
  std::array<double, 2> aspect{0.75, 1.35};
  double flipProbability = 0.5;
};

/// One box for all frames of a clip: share of the area uniform, aspect ratio
/// log-uniform, ten tries, then the largest centred box within the aspects.
CropBox randomCrop(std::int64_t width, std::int64_t height, const CropRange &range, RandomStream &random);

/// Bilinear resampling without antialias (align_corners = false) of part of a
/// frame, then (x - 255 mean) / (255 std) with ImageNet's statistics, in one
/// pass from bytes to floats. Built once per clip, applied to each frame. What is
/// linear commutes, so luma and chroma are resampled as they are and only the
/// output's pixels become RGB: up to the rounding of a frame's RGB to bytes the
/// result is the same.
class FrameTransform {
public:
  /// Training: the box fills the square output of `size` pixels.
  static FrameTransform crop(const CropBox &box, std::int64_t size);
  /// Evaluation: the short side resized to int(size * 256 / 224), then the
  /// centre of `size` pixels.
  static FrameTransform centre(std::int64_t width, std::int64_t height, std::int64_t size);

  /// Of the output, in pixels.
  std::int64_t size() const { return static_cast<std::int64_t>(rows.size()); }

  /// Writes frame `t` of `frames` into clip [3, frames, size, size].
  void apply(float *clip, std::int64_t frames, std::int64_t t, const RgbView &frame);
  void apply(float *clip, std::int64_t frames, std::int64_t t, const YuvView &frame);

private:
  /// Where each output pixel of one axis lies between two source pixels.
  struct Tap {
    std::int64_t first, second;
    float weight; ///< of the second
  };
  static std::vector<Tap> taps(std::int64_t begin, std::int64_t extent, std::int64_t resized,
                               std::int64_t offset, std::int64_t size);

  /// An output row's share of three neighbours in a plane of chroma.
  struct ChromaTap {
    std::int64_t at[3];
    float weight[3];
  };
  /// For each output pixel four bytes of a row, and their weights.
  struct Across {
    std::vector<std::int64_t> at;
    std::vector<float> weights[4];
    /// The shares of a tap are those of `at`, `at + 1`, ...
    void add(std::int64_t begin, std::initializer_list<float> shares, std::int64_t rowSize);
  };
  static std::vector<ChromaTap> chromaTaps(const std::vector<Tap> &taps, int shift, std::int64_t size);
  /// The frame's rows, resampled across, that the next output rows need.
  struct RowCache {
    std::vector<float> values; ///< [slots, size]
    std::vector<std::int64_t> held;
    void reset(std::int64_t slots, std::int64_t size);
    float *find(std::int64_t row, bool &isNew);
  };
  const float *resampledRow(const YuvView &frame, int plane, std::int64_t row);
  void prepare(const YuvView &frame);

  std::vector<Tap> rows, columns;
  std::int64_t firstColumn = 0, lastColumn = 0; ///< source columns that matter
  std::vector<float> line;
  // Of the frames' planes; made for the first one.
  std::vector<ChromaTap> chromaRows;
  Across lumaAcross, chromaAcross;
  std::vector<std::uint32_t> gathered;
  RowCache caches[3];
};

/// The nearest bytes [frames, size, size, 3] to a normalised clip [3, frames, size, size]: what a program that normalises
/// by itself takes.
void clipToBytes(std::uint8_t *bytes, const float *clip, std::int64_t frames, std::int64_t size);
/// The normalised clip of bytes.
void bytesToClip(float *clip, const std::uint8_t *bytes, std::int64_t frames, std::int64_t size);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_VIDEO_TRANSFORM_H
