//===- Picture.cpp - small drawings written as PNG ------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/Picture.h"

#include "runtime/core/Error.h"
#include "runtime/video/FFmpeg.h"
#include "runtime/video/Font.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

namespace jepa::rt {

Picture::Picture(std::int64_t width, std::int64_t height, Color background)
    : columns(width), rows(height), pixels(static_cast<std::size_t>(width * height * 3)) {
  fill(0, 0, width, height, background);
}

Color Picture::at(std::int64_t x, std::int64_t y) const {
  const std::uint8_t *pixel = pixels.data() + (y * columns + x) * 3;
  return {pixel[0], pixel[1], pixel[2]};
}

void Picture::blend(std::int64_t x, std::int64_t y, Color color, double opacity) {
  if (x < 0 || y < 0 || x >= columns || y >= rows || opacity <= 0)
    return;
  opacity = std::min(opacity, 1.0);
  std::uint8_t *pixel = pixels.data() + (y * columns + x) * 3;
  auto mix = [&](std::uint8_t old, std::uint8_t wanted) {
    return static_cast<std::uint8_t>(std::lround(old + (wanted - old) * opacity));
  };
  pixel[0] = mix(pixel[0], color.red);
  pixel[1] = mix(pixel[1], color.green);
  pixel[2] = mix(pixel[2], color.blue);
}

void Picture::fill(std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height, Color color,
                   double opacity) {
  std::int64_t right = std::min(x + width, columns), bottom = std::min(y + height, rows);
  for (std::int64_t row = std::max<std::int64_t>(y, 0); row < bottom; ++row)
    for (std::int64_t column = std::max<std::int64_t>(x, 0); column < right; ++column)
      blend(column, row, color, opacity);
}

void Picture::frame(std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height, Color color) {
  fill(x, y, width, 1, color);
  fill(x, y + height - 1, width, 1, color);
  fill(x, y + 1, 1, height - 2, color);
  fill(x + width - 1, y + 1, 1, height - 2, color);
}

void Picture::line(double x0, double y0, double x1, double y1, double thickness, Color color, double opacity) {
  // Coverage by distance to the segment, from pixel centres. The first pixel of
  // the segment's box may be far outside the canvas: clip before the loops.
  double reach = thickness / 2 + 1, dx = x1 - x0, dy = y1 - y0, length = dx * dx + dy * dy;
  auto limit = [](double value, std::int64_t most) {
    return static_cast<std::int64_t>(std::clamp(value, 0.0, static_cast<double>(most)));
  };
  std::int64_t left = limit(std::min(x0, x1) - reach, columns), right = limit(std::max(x0, x1) + reach + 1, columns);
  std::int64_t top = limit(std::min(y0, y1) - reach, rows), bottom = limit(std::max(y0, y1) + reach + 1, rows);
  for (std::int64_t y = top; y < bottom; ++y)
    for (std::int64_t x = left; x < right; ++x) {
      double px = static_cast<double>(x) + 0.5 - x0, py = static_cast<double>(y) + 0.5 - y0;
      double along = length > 0 ? std::clamp((px * dx + py * dy) / length, 0.0, 1.0) : 0;
      double distance = std::hypot(px - along * dx, py - along * dy);
      blend(x, y, color, opacity * std::clamp(thickness / 2 + 0.5 - distance, 0.0, 1.0));
    }
}

std::int64_t Picture::textWidth(std::string_view text, int scale) {
  return text.empty() ? 0 : (static_cast<std::int64_t>(text.size()) * 6 - 1) * scale;
}

void Picture::text(std::int64_t x, std::int64_t y, std::string_view text, int scale, Color color) {
  for (char character : text) {
    for (int row = 0; row < 7; ++row)
      for (int column = 0; column < 5; ++column)
        if (fontDot(character, column, row))
          fill(x + column * scale, y + row * scale, scale, scale, color);
    x += 6 * scale;
  }
}

void Picture::textUpwards(std::int64_t x, std::int64_t y, std::string_view text, int scale, Color color) {
  y += textWidth(text, scale);
  for (char character : text) {
    for (int row = 0; row < 7; ++row)
      for (int column = 0; column < 5; ++column)
        if (fontDot(character, column, row))
          fill(x + row * scale, y - (column + 1) * scale, scale, scale, color);
    y -= 6 * scale;
  }
}

void Picture::image(std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height, const RgbView &source) {
  // A tent as wide as the larger of the two pixels: bilinear when it grows, an
  // average over what falls into the pixel when it shrinks.
  struct Span {
    std::int64_t first;
    std::vector<double> weights;
  };
  auto spans = [](std::int64_t from, std::int64_t to) {
    std::vector<Span> result;
    double scale = static_cast<double>(from) / static_cast<double>(to), reach = std::max(scale, 1.0);
    for (std::int64_t i = 0; i < to; ++i) {
      double centre = (static_cast<double>(i) + 0.5) * scale - 0.5, sum = 0;
      auto first = std::max<std::int64_t>(static_cast<std::int64_t>(std::ceil(centre - reach)), 0);
      auto last = std::min<std::int64_t>(static_cast<std::int64_t>(std::floor(centre + reach)), from - 1);
      Span span{first, {}};
      for (std::int64_t j = first; j <= last; ++j) {
        span.weights.push_back(std::max(1 - std::abs(static_cast<double>(j) - centre) / reach, 1e-9));
        sum += span.weights.back();
      }
      for (double &weight : span.weights)
        weight /= sum;
      result.push_back(std::move(span));
    }
    return result;
  };
  std::vector<Span> across = spans(source.width, width), down = spans(source.height, height);
  for (std::int64_t row = 0; row < height; ++row)
    for (std::int64_t column = 0; column < width; ++column) {
      double sum[3] = {0, 0, 0};
      for (std::size_t i = 0; i < down[row].weights.size(); ++i)
        for (std::size_t j = 0; j < across[column].weights.size(); ++j) {
          auto sourceRow = down[row].first + static_cast<std::int64_t>(i);
          auto sourceColumn = across[column].first + static_cast<std::int64_t>(j);
          const std::uint8_t *pixel = source.pixels + (sourceRow * source.width + sourceColumn) * 3;
          double weight = down[row].weights[i] * across[column].weights[j];
          for (int c = 0; c < 3; ++c)
            sum[c] += weight * pixel[c];
        }
      auto level = [&](int c) { return static_cast<std::uint8_t>(std::clamp(std::lround(sum[c]), 0l, 255l)); };
      blend(x + column, y + row, {level(0), level(1), level(2)}, 1);
    }
}

#if JEPAC_WITH_FFMPEG

void Picture::writePng(const std::string &path) const {
  const FFmpeg &av = ffmpeg();
  auto fail = [&](const std::string &why) { throw Error("cannot write picture " + path + ": " + why); };
  const AVCodec *encoder = av.avcodec_find_encoder(AV_CODEC_ID_PNG);
  if (!encoder)
    fail("this FFmpeg has no png encoder");
  FFmpegOwner<AVCodecContext> codec(av.avcodec_alloc_context3(encoder));
  FFmpegOwner<AVFrame> frame(av.av_frame_alloc());
  FFmpegOwner<AVPacket> packet(av.av_packet_alloc());
  if (!codec || !frame || !packet)
    fail("out of memory");
  codec->width = frame->width = static_cast<int>(columns);
  codec->height = frame->height = static_cast<int>(rows);
  codec->pix_fmt = AV_PIX_FMT_RGB24;
  frame->format = AV_PIX_FMT_RGB24;
  codec->time_base = {1, 1};
  codec->thread_count = 1;
  int error = av.avcodec_open2(codec.get(), encoder, nullptr);
  if (error >= 0)
    error = av.av_frame_get_buffer(frame.get(), 0);
  if (error < 0)
    fail(av.describe(error));
  for (std::int64_t y = 0; y < rows; ++y)
    std::memcpy(frame->data[0] + y * frame->linesize[0], pixels.data() + y * columns * 3, columns * 3);
  error = av.avcodec_send_frame(codec.get(), frame.get());
  if (error >= 0)
    error = av.avcodec_send_frame(codec.get(), nullptr);
  if (error >= 0)
    error = av.avcodec_receive_packet(codec.get(), packet.get());
  if (error < 0)
    fail(av.describe(error));
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char *>(packet->data), packet->size);
  file.close();
  if (!file)
    fail(std::strerror(errno));
}

#else

void Picture::writePng(const std::string &path) const { throw noFFmpeg(path); }

#endif // JEPAC_WITH_FFMPEG

} // namespace jepa::rt
