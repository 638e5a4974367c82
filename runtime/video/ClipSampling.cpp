//===- ClipSampling.cpp - which frames of a video make a clip -------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/ClipSampling.h"

#include <algorithm>
#include <cmath>

namespace jepa::rt {

namespace {

/// Evenly spaced places from `begin` to `end`, both included, rounded down and
/// clipped to end - 1.
void spread(std::vector<std::int64_t> &out, std::int64_t begin, std::int64_t end, std::int64_t places) {
  double spacing = places > 1 ? static_cast<double>(end - begin) / static_cast<double>(places - 1) : 0;
  for (std::int64_t i = 0; i < places; ++i) {
    auto place = static_cast<std::int64_t>(std::floor(static_cast<double>(begin) + static_cast<double>(i) * spacing));
    out.push_back(std::clamp(place, begin, end - 1));
  }
}

std::vector<std::int64_t> shortClip(std::int64_t count, std::int64_t frames, std::int64_t stride) {
  std::vector<std::int64_t> indices;
  spread(indices, 0, count, std::min(count / stride, frames));
  indices.resize(frames, count - 1);
  return indices;
}

std::vector<std::int64_t> window(std::int64_t end, std::int64_t frames, std::int64_t span) {
  std::vector<std::int64_t> indices;
  spread(indices, end - span, end, frames);
  return indices;
}

} // namespace

std::vector<std::int64_t> sampleClip(std::int64_t count, std::int64_t frames, std::int64_t stride,
                                     RandomStream &random) {
  std::int64_t span = frames * stride;
  return count > span ? window(span + random.below(count - span), frames, span) : shortClip(count, frames, stride);
}

std::vector<std::int64_t> centreClip(std::int64_t count, std::int64_t frames, std::int64_t stride) {
  std::int64_t span = frames * stride;
  return count > span ? window(span + (count - span) / 2, frames, span) : shortClip(count, frames, stride);
}

} // namespace jepa::rt
