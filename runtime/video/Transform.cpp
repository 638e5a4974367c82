//===- Transform.cpp - crop, resize, flip and normalise frames ------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/Transform.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace jepa::rt {

namespace {

constexpr double mean[3] = {0.485, 0.456, 0.406};
constexpr double deviation[3] = {0.229, 0.224, 0.225};

/// A byte's level x becomes x * scale + shift.
constexpr float scale[3] = {static_cast<float>(1 / (255 * deviation[0])), static_cast<float>(1 / (255 * deviation[1])),
                            static_cast<float>(1 / (255 * deviation[2]))};
constexpr float shift[3] = {static_cast<float>(-mean[0] / deviation[0]), static_cast<float>(-mean[1] / deviation[1]),
                            static_cast<float>(-mean[2] / deviation[2])};

std::int64_t roundHalfToEven(double value) { return static_cast<std::int64_t>(std::nearbyint(value)); }

} // namespace

void clipToBytes(std::uint8_t *bytes, const float *clip, std::int64_t frames, std::int64_t size) {
  std::int64_t pixels = frames * size * size;
  for (int c = 0; c < 3; ++c) {
    float perLevel = 1 / scale[c], zero = 0.5F - shift[c] / scale[c];
    for (std::int64_t i = 0; i < pixels; ++i)
      bytes[i * 3 + c] = static_cast<std::uint8_t>(std::clamp(clip[c * pixels + i] * perLevel + zero, 0.0F, 255.0F));
  }
}

void bytesToClip(float *clip, const std::uint8_t *bytes, std::int64_t frames, std::int64_t size) {
  std::int64_t pixels = frames * size * size;
  for (int c = 0; c < 3; ++c)
    for (std::int64_t i = 0; i < pixels; ++i)
      clip[c * pixels + i] = static_cast<float>(bytes[i * 3 + c]) * scale[c] + shift[c];
}

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
  const std::int64_t size = this->size();
  std::int64_t span = (lastColumn - firstColumn + 1) * 3;
  line.resize(span);
  float *planes[3];
  for (int c = 0; c < 3; ++c)
    planes[c] = clip + (c * frames + t) * size * size;
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

//===----------------------------------------------------------------------===//
// From planes
//===----------------------------------------------------------------------===//

/// Output pixels lie between two places of luma, and each of these between two
/// samples of chroma: together within three neighbours.
std::vector<FrameTransform::ChromaTap> FrameTransform::chromaTaps(const std::vector<Tap> &taps, int shift,
                                                                  std::int64_t size) {
  std::vector<ChromaTap> chroma;
  for (const Tap &tap : taps) {
    auto place = [&](std::int64_t luma) {
      double at = (static_cast<double>(luma) + 0.5) / static_cast<double>(1 << shift) - 0.5;
      return std::clamp(at, 0.0, static_cast<double>(size - 1));
    };
    auto base = static_cast<std::int64_t>(place(tap.first));
    ChromaTap mix{};
    for (int i = 0; i < 3; ++i)
      mix.at[i] = std::min(base + i, size - 1);
    auto add = [&](double at, double weight) {
      auto lower = static_cast<std::int64_t>(at);
      double above = at - static_cast<double>(lower);
      mix.weight[lower - base] += static_cast<float>(weight * (1 - above));
      if (above > 0)
        mix.weight[lower - base + 1] += static_cast<float>(weight * above);
    };
    add(place(tap.first), 1 - tap.weight);
    add(place(tap.second), tap.weight);
    chroma.push_back(mix);
  }
  return chroma;
}

void FrameTransform::RowCache::reset(std::int64_t slots, std::int64_t size) {
  values.resize(slots * size);
  held.assign(slots, -1);
}

/// The slot for a row, whose neighbours keep theirs.
float *FrameTransform::RowCache::find(std::int64_t row, bool &isNew) {
  auto slots = static_cast<std::int64_t>(held.size());
  std::int64_t &slot = held[row % slots];
  isNew = slot != row;
  slot = row;
  return values.data() + row % slots * (static_cast<std::int64_t>(values.size()) / slots);
}

/// Four bytes from `begin` on, moved left where they would go beyond the row; in
/// rows of less than four, bytes that are not there have no weight.
void FrameTransform::Across::add(std::int64_t begin, std::initializer_list<float> shares, std::int64_t rowSize) {
  std::int64_t start = std::clamp<std::int64_t>(rowSize - 4, 0, begin);
  float sums[4] = {};
  for (float share : shares)
    sums[std::min(begin++, rowSize - 1) - start] += share;
  at.push_back(start);
  for (int i = 0; i < 4; ++i)
    weights[i].push_back(sums[i]);
}

void FrameTransform::prepare(const YuvView &frame) {
  auto smaller = [](std::int64_t length, int shift) { return (length + (1 << shift) - 1) >> shift; };
  std::int64_t chromaWidth = smaller(frame.width, frame.shiftX);
  chromaRows = chromaTaps(rows, frame.shiftY, smaller(frame.height, frame.shiftY));
  for (const Tap &tap : columns) // at an edge both are one place
    lumaAcross.add(tap.first, {tap.second > tap.first ? 1 - tap.weight : 1, tap.second > tap.first ? tap.weight : 0},
                   frame.width);
  for (const ChromaTap &tap : chromaTaps(columns, frame.shiftX, chromaWidth))
    chromaAcross.add(tap.at[0], {tap.weight[0], tap.weight[1], tap.weight[2]}, chromaWidth);
  gathered.resize(rows.size());
}

// The loops below are the loader's own share of the work; wider vectors do the
// same arithmetic, so every machine gets the same clips.
#if defined(__x86_64__)
#define JEPA_WIDE __attribute__((target("avx2")))
static const bool hasWideVectors = __builtin_cpu_supports("avx2");
#else
#define JEPA_WIDE
static const bool hasWideVectors = false;
#endif
#define JEPA_INLINE static inline __attribute__((always_inline))

JEPA_INLINE void mixBytes(std::int64_t size, const std::uint32_t *bytes, const float *w0, const float *w1,
                          const float *w2, const float *w3, float *__restrict out) {
  auto byte = [](std::uint32_t four, int i) { return static_cast<float>(static_cast<int>(four >> 8 * i & 255)); };
  for (std::int64_t x = 0; x < size; ++x)
    out[x] = byte(bytes[x], 0) * w0[x] + byte(bytes[x], 1) * w1[x] + byte(bytes[x], 2) * w2[x] + byte(bytes[x], 3) * w3[x];
}
JEPA_WIDE static void mixBytesWide(std::int64_t size, const std::uint32_t *bytes, const float *w0, const float *w1,
                                   const float *w2, const float *w3, float *out) {
  mixBytes(size, bytes, w0, w1, w2, w3, out);
}

const float *FrameTransform::resampledRow(const YuvView &frame, int plane, std::int64_t row) {
  bool isNew;
  float *out = caches[plane].find(row, isNew);
  if (!isNew)
    return out;
  const std::uint8_t *in = frame.planes[plane] + row * frame.strides[plane];
  const Across &across = plane ? chromaAcross : lumaAcross;
  std::int64_t width = plane ? (frame.width + (1 << frame.shiftX) - 1) >> frame.shiftX : frame.width;
  if (width >= 4)
    for (std::size_t x = 0; x < gathered.size(); ++x)
      std::memcpy(&gathered[x], in + across.at[x], 4);
  else
    for (std::uint32_t &four : gathered) {
      four = 0;
      for (std::int64_t i = 0; i < width; ++i)
        four |= static_cast<std::uint32_t>(in[i]) << 8 * i;
    }
  const auto *w = across.weights;
  (hasWideVectors ? mixBytesWide : mixBytes)(size(), gathered.data(), w[0].data(), w[1].data(), w[2].data(),
                                             w[3].data(), out);
  return out;
}

/// The source rows of an output row.
struct RowMix {
  const float *luma[2], *u[3], *v[3];
  float lumaWeight, weights[3];
};

/// One row of the output: down, to RGB, to the range, normalised.
JEPA_INLINE void finishRow(const YuvView &frame, std::int64_t size, const RowMix &mix, float *__restrict red,
                           float *__restrict green, float *__restrict blue) {
  const float *y0 = mix.luma[0], *y1 = mix.luma[1], *u0 = mix.u[0], *u1 = mix.u[1], *u2 = mix.u[2], *v0 = mix.v[0],
              *v1 = mix.v[1], *v2 = mix.v[2];
  const float gain = frame.gain, black = frame.black, redV = frame.redV, greenU = frame.greenU, greenV = frame.greenV,
              blueU = frame.blueU, weight = mix.lumaWeight, m0 = mix.weights[0], m1 = mix.weights[1],
              m2 = mix.weights[2];
  auto level = [](float value, int c) {
    value = value < 0 ? 0 : value;
    value = value > 255 ? 255 : value;
    return value * scale[c] + shift[c];
  };
  for (std::int64_t x = 0; x < size; ++x) {
    float y = gain * (y0[x] + (y1[x] - y0[x]) * weight - black);
    float cb = u0[x] * m0 + u1[x] * m1 + u2[x] * m2 - 128;
    float cr = v0[x] * m0 + v1[x] * m1 + v2[x] * m2 - 128;
    red[x] = level(y + redV * cr, 0);
    green[x] = level(y + greenU * cb + greenV * cr, 1);
    blue[x] = level(y + blueU * cb, 2);
  }
}
JEPA_WIDE static void finishRowWide(const YuvView &frame, std::int64_t size, const RowMix &mix, float *red, float *green,
                                    float *blue) {
  finishRow(frame, size, mix, red, green, blue);
}

void FrameTransform::apply(float *clip, std::int64_t frames, std::int64_t t, const YuvView &frame) {
  const std::int64_t size = this->size();
  if (chromaRows.empty())
    prepare(frame);
  caches[0].reset(2, size);
  caches[1].reset(3, size);
  caches[2].reset(3, size);
  float *planes[3];
  for (int c = 0; c < 3; ++c)
    planes[c] = clip + (c * frames + t) * size * size;
  for (std::int64_t y = 0; y < size; ++y) {
    const ChromaTap &tap = chromaRows[y];
    RowMix mix{{resampledRow(frame, 0, rows[y].first), resampledRow(frame, 0, rows[y].second)},
               {},
               {},
               rows[y].weight,
               {tap.weight[0], tap.weight[1], tap.weight[2]}};
    for (int i = 0; i < 3; ++i) {
      mix.u[i] = resampledRow(frame, 1, tap.at[i]);
      mix.v[i] = resampledRow(frame, 2, tap.at[i]);
    }
    (hasWideVectors ? finishRowWide : finishRow)(frame, size, mix, planes[0] + y * size, planes[1] + y * size,
                                                 planes[2] + y * size);
  }
}

} // namespace jepa::rt
