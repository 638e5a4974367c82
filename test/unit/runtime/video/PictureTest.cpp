//===- PictureTest.cpp - drawings -----------------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/Charts.h"

#include "test/unit/runtime/video/TestClips.h"

#include <cmath>

using namespace jepa::rt;

namespace {

TEST(Picture, DrawsWithinItsEdges) {
  Picture picture(20, 10, {255, 255, 255});
  picture.fill(-5, -5, 8, 8, {255, 0, 0});
  picture.line(-1e6, 5, 1e6, 5, 1, {0, 0, 0});
  picture.text(15, 5, "edge \x80", 3, {0, 0, 255});
  picture.frame(18, 8, 10, 10, {0, 255, 0});
  EXPECT_EQ(picture.at(2, 2).green, 0);
  EXPECT_EQ(picture.at(3, 3).green, 255);
  EXPECT_LT(picture.at(10, 5).red, 200);
}

TEST(Picture, ImagesScaleByAreaAndBilinear) {
  std::uint8_t checker[2 * 2 * 3] = {0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0};
  Picture picture(8, 8, {1, 2, 3});
  picture.image(0, 0, 1, 1, {checker, 2, 2});
  EXPECT_NEAR(picture.at(0, 0).red, 127, 2);
  picture.image(0, 0, 8, 8, {checker, 2, 2});
  EXPECT_EQ(picture.at(0, 0).red, 0);
  EXPECT_EQ(picture.at(7, 0).red, 255);
}

TEST(Picture, PngReadsBack) {
  if (!messageOf(requireVideo).empty())
    GTEST_SKIP() << messageOf(requireVideo);
  TemporaryFolder folder;
  Picture picture(33, 17, {10, 20, 30});
  picture.fill(5, 5, 10, 5, {200, 100, 50});
  picture.writePng(folder / "x.png");
  VideoReader reader(folder / "x.png");
  ASSERT_EQ(reader.width(), 33);
  ASSERT_EQ(reader.height(), 17);
  reader.read(std::vector<std::int64_t>{0}, [&](std::size_t, const RgbView &view) {
    for (std::int64_t i = 0; i < 33 * 17 * 3; ++i)
      ASSERT_EQ(view.pixels[i], picture.view().pixels[i]) << i;
  });
  EXPECT_NE(messageOf([&] { picture.writePng(folder / "no/such/x.png"); }).find("cannot write picture"),
            std::string::npos);
}

TEST(Charts, LossCurveTakesAnything) {
  using Points = std::vector<std::pair<std::int64_t, double>>;
  for (const Points &points : {Points{}, Points{{1, 0.5}}, Points{{1, 0.5}, {2, 0.5}}, Points{{1, NAN}, {2, INFINITY}},
                               Points{{1, 1e30}, {100000, -1e30}}, Points{{5, 1e-9}, {6, 2e-9}}})
    EXPECT_EQ(lossCurve(points, "loss").width(), 1000);
}

TEST(Charts, MaskPictureShowsTheRoles) {
  std::vector<float> clip(3 * 2 * 8 * 8, 2.0f); // bright everywhere
  std::vector<std::int32_t> context{0, 4}, target{1, 5};
  Picture picture = maskPicture(clip.data(), 2, 8, Grid{2, 2, 2}, {{context, target}}, "masks");
  // A cell of 64 pixels; the group's row lies 134 below the clip's.
  Color kept = picture.at(150 + 20, 76 + 134 + 20), wanted = picture.at(150 + 84, 76 + 134 + 20);
  Color gone = picture.at(150 + 20, 76 + 134 + 84);
  EXPECT_GT(kept.blue, 200);
  EXPECT_GT(wanted.red, wanted.blue + 50);
  EXPECT_LT(gone.red, 90);
}

} // namespace
