//===- PositionTable.h - sine-cosine codes of positions -------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tables are row-major, a row per position; positions of a grid are in (depth,
// row, column) order. All arithmetic is in double.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CORE_POSITIONTABLE_H
#define JEPA_RUNTIME_CORE_POSITIONTABLE_H

#include "runtime/core/Plan.h"

#include <cstdint>
#include <vector>

namespace jepa::rt {

/// Positions 0 .. length-1 in `width` columns: the sines of position / 10000^(2i
/// / width), then the cosines. `width` is even.
std::vector<double> sineCosine1d(std::int64_t length, std::int64_t width);

/// Rows and columns of an image, half of the width each, the row first.
/// `width` is a multiple of 4.
std::vector<double> sineCosine2d(std::int64_t rows, std::int64_t columns, std::int64_t width);

/// Depth, row and column. Uniform: 2 ceil(width/6) columns each, cut to `width`.
/// Otherwise width/2 for the depth and width/4 for row and column; `width` is
/// then a multiple of 8.
std::vector<double> sineCosine3d(const Grid &grid, std::int64_t width, bool uniform);

/// A table resized from one grid to another: trilinear, align_corners false.
std::vector<double> interpolate(const std::vector<double> &table, const Grid &from, const Grid &to,
                                std::int64_t width);

/// The table that a plan's buffer describes: 2-D for images, otherwise
/// 3-D, made for the trained grid and resized where that differs. Throws Error
/// for a width that cannot be divided so.
std::vector<double> positionTable(const Buffer &table);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_CORE_POSITIONTABLE_H
