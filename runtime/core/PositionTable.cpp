//===- PositionTable.cpp - sine-cosine codes of positions -----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/PositionTable.h"

#include "runtime/core/Error.h"

#include <algorithm>
#include <cmath>
#include <string>

using namespace jepa::rt;

static std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

static void requireMultiple(std::int64_t width, std::int64_t unit, const char *what) {
  if (width < unit || width % unit != 0)
    throw usageError(std::string(what) + " needs a width that is a multiple of " +
                     std::to_string(unit) + ", found " + std::to_string(width));
}

std::vector<double> jepa::rt::sineCosine1d(std::int64_t length, std::int64_t width) {
  requireMultiple(width, 2, "a sine-cosine table");
  std::int64_t half = width / 2;
  std::vector<double> table(size(length * width));
  for (std::int64_t position = 0; position < length; ++position)
    for (std::int64_t i = 0; i < half; ++i) {
      double exponent = static_cast<double>(i) / static_cast<double>(half);
      double angle = static_cast<double>(position) / std::pow(10000.0, exponent);
      table[size(position * width + i)] = std::sin(angle);
      table[size(position * width + half + i)] = std::cos(angle);
    }
  return table;
}

/// Writes `code`'s row for every position of the grid into columns `at` and
/// following, up to the table's width.
static void place(std::vector<double> &table, std::int64_t width, const Grid &grid, int axis,
                  std::int64_t at, std::int64_t codeWidth) {
  std::vector<double> code = sineCosine1d(grid[size(axis)], codeWidth);
  std::int64_t columns = std::min(codeWidth, width - at);
  if (columns <= 0)
    return;
  for (std::int64_t token = 0; token < grid[0] * grid[1] * grid[2]; ++token) {
    std::int64_t place[] = {token / (grid[1] * grid[2]), token / grid[2] % grid[1],
                            token % grid[2]};
    std::copy_n(&code[size(place[axis] * codeWidth)], columns, &table[size(token * width + at)]);
  }
}

std::vector<double> jepa::rt::sineCosine2d(std::int64_t rows, std::int64_t columns,
                                           std::int64_t width) {
  requireMultiple(width, 4, "a two-dimensional position table");
  Grid grid{1, rows, columns};
  std::vector<double> table(size(rows * columns * width));
  place(table, width, grid, 1, 0, width / 2);
  place(table, width, grid, 2, width / 2, width / 2);
  return table;
}

std::vector<double> jepa::rt::sineCosine3d(const Grid &grid, std::int64_t width, bool uniform) {
  if (!uniform)
    requireMultiple(width, 8, "a position table with uniform_power off");
  std::int64_t third = 2 * ((width + 5) / 6);
  std::int64_t depth = uniform ? third : width / 2, side = uniform ? third : width / 4;
  std::vector<double> table(size(grid[0] * grid[1] * grid[2] * width));
  place(table, width, grid, 0, 0, depth);
  place(table, width, grid, 1, depth, side);
  place(table, width, grid, 2, depth + side, side);
  return table;
}

namespace {
/// Where a target index falls between two source indices.
struct Between {
  std::int64_t low, high;
  double weight; ///< of high
};
} // namespace

static std::vector<Between> axis(std::int64_t from, std::int64_t to) {
  std::vector<Between> places;
  for (std::int64_t i = 0; i < to; ++i) {
    double at =
        (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
    at = std::max(at, 0.0);
    std::int64_t low = std::min(static_cast<std::int64_t>(at), from - 1);
    places.push_back({low, std::min(low + 1, from - 1), at - static_cast<double>(low)});
  }
  return places;
}

std::vector<double> jepa::rt::interpolate(const std::vector<double> &table, const Grid &from,
                                          const Grid &to, std::int64_t width) {
  std::vector<Between> depths = axis(from[0], to[0]), rows = axis(from[1], to[1]),
                       columns = axis(from[2], to[2]);
  std::vector<double> result(size(to[0] * to[1] * to[2] * width));
  double *out = result.data();
  for (const Between &z : depths)
    for (const Between &y : rows)
      for (const Between &x : columns) {
        for (int corner = 0; corner < 8; ++corner) {
          bool up = corner & 4, down = corner & 2, right = corner & 1;
          double weight = (up ? z.weight : 1 - z.weight) * (down ? y.weight : 1 - y.weight) *
                          (right ? x.weight : 1 - x.weight);
          std::int64_t token =
              ((up ? z.high : z.low) * from[1] + (down ? y.high : y.low)) * from[2] +
              (right ? x.high : x.low);
          const double *row = &table[size(token * width)];
          for (std::int64_t i = 0; i < width; ++i)
            out[i] += weight * row[i];
        }
        out += width;
      }
  return result;
}

std::vector<double> jepa::rt::positionTable(const Buffer &buffer) {
  Grid grid = buffer.trainedGrid.value_or(buffer.grid);
  std::vector<double> table = buffer.image ? sineCosine2d(grid[1], grid[2], buffer.width)
                                      : sineCosine3d(grid, buffer.width, buffer.uniform);
  return grid == buffer.grid ? table : interpolate(table, grid, buffer.grid, buffer.width);
}
