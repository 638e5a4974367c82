//===- Transform.cpp - crop, resize, flip and normalise frames ------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/Transform.h"

#include <algorithm>
#include <cmath>

namespace jepa::rt {

namespace {

constexpr double mean[3] = {0.485, 0.456, 0.406};
constexpr double deviation[3] = {0.229, 0.224, 0.225};

std::int64_t roundHalfToEven(double value) { return static_cast<std::int64_t>(std::nearbyint(value)); }

} // namespace

CropBox randomCrop(std::int64_t width, std::int64_t height, const CropRange &range, RandomStream &random) {
  CropBox box;
  box.flip = random.uniform() < range.flipProbability;
  double area = static_cast<double>(width) * static_cast<double>(height);
  double low = std::log(range.aspect[0]), high = std::log(range.aspect[1]);
  for (int tries = 0; tries < 10; ++tries) {
    double target = area * random.uniform(range.scale[0], range.scale[1]);
    double aspect = std::exp(random.uniform(low, high));
    box.width = roundHalfToEven(std::sqrt(target * aspect));
    box.height = roundHalfToEven(std::sqrt(target / aspect));
    if (box.width > 0 && box.width <= width && box.height > 0 && box.height <= height) {
      box.top = random.below(height - box.height + 1);
      box.left = random.below(width - box.width + 1);
      return box;
    }
  }
  double aspect = static_cast<double>(width) / static_cast<double>(height);
  box.width = width;
  box.height = height;
  if (aspect < range.aspect[0])
    box.height = std::clamp<std::int64_t>(roundHalfToEven(static_cast<double>(width) / range.aspect[0]), 1, height);
  else if (aspect > range.aspect[1])
    box.width = std::clamp<std::int64_t>(roundHalfToEven(static_cast<double>(height) * range.aspect[1]), 1, width);
  box.top = (height - box.height) / 2;
  box.left = (width - box.width) / 2;
  return box;
}

std::vector<FrameTransform::Tap> FrameTransform::taps(std::int64_t begin, std::int64_t extent, std::int64_t resized,
                                                      std::int64_t offset, std::int64_t size) {
  std::vector<Tap> taps;
  double scale = static_cast<double>(extent) / static_cast<double>(resized);
  for (std::int64_t i = 0; i < size; ++i) {
    double source = std::max(0.0, (static_cast<double>(i + offset) + 0.5) * scale - 0.5);
    auto first = std::min(static_cast<std::int64_t>(source), extent - 1);
    std::int64_t second = std::min(first + 1, extent - 1);
    taps.push_back({begin + first, begin + second, static_cast<float>(source - static_cast<double>(first))});
  }
  return taps;
}

FrameTransform FrameTransform::crop(const CropBox &box, std::int64_t size) {
  FrameTransform transform;
  transform.rows = taps(box.top, box.height, size, 0, size);
  transform.columns = taps(box.left, box.width, size, 0, size);
  transform.firstColumn = box.left;
  transform.lastColumn = box.left + box.width - 1;
  if (box.flip)
    std::reverse(transform.columns.begin(), transform.columns.end());
  return transform;
}

FrameTransform FrameTransform::centre(std::int64_t width, std::int64_t height, std::int64_t size) {
  std::int64_t side = std::max(size * 256 / 224, size);
  std::int64_t resizedWidth = width <= height ? side : std::max(side, side * width / height);
  std::int64_t resizedHeight = width <= height ? std::max(side, side * height / width) : side;
  FrameTransform transform;
  transform.rows = taps(0, height, resizedHeight, roundHalfToEven(static_cast<double>(resizedHeight - size) / 2), size);
  transform.columns = taps(0, width, resizedWidth, roundHalfToEven(static_cast<double>(resizedWidth - size) / 2), size);
  transform.firstColumn = transform.columns.front().first;
  transform.lastColumn = transform.columns.back().second;
  return transform;
}

void FrameTransform::apply(float *clip, std::int64_t frames, std::int64_t t, const RgbView &frame) {
  auto size = static_cast<std::int64_t>(rows.size());
  std::int64_t span = (lastColumn - firstColumn + 1) * 3;
  line.resize(span);
  float scale[3], shift[3];
  float *planes[3];
  for (int c = 0; c < 3; ++c) {
    scale[c] = static_cast<float>(1 / (255 * deviation[c]));
    shift[c] = static_cast<float>(-mean[c] / deviation[c]);
    planes[c] = clip + (c * frames + t) * size * size;
  }
  for (std::int64_t y = 0; y < size; ++y) {
    // Down first: whole rows of bytes, which vector units like; then across.
    const Tap &row = rows[y];
    const std::uint8_t *upper = frame.pixels + (row.first * frame.width + firstColumn) * 3;
    const std::uint8_t *lower = frame.pixels + (row.second * frame.width + firstColumn) * 3;
    float weight = row.weight;
    float *mixed = line.data();
    for (std::int64_t i = 0; i < span; ++i) {
      auto a = static_cast<float>(upper[i]), b = static_cast<float>(lower[i]);
      mixed[i] = a + (b - a) * weight;
    }
    for (std::int64_t x = 0; x < size; ++x) {
      const Tap &column = columns[x];
      const float *left = mixed + (column.first - firstColumn) * 3, *right = mixed + (column.second - firstColumn) * 3;
      for (int c = 0; c < 3; ++c)
        planes[c][y * size + x] = (left[c] + (right[c] - left[c]) * column.weight) * scale[c] + shift[c];
    }
  }
}

} // namespace jepa::rt
