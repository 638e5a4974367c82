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
/// pass from bytes to floats. Built once per clip, applied to each frame.
class FrameTransform {
public:
  /// Training: the box fills the square output of `size` pixels.
  static FrameTransform crop(const CropBox &box, std::int64_t size);
  /// Evaluation: the short side resized to int(size * 256 / 224), then the
  /// centre of `size` pixels.
  static FrameTransform centre(std::int64_t width, std::int64_t height, std::int64_t size);

  /// Writes frame `t` of `frames` into clip [3, frames, size, size].
  void apply(float *clip, std::int64_t frames, std::int64_t t, const RgbView &frame);

private:
  /// Where each output pixel of one axis lies between two source pixels.
  struct Tap {
    std::int64_t first, second;
    float weight; ///< of the second
  };
  static std::vector<Tap> taps(std::int64_t begin, std::int64_t extent, std::int64_t resized,
                               std::int64_t offset, std::int64_t size);

  std::vector<Tap> rows, columns;
  std::int64_t firstColumn = 0, lastColumn = 0; ///< source columns that matter
  std::vector<float> line;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_VIDEO_TRANSFORM_H
