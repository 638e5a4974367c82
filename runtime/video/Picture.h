//===- Picture.h - small drawings written as PNG --------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_VIDEO_PICTURE_H
#define JEPA_RUNTIME_VIDEO_PICTURE_H

#include "runtime/video/VideoReader.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace jepa::rt {

struct Color {
  std::uint8_t red = 0, green = 0, blue = 0;
};

/// An RGB canvas. Everything drawn is clipped to it.
class Picture {
public:
  Picture(std::int64_t width, std::int64_t height, Color background);

  std::int64_t width() const { return columns; }
  std::int64_t height() const { return rows; }
  Color at(std::int64_t x, std::int64_t y) const;
  RgbView view() const { return {pixels.data(), columns, rows}; }

  /// Mixes `color` into the pixel; 1 replaces it.
  void blend(std::int64_t x, std::int64_t y, Color color, double opacity);
  void fill(std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height, Color color,
            double opacity = 1);
  void frame(std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height, Color color);
  /// An antialiased line.
  void line(double x0, double y0, double x1, double y1, double thickness, Color color, double opacity = 1);
  /// Text in a 5x7 face, each dot `scale` pixels; (x, y) is its upper left.
  /// Characters outside ASCII show as '?'.
  void text(std::int64_t x, std::int64_t y, std::string_view text, int scale, Color color);
  /// The same, turned to read upwards; (x, y) is the upper left of the result.
  void textUpwards(std::int64_t x, std::int64_t y, std::string_view text, int scale, Color color);
  /// An image scaled to the given size: by area when it shrinks, else bilinear.
  void image(std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height, const RgbView &source);

  static std::int64_t textWidth(std::string_view text, int scale);
  static std::int64_t textHeight(int scale) { return 7 * scale; }

  /// Writes a PNG. Throws Error when FFmpeg or the file fails.
  void writePng(const std::string &path) const;

private:
  std::int64_t columns, rows;
  std::vector<std::uint8_t> pixels;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_VIDEO_PICTURE_H
