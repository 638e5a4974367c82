//===- ExecutorTest.cpp - what the executor reports, and what fragments hold ---===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "simt/Cases.h"

#include <gtest/gtest.h>

using namespace jepa::device;
using namespace simt;

extern "C" void misuse(float *, const float *, int);
extern "C" void divergent(float *);
extern "C" void fragments(float *, unsigned *, unsigned *, const bf16 *, const bf16 *);

namespace {

/// What a fault of `misuse` is reported as, under one order; empty: nothing.
std::string reportOf(int fault, Order order = Order::Shuffled, std::size_t sharedBytes = 1024) {
  std::vector<float> to(128), from(128, 1);
  try {
    launch({order, Landing::Late}, {1}, 128, sharedBytes, misuse, to.data(), from.data(), fault);
  } catch (const Error &error) {
    return error.what();
  }
  for (float sum : to)
    EXPECT_EQ(sum, 128);
  return "";
}

TEST(Executor, ReportsWhatCudaLeavesUndefined) {
  EXPECT_EQ(reportOf(0), "");
  const char *expected[] = {"threads 40..127: returned",     "deadlock",          "divergent warp",
                            "which is not among lanes",      "not aligned to 16", "returned with copies in flight",
                            "a row that is not aligned",     "expects",           "threads arrived at a barrier",
                            "40 threads are not whole warps"};
  for (Order order : {Order::FirstIn, Order::LastIn, Order::Shuffled})
    for (int fault = 1; fault <= 10; ++fault)
      EXPECT_NE(reportOf(fault, order).find(expected[fault - 1]), std::string::npos)
          << fault << ": " << reportOf(fault, order);
  EXPECT_NE(reportOf(0, Order::FirstIn, 64).find("was launched with 64"), std::string::npos);
}

TEST(Executor, NamesThreadsAndPlacesOfADeadlock) {
  std::string report = reportOf(1);
  EXPECT_NE(
      report.find("block (0,0,0): deadlock, 40 threads have not returned; threads 0..39: syncThreads at misuse.cu:"),
      std::string::npos)
      << report;
}

TEST(Executor, LetsPartsOfAWarpMeetOnTheirOwn) {
  for (Order order : {Order::FirstIn, Order::LastIn, Order::Shuffled}) {
    std::vector<float> to(32);
    launch({order}, {1}, 32, 0, divergent, to.data());
    for (int lane = 0; lane < 32; ++lane) {
      int other = lane < 16 ? lane ^ 8 : 31;
      EXPECT_EQ(to[static_cast<std::size_t>(lane)], float(lane + other + 0b1001001 * 100)) << lane;
    }
  }
}

TEST(Executor, RunsBlocksOnSeveralThreads) {
  // Each block writes the same numbers: only that all of them ran and agree is seen, and that nothing is shared.
  std::vector<float> to(128), from(128, 2);
  Options options;
  options.workers = 2;
  launch(options, {1, 1, 1}, 128, 1024, misuse, to.data(), from.data(), 0);
  EXPECT_EQ(to, std::vector<float>(128, 256));
}

TEST(Fragments, AreWhatThePtxManualDraws) {
  // One-hot: A is zero but at (row, k), B but at (k, column).
  auto one = fromFloat<bf16>(1);
  for (int row : {0, 3, 8, 15})
    for (int k = 0; k < 16; ++k)
      for (int column : {0, 1, 6, 7}) {
        std::vector<bf16> a(256), b(128);
        a[static_cast<std::size_t>(row * 16 + k)] = b[static_cast<std::size_t>(k * 8 + column)] = one;
        std::vector<float> product(128, NAN);
        std::vector<unsigned> plain(128), transposed(128);
        launch({}, {1}, 32, 1024, fragments, product.data(), plain.data(), transposed.data(), a.data(), b.data());
        for (int i = 0; i < 128; ++i)
          EXPECT_EQ(product[static_cast<std::size_t>(i)], i == row * 8 + column ? 1 : 0);
        // a_i of lane l is A[l / 4 (+ 8 for odd i)][l % 4 * 2 + i % 2 (+ 8 for i >= 4)], counting numbers, not
        // registers.
        int lane = row % 8 * 4 + k % 8 / 2, reg = row / 8 + k / 8 * 2, high = k % 2;
        for (int i = 0; i < 128; ++i)
          EXPECT_EQ(plain[static_cast<std::size_t>(i)], i == lane * 4 + reg ? unsigned(one.bits) << high * 16 : 0u);
        // b_i of lane l is B[l % 4 * 2 + i % 2 (+ 8 for i >= 2)][l / 4].
        lane = column * 4 + k % 8 / 2, reg = k / 8;
        for (int i = 0; i < 128; ++i)
          if (i % 4 < 2) {
            EXPECT_EQ(transposed[static_cast<std::size_t>(i)],
                      i == lane * 4 + reg ? unsigned(one.bits) << high * 16 : 0u);
          }
      }
}

TEST(Numbers, RoundToTheNearestBf16) {
  EXPECT_EQ(packBf16(1.0f, -2.0f), 0xc0003f80u);
  EXPECT_EQ(packBf16(1.00390625f, 1.01171875f), 0x3f823f80u); // ties to even
  EXPECT_EQ(packBf16(NAN, INFINITY), 0x7f807fffu);
  EXPECT_EQ(toFloat(fromFloat<bf16>(0.1f)), 0.10009765625f);
}

} // namespace
