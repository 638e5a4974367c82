//===- ClipSampling.h - which frames of a video make a clip ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_VIDEO_CLIPSAMPLING_H
#define JEPA_RUNTIME_VIDEO_CLIPSAMPLING_H

#include "runtime/masking/RandomStream.h"

#include <cstdint>
#include <vector>

namespace jepa::rt {

/// V-JEPA's clip: `frames` frames over a span of frames * stride source frames.
///
/// A video longer than the span gives a window of it: `frames` evenly spaced
/// places from its begin to its end, both included, the last one clipped to
/// end - 1 (so the spacing is span / (frames - 1), not the stride). A shorter
/// one gives count / stride evenly spaced frames, then its last frame repeated.
/// `count` is at least 1. The result is ascending, within [0, count).
std::vector<std::int64_t> sampleClip(std::int64_t count, std::int64_t frames, std::int64_t stride,
                                     RandomStream &random);

/// The same with the window in the middle: nothing random.
std::vector<std::int64_t> centreClip(std::int64_t count, std::int64_t frames, std::int64_t stride);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_VIDEO_CLIPSAMPLING_H
