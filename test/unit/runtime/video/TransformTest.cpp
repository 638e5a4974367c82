//===- TransformTest.cpp - crop, resize and normalise ---------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/Transform.h"

#include "runtime/io/Safetensors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

using namespace jepa::rt;

namespace {

TEST(Transform, AgreesWithTheVectors) {
  std::string path = JEPAC_SHARED_DIR "/vectors/train-transform.safetensors";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "no vectors/train-transform.safetensors beside the sources";
  SafetensorsReader file(path);
  std::vector<std::int64_t> shape = file.at("frames").shape;
  std::vector<std::int32_t> bytes(file.at("frames").elements);
  file.read(file.at("frames"), DType::I32, bytes.data());
  std::vector<std::uint8_t> frames(bytes.begin(), bytes.end());
  for (std::string name : {"a", "b", "c"}) {
    std::int32_t box[5];
    file.readShaped("box." + name, {5}, DType::I32, box);
    const TensorInfo &out = file.at("out." + name);
    std::int64_t size = out.shape[3];
    std::vector<float> want(out.elements), clip(out.elements);
    file.read(out, DType::F32, want.data());
    FrameTransform transform = FrameTransform::crop({box[0], box[1], box[2], box[3], box[4] != 0}, size);
    for (std::int64_t t = 0; t < shape[0]; ++t)
      transform.apply(clip.data(), shape[0], t, {frames.data() + t * shape[1] * shape[2] * 3, shape[2], shape[1]});
    double worst = 0;
    for (std::size_t i = 0; i < want.size(); ++i)
      worst = std::max(worst, std::abs(static_cast<double>(clip[i]) - want[i]));
    EXPECT_LT(worst, 1e-5) << name;
  }
}

TEST(Transform, CropsStayWithinTheFrameAndTheRanges) {
  CropRange range;
  RandomStream random{5};
  int flips = 0;
  double least = 1, most = 0;
  for (int i = 0; i < 4000; ++i) {
    CropBox box = randomCrop(426, 240, range, random);
    ASSERT_TRUE(box.top >= 0 && box.left >= 0 && box.width > 0 && box.height > 0);
    ASSERT_TRUE(box.left + box.width <= 426 && box.top + box.height <= 240);
    double share = static_cast<double>(box.width * box.height) / (426 * 240);
    double aspect = static_cast<double>(box.width) / static_cast<double>(box.height);
    least = std::min(least, share);
    most = std::max(most, share);
    EXPECT_GT(aspect, 0.74);
    EXPECT_LT(aspect, 1.37);
    flips += box.flip;
  }
  EXPECT_NEAR(least, 0.3, 0.01);
  EXPECT_GT(most, 0.7); // 240 x 324 is all that the aspects leave
  EXPECT_NEAR(flips, 2000, 200);
}

TEST(Transform, ExtremeShapesFallBackToTheCentre) {
  RandomStream random{6};
  CropBox wide = randomCrop(1000, 10, {}, random), tall = randomCrop(10, 1000, {}, random);
  EXPECT_EQ(wide.height, 10);
  EXPECT_EQ(wide.width, 14); // 13.5, halves to even
  EXPECT_EQ(wide.left, 493);
  EXPECT_EQ(tall.width, 10);
  EXPECT_EQ(tall.height, 13);
  EXPECT_EQ(randomCrop(1, 1, {}, random).width, 1);
}

TEST(Transform, CentreTakesTheMiddle) {
  // A horizontal ramp: the middle of the output is the middle of the frame.
  std::int64_t width = 320, height = 180;
  std::vector<std::uint8_t> pixels;
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      pixels.insert(pixels.end(), 3, static_cast<std::uint8_t>(x * 255 / (width - 1)));
  FrameTransform transform = FrameTransform::centre(width, height, 112);
  std::vector<float> clip(3 * 112 * 112);
  transform.apply(clip.data(), 1, 0, {pixels.data(), width, height});
  auto level = [&](int x) { return (clip[56 * 112 + x] * 0.229 + 0.485) * 255; };
  EXPECT_NEAR((level(55) + level(56)) / 2, 127.5, 1);
  // int(112 * 256 / 224) = 128 pixels for 180 rows: 112 outputs span 157.5 columns.
  EXPECT_NEAR(level(111) - level(0), 157.5 / 320 * 255, 2.5);
  for (float value : clip)
    ASSERT_TRUE(std::isfinite(value));
}

TEST(Transform, TinyFramesGrow) {
  std::uint8_t pixel[3] = {255, 0, 128};
  FrameTransform transform = FrameTransform::crop({0, 0, 1, 1, false}, 8);
  std::vector<float> clip(3 * 64);
  transform.apply(clip.data(), 1, 0, {pixel, 1, 1});
  EXPECT_NEAR(clip[0], (1 - 0.485) / 0.229, 1e-5);
  EXPECT_NEAR(clip[64 + 63], -0.456 / 0.224, 1e-5);
}

/// A frame of planes with smooth pseudo-random contents, and its RGB in double.
struct Planes {
  std::vector<std::uint8_t> planes[3];
  YuvView view;

  Planes(std::int64_t width, std::int64_t height, int shiftX, int shiftY) {
    view = {{}, {}, width, height, shiftX, shiftY, 255.0F / 219, 16, 1.596F, -0.392F, -0.813F, 2.017F};
    for (int p = 0; p < 3; ++p) {
      std::int64_t columns = p ? size(width, shiftX) : width, rows = p ? size(height, shiftY) : height;
      view.strides[p] = columns + 5;
      planes[p].resize(view.strides[p] * rows);
      for (std::int64_t y = 0; y < rows; ++y)
        for (std::int64_t x = 0; x < columns; ++x)
          planes[p][y * view.strides[p] + x] = static_cast<std::uint8_t>(
              p ? 128 + 12 * std::sin(0.9 * x + p) + 12 * std::cos(0.7 * y) : 70 + (x * 37 + y * 23) % 90);
      view.planes[p] = planes[p].data();
    }
  }
  static std::int64_t size(std::int64_t length, int shift) { return (length + (1 << shift) - 1) >> shift; }

  double at(int p, std::int64_t x, std::int64_t y) const { return planes[p][y * view.strides[p] + x]; }
  /// Chroma at a place of luma, between its samples.
  double chroma(int p, std::int64_t x, std::int64_t y) const {
    std::int64_t columns = size(view.width, view.shiftX), rows = size(view.height, view.shiftY);
    double cx = std::clamp((x + 0.5) / (1 << view.shiftX) - 0.5, 0.0, columns - 1.0);
    double cy = std::clamp((y + 0.5) / (1 << view.shiftY) - 0.5, 0.0, rows - 1.0);
    auto x0 = static_cast<std::int64_t>(cx), y0 = static_cast<std::int64_t>(cy);
    std::int64_t x1 = std::min(x0 + 1, columns - 1), y1 = std::min(y0 + 1, rows - 1);
    double wx = cx - x0, wy = cy - y0;
    return (at(p, x0, y0) * (1 - wx) + at(p, x1, y0) * wx) * (1 - wy) +
           (at(p, x0, y1) * (1 - wx) + at(p, x1, y1) * wx) * wy;
  }
  double rgb(int c, std::int64_t x, std::int64_t y) const {
    double luma = view.gain * (at(0, x, y) - view.black), u = chroma(1, x, y) - 128, v = chroma(2, x, y) - 128;
    return c == 0 ? luma + view.redV * v : c == 1 ? luma + view.greenU * u + view.greenV * v : luma + view.blueU * u;
  }
};

/// Bilinear interpolation of the RGB within the box.
double expectedLevel(const Planes &frame, const CropBox &box, std::int64_t size, int c, std::int64_t x,
                     std::int64_t y) {
  auto source = [&](std::int64_t i, std::int64_t extent) {
    return std::clamp((i + 0.5) * static_cast<double>(extent) / static_cast<double>(size) - 0.5, 0.0, extent - 1.0);
  };
  double sx = source(box.flip ? size - 1 - x : x, box.width), sy = source(y, box.height);
  auto x0 = static_cast<std::int64_t>(sx), y0 = static_cast<std::int64_t>(sy);
  std::int64_t x1 = std::min(x0 + 1, box.width - 1), y1 = std::min(y0 + 1, box.height - 1);
  double wx = sx - x0, wy = sy - y0;
  auto at = [&](std::int64_t column, std::int64_t row) { return frame.rgb(c, box.left + column, box.top + row); };
  return (at(x0, y0) * (1 - wx) + at(x1, y0) * wx) * (1 - wy) + (at(x0, y1) * (1 - wx) + at(x1, y1) * wx) * wy;
}

TEST(Transform, PlanesGiveWhatTheirRgbWouldGive) {
  constexpr double mean[3] = {0.485, 0.456, 0.406}, deviation[3] = {0.229, 0.224, 0.225};
  const std::pair<int, int> shifts[] = {{1, 1}, {1, 0}, {0, 0}, {2, 2}};
  for (auto [shiftX, shiftY] : shifts)
    for (CropBox box : {CropBox{0, 0, 45, 61, false}, CropBox{7, 13, 20, 30, true}, CropBox{30, 0, 15, 9, false}}) {
      Planes frame(61, 45, shiftX, shiftY);
      constexpr std::int64_t size = 24;
      std::vector<float> clip(3 * 2 * size * size, -99);
      FrameTransform transform = FrameTransform::crop(box, size);
      transform.apply(clip.data(), 2, 1, frame.view);
      double worst = 0;
      for (int c = 0; c < 3; ++c)
        for (std::int64_t y = 0; y < size; ++y)
          for (std::int64_t x = 0; x < size; ++x) {
            EXPECT_EQ(clip[(c * 2 * size + y) * size + x], -99) << "the other frame";
            double want = (expectedLevel(frame, box, size, c, x, y) / 255 - mean[c]) / deviation[c];
            worst = std::max(worst, std::abs(clip[((c * 2 + 1) * size + y) * size + x] - want));
          }
      EXPECT_LT(worst, 2e-5) << shiftX << shiftY << " box at " << box.left;
    }
}

TEST(Transform, PlanesStayWithinTheRangeOfRgb) {
  Planes frame(8, 8, 1, 1);
  std::fill(frame.planes[0].begin(), frame.planes[0].end(), 250); // whiter than white, and as red as can be
  std::fill(frame.planes[2].begin(), frame.planes[2].end(), 255);
  std::vector<float> clip(3 * 16);
  FrameTransform::crop({0, 0, 8, 8, false}, 4).apply(clip.data(), 1, 0, frame.view);
  EXPECT_NEAR(clip[0], (1 - 0.485) / 0.229, 1e-5);
}

TEST(Transform, BytesAndClipsAreTheSameLevels) {
  std::vector<std::uint8_t> bytes(2 * 16 * 16 * 3), back(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(i * 7 / 3);
  std::vector<float> clip(bytes.size());
  bytesToClip(clip.data(), bytes.data(), 2, 16);
  // Pixel (1, 3, 5) of the second channel.
  EXPECT_NEAR(clip[((1 * 2 + 1) * 16 + 3) * 16 + 5], (bytes[((1 * 16 + 3) * 16 + 5) * 3 + 1] / 255.0 - 0.456) / 0.224, 1e-6);
  clipToBytes(back.data(), clip.data(), 2, 16);
  EXPECT_EQ(back, bytes);
  for (float &x : clip)
    x += 0.4F / 255; // less than half a level of any channel
  clipToBytes(back.data(), clip.data(), 2, 16);
  EXPECT_EQ(back, bytes);
  std::fill(clip.begin(), clip.end(), 1000.0F);
  clipToBytes(back.data(), clip.data(), 2, 16);
  EXPECT_EQ(back, std::vector<std::uint8_t>(bytes.size(), 255));
  std::fill(clip.begin(), clip.end(), -1000.0F);
  clipToBytes(back.data(), clip.data(), 2, 16);
  EXPECT_EQ(back, std::vector<std::uint8_t>(bytes.size(), 0));
}

} // namespace
