//===- RandomTest.cpp - random numbers by counter -------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/Random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

using namespace jepa::rt;

TEST(Random, IsPhilox) {
  // The known answers that its authors publish.
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, DependsOnSeedStreamAndIndexAlone) {
  EXPECT_EQ(Random(1, "a").bits(7), Random(1, "a").bits(7));
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed : {0, 1, 2})
    for (const char *name : {"a", "b", "ab"})
      for (std::uint64_t index : {0, 1, 2})
        seen.insert(Random(seed, name).bits(index));
  EXPECT_EQ(seen.size(), 27u);
}

TEST(Random, HasTheMomentsOfItsDistributions) {
  Random random(42, 0);
  constexpr int count = 200000;
  double uniform = 0, mean = 0, square = 0, fourth = 0, product = 0, last = 0;
  for (int i = 0; i < count; ++i) {
    auto index = static_cast<std::uint64_t>(i);
    double u = random.uniform(index), x = random.normal(index);
    ASSERT_TRUE(u >= 0 && u < 1);
    uniform += u / count, mean += x / count, square += x * x / count;
    fourth += x * x * x * x / count, product += x * last / count;
    last = x;
  }
  EXPECT_NEAR(uniform, 0.5, 0.004);
  EXPECT_NEAR(mean, 0, 0.012);
  EXPECT_NEAR(square, 1, 0.02);
  EXPECT_NEAR(fourth, 3, 0.15);
  EXPECT_NEAR(product, 0, 0.012);
}

TEST(Random, CutsWhatItTruncates) {
  Random random(1, 2);
  for (std::uint64_t i = 0; i < 10000; ++i) {
    ASSERT_LE(std::abs(random.truncatedNormal(i, 1.0, 0.5)), 0.5);
    ASSERT_EQ(random.truncatedNormal(i, 0.02, 2), 0.02 * random.normal(i));
  }
  // Many at once are what they are one by one, wherever they begin.
  for (std::uint64_t first : {0, 1, 6}) {
    std::vector<double> values(9);
    random.truncatedNormals(first, values, 1.0, 0.5);
    for (std::uint64_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(values[i], random.truncatedNormal(first + i, 1.0, 0.5));
  }
  EXPECT_EQ(random.truncatedNormal(0, 0, 2), 0);
  EXPECT_LE(std::abs(random.truncatedNormal(0, 1, 1e-300)), 1e-300);
}

TEST(Random, ReachesEveryNumberBelow) {
  Random random(3, 4);
  std::array<int, 5> seen{};
  for (std::uint64_t i = 0; i < 5000; ++i)
    ++seen.at(random.below(i, 5));
  for (int times : seen)
    EXPECT_NEAR(times, 1000, 150);
}
