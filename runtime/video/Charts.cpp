//===- Charts.cpp - the loss curve and the picture of masks ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/Charts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace jepa::rt {

namespace {

constexpr Color paper{255, 255, 255}, ink{38, 42, 51}, faint{118, 124, 135}, grid{229, 232, 238};
constexpr Color curve{31, 98, 189}, targetTint{255, 140, 26}, hidden{22, 24, 30}, hatch{58, 62, 74};

/// 1, 2 or 5 times a power of ten, so that about `count` of them fill `range`.
double tickStep(double range, double count) {
  double rough = range / count, power = std::pow(10, std::floor(std::log10(rough)));
  double share = rough / power;
  return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

std::string number(double value, double step) {
  char text[48];
  int digits = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  if (digits > 6)
    std::snprintf(text, sizeof text, "%.3g", value);
  else
    std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

/// Mean over a window around each value, as wide as the neighbours allow on
/// both sides, so that the ends are not pulled inwards.
std::vector<double> smooth(const std::vector<double> &values) {
  std::vector<double> sums(1, 0.0), result;
  for (double value : values)
    sums.push_back(sums.back() + value);
  auto size = static_cast<std::int64_t>(values.size());
  std::int64_t most = std::max<std::int64_t>(size / 40, 1);
  for (std::int64_t i = 0; i < size; ++i) {
    std::int64_t reach = std::min({most, i, size - 1 - i});
    result.push_back((sums[i + reach + 1] - sums[i - reach]) / static_cast<double>(2 * reach + 1));
  }
  return result;
}

/// Maps values to pixels along one axis.
struct Scale {
  double low, high, from, to;
  double operator()(double value) const { return from + (value - low) / (high - low) * (to - from); }
};

} // namespace

Picture lossCurve(std::span<const std::pair<std::int64_t, double>> points, const std::string &title) {
  std::vector<double> steps, losses;
  for (auto [step, loss] : points)
    if (std::isfinite(loss)) {
      steps.push_back(static_cast<double>(step));
      losses.push_back(loss);
    }
  Picture picture(1000, 600, paper);
  constexpr double left = 110, right = 970, top = 70, bottom = 530;
  picture.text(static_cast<std::int64_t>(left), 26, title, 2, ink);
  if (losses.empty()) {
    picture.text(400, 290, "no finite losses", 2, faint);
    return picture;
  }
  auto [least, most] = std::minmax_element(losses.begin(), losses.end());
  double low = *least, high = *most;
  double margin = high > low ? (high - low) * 0.05 : std::max(std::abs(high) * 0.1, 1e-6);
  low -= margin;
  high += margin;
  double firstStep = steps.front(), lastStep = steps.back() > firstStep ? steps.back() : firstStep + 1;
  Scale across{firstStep, lastStep, left, right}, up{low, high, bottom, top};

  double stepY = tickStep(high - low, 6);
  for (double value = std::ceil(low / stepY) * stepY; value <= high; value += stepY) {
    auto y = static_cast<std::int64_t>(up(value));
    picture.fill(static_cast<std::int64_t>(left), y, static_cast<std::int64_t>(right - left), 1, grid);
    std::string label = number(std::abs(value) < stepY * 1e-9 ? 0 : value, stepY);
    picture.text(static_cast<std::int64_t>(left) - 12 - Picture::textWidth(label, 2), y - 7, label, 2, faint);
  }
  double stepX = std::max(tickStep(lastStep - firstStep, 8), 1.0);
  for (double value = std::ceil(firstStep / stepX) * stepX; value <= lastStep; value += stepX) {
    auto x = static_cast<std::int64_t>(across(value));
    picture.fill(x, static_cast<std::int64_t>(bottom), 1, 7, faint);
    std::string label = number(value, stepX);
    picture.text(x - Picture::textWidth(label, 2) / 2, static_cast<std::int64_t>(bottom) + 14, label, 2, faint);
  }
  picture.fill(static_cast<std::int64_t>(left), static_cast<std::int64_t>(bottom),
               static_cast<std::int64_t>(right - left) + 1, 2, faint);
  picture.text(static_cast<std::int64_t>((left + right) / 2) - 24, 572, "step", 2, ink);
  picture.textUpwards(18, 276, "loss", 2, ink);

  // Thousands of overlapping segments must not become opaque: thin them.
  std::vector<double> mean = smooth(losses);
  double faintness = std::clamp(250.0 / static_cast<double>(losses.size()), 0.12, 0.45);
  for (std::size_t i = 1; i < losses.size(); ++i)
    picture.line(across(steps[i - 1]), up(losses[i - 1]), across(steps[i]), up(losses[i]), 1, curve, faintness);
  for (std::size_t i = 1; i < mean.size(); ++i)
    picture.line(across(steps[i - 1]), up(mean[i - 1]), across(steps[i]), up(mean[i]), 3, curve);
  if (mean.size() == 1)
    picture.line(across(steps[0]), up(mean[0]), across(steps[0]), up(mean[0]), 6, curve);
  return picture;
}

Picture maskPicture(const float *clip, std::int64_t frames, std::int64_t size, const Grid &tokens,
                    const std::vector<MaskRow> &groups, const std::string &title) {
  constexpr double mean[3] = {0.485, 0.456, 0.406}, deviation[3] = {0.229, 0.224, 0.225};
  constexpr std::int64_t gap = 6, captionWidth = 150, header = 76, footer = 48;
  std::int64_t slices = tokens[0], rows = tokens[1], columns = tokens[2];
  // Whole pixels per token, about 130 pixels per picture.
  std::int64_t cell = std::max<std::int64_t>((128 + std::max(rows, columns) - 1) / std::max(rows, columns), 4);
  std::int64_t width = cell * columns, height = cell * rows;
  auto pictureRows = static_cast<std::int64_t>(groups.size()) + 1;
  std::int64_t total = std::max<std::int64_t>(captionWidth + slices * (width + gap) + 12, 640);
  Picture picture(total, header + pictureRows * (height + gap) + footer, paper);
  picture.text(12, 14, title, 2, ink);

  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(size * size * 3));
  for (std::int64_t t = 0; t < slices; ++t) {
    std::int64_t frame = t * frames / slices, x = captionWidth + t * (width + gap);
    for (std::int64_t i = 0; i < size * size; ++i)
      for (int c = 0; c < 3; ++c) {
        double level = (clip[(c * frames + frame) * size * size + i] * deviation[c] + mean[c]) * 255;
        pixels[i * 3 + c] = static_cast<std::uint8_t>(std::clamp(std::lround(level), 0l, 255l));
      }
    std::string caption = slices > 1 ? "t = " + std::to_string(t) : "image";
    picture.text(x + (width - Picture::textWidth(caption, 2)) / 2, header - 24, caption, 2, faint);
    for (std::int64_t row = 0; row < pictureRows; ++row)
      picture.image(x, header + row * (height + gap), width, height, {pixels.data(), size, size});
  }

  picture.text(12, header + height / 2 - 7, "clip", 2, ink);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::int64_t y = header + (static_cast<std::int64_t>(g) + 1) * (height + gap);
    picture.text(12, y + height / 2 - 30, "mask " + std::to_string(g), 2, ink);
    picture.text(12, y + height / 2 - 6, std::to_string(groups[g].context.size()) + " context", 1, faint);
    picture.text(12, y + height / 2 + 8, std::to_string(groups[g].target.size()) + " targets", 1, faint);
    picture.text(12, y + height / 2 + 22, "of " + std::to_string(slices * rows * columns) + " tokens", 1, faint);
    std::vector<char> role(slices * rows * columns, 0);
    for (std::int32_t token : groups[g].context)
      role[token] = 'c';
    for (std::int32_t token : groups[g].target)
      role[token] = 't';
    for (std::int64_t token = 0; token < slices * rows * columns; ++token) {
      std::int64_t t = token / (rows * columns), row = token / columns % rows, column = token % columns;
      std::int64_t left = captionWidth + t * (width + gap) + column * cell, top = y + row * cell;
      if (role[token] == 'c')
        continue;
      picture.fill(left, top, cell, cell, hidden, role[token] == 't' ? 0.45 : 0.86);
      if (role[token] == 't')
        picture.fill(left, top, cell, cell, targetTint, 0.55);
      else
        for (std::int64_t i = 0; i < cell; ++i) // diagonals that continue from cell to cell
          for (std::int64_t j = 0; j < cell; ++j)
            if ((left + j + top + i) % 8 < 2)
              picture.blend(left + j, top + i, hatch, 1);
    }
  }

  std::int64_t y = picture.height() - 32, x = captionWidth;
  auto legend = [&](Color color, bool hatched, const char *text) {
    picture.fill(x, y, 18, 18, color);
    for (std::int64_t i = 0; hatched && i < 18; ++i)
      for (std::int64_t j = 0; j < 18; ++j)
        if ((i + j) % 8 < 2)
          picture.blend(x + j, y + i, hatch, 1);
    picture.frame(x, y, 18, 18, faint);
    picture.text(x + 26, y + 2, text, 2, ink);
    x += 26 + Picture::textWidth(text, 2) + 30;
  };
  legend(paper, false, "context (as it is)");
  legend(targetTint, false, "target");
  legend(hidden, true, "in neither");
  return picture;
}

} // namespace jepa::rt
