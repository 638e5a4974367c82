//===- Charts.h - the loss curve and the picture of masks -----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_VIDEO_CHARTS_H
#define JEPA_RUNTIME_VIDEO_CHARTS_H

#include "runtime/core/Plan.h"
#include "runtime/video/Picture.h"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace jepa::rt {

/// Loss over steps: every value thin, a running mean bold, axes with round
/// ticks. Values that are not finite are left out.
Picture lossCurve(std::span<const std::pair<std::int64_t, double>> points, const std::string &title);

/// The masks of one clip, as one row of pictures each: the first indices count.
struct MaskRow {
  std::span<const std::int32_t> context, target;
};

/// A clip (normalised floats [3, frames, size, size]) and its masks. Columns are
/// the time slices; the first row shows the clip, then one row per group: the
/// context as it is, targets tinted, everything else dark and hatched.
Picture maskPicture(const float *clip, std::int64_t frames, std::int64_t size, const Grid &grid,
                    const std::vector<MaskRow> &groups, const std::string &title);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_VIDEO_CHARTS_H
