//===- ClipSamplingTest.cpp - the index rule of a clip --------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/video/ClipSampling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

using namespace jepa::rt;

namespace {

using Indices = std::vector<std::int64_t>;

TEST(ClipSampling, SpacingIsSpanOverFramesLessOne) {
  // linspace(10, 74, 16), floored and clipped to 73: steps of 4.27.
  EXPECT_EQ(centreClip(84, 16, 4), (Indices{10, 14, 18, 22, 27, 31, 35, 39, 44, 48, 52, 56, 61, 65, 69, 73}));
}

TEST(ClipSampling, WindowsAreUniform) {
  RandomStream random{1};
  std::set<std::int64_t> starts;
  for (int i = 0; i < 2000; ++i) {
    Indices clip = sampleClip(80, 16, 4, random);
    ASSERT_EQ(clip.size(), 16u);
    EXPECT_TRUE(std::is_sorted(clip.begin(), clip.end()));
    EXPECT_EQ(clip.back() - clip.front(), 63);
    starts.insert(clip.front());
  }
  EXPECT_EQ(starts.size(), 16u); // ends 64 to 79 of [64, 80)
  EXPECT_EQ(*starts.begin(), 0);
  EXPECT_EQ(*starts.rbegin(), 15);
}

TEST(ClipSampling, ShortVideosRepeatTheLastFrame) {
  RandomStream random{1};
  EXPECT_EQ(sampleClip(10, 6, 4, random), (Indices{0, 9, 9, 9, 9, 9}));  // linspace(0, 10, 2), then the last
  EXPECT_EQ(sampleClip(12, 6, 4, random), (Indices{0, 6, 11, 11, 11, 11}));
  EXPECT_EQ(sampleClip(24, 6, 4, random), (Indices{0, 4, 9, 14, 19, 23})); // exactly a span
  EXPECT_EQ(sampleClip(3, 4, 4, random), (Indices{2, 2, 2, 2}));
  EXPECT_EQ(centreClip(1, 4, 4), (Indices{0, 0, 0, 0}));
}

TEST(ClipSampling, OneFrame) {
  RandomStream random{2};
  for (int i = 0; i < 100; ++i) {
    Indices clip = sampleClip(50, 1, 4, random);
    ASSERT_EQ(clip.size(), 1u);
    EXPECT_TRUE(clip[0] >= 0 && clip[0] < 50);
  }
  EXPECT_EQ(centreClip(50, 1, 4), (Indices{23}));
  EXPECT_EQ(centreClip(1, 1, 1), (Indices{0}));
}

TEST(ClipSampling, AlwaysInRange) {
  RandomStream random{3};
  for (std::int64_t count = 1; count < 200; ++count)
    for (std::int64_t frames : {1, 2, 8, 16})
      for (std::int64_t stride : {1, 3, 4})
        for (const Indices &clip : {sampleClip(count, frames, stride, random), centreClip(count, frames, stride)}) {
          ASSERT_EQ(static_cast<std::int64_t>(clip.size()), frames);
          ASSERT_TRUE(std::is_sorted(clip.begin(), clip.end()));
          ASSERT_TRUE(clip.front() >= 0 && clip.back() < count);
        }
}

} // namespace
