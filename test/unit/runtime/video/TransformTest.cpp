//===- TransformTest.cpp - crop, resize and normalise ---------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/Transform.h"

#include "runtime/io/Safetensors.h"

#include <gtest/gtest.h>

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

} // namespace
