//===- HopperTest.cpp - layouts and faults of sm_90a's primitives ---------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "simt/Cases.h"
#include "simt/Primitives.h"

#include <gtest/gtest.h>

using namespace jepa::device;
using namespace simt;

#define LAYOUT(n, depth, plain, registers)                                                                             \
  extern "C" void layout_##n##_##depth##_##plain##_##registers(float *, TensorMap, TensorMap);                         \
  TEST(Wgmma, Layout_##n##_##depth##_##plain##_##registers) {                                                          \
    checkLayout(n, depth, plain, layout_##n##_##depth##_##plain##_##registers);                                        \
  }

extern "C" void bulk_misuse(TensorMap, int);
extern "C" void wgmma_misuse(float *, int);
extern "C" void ping(int *, int);

namespace {

/// Small whole numbers, so that sums are exact and every element is told from its neighbours.
std::vector<bf16> numbers(std::size_t count, unsigned step) {
  std::vector<bf16> all(count);
  for (std::size_t i = 0; i < count; ++i)
    all[i] = fromFloat<bf16>(static_cast<float>((i * step + i / 7) % 61) - 30);
  return all;
}

/// Widths of a tile's panels, as tile.cuh cuts them.
int panelOf(int columns) { return columns % 64 == 0 ? 64 : columns % 32 == 0 ? 32 : 16; }

void checkLayout(int n, int depth, bool plain, void (*kernel)(float *, TensorMap, TensorMap)) {
  int rowsB = plain ? depth : n, columnsB = plain ? n : depth;
  auto a = numbers(static_cast<std::size_t>(64 * depth), 37), b = numbers(static_cast<std::size_t>(n * depth), 23);
  TensorMap mapA = tensorMap(a.data(), 64, depth, depth, 64, panelOf(depth));
  TensorMap mapB = tensorMap(b.data(), rowsB, columnsB, columnsB, rowsB, panelOf(columnsB));
  for (Order order : {Order::FirstIn, Order::LastIn, Order::Shuffled})
    for (Landing landing : {Landing::AtOnce, Landing::Late}) {
      auto result = unwritten<float>(static_cast<std::size_t>(64 * n));
      launch({order, landing}, {1}, 128, 64 << 10, kernel, result.data(), mapA, mapB);
      for (int i = 0; i < 64; ++i)
        for (int j = 0; j < n; ++j) {
          double sum = 0;
          for (int k = 0; k < depth; ++k)
            sum += value(a[static_cast<std::size_t>(i * depth + k)]) *
                   value(b[static_cast<std::size_t>(plain ? k * n + j : j * depth + k)]);
          ASSERT_EQ(result[static_cast<std::size_t>(i * n + j)], sum) << i << ", " << j;
        }
    }
}

LAYOUT(16, 16, 0, 0)
LAYOUT(32, 32, 0, 1)
LAYOUT(64, 64, 0, 0)
LAYOUT(128, 48, 0, 1)
LAYOUT(16, 64, 1, 1)
LAYOUT(32, 16, 1, 0)
LAYOUT(64, 32, 1, 0)
LAYOUT(128, 64, 1, 1)
LAYOUT(80, 16, 1, 1)
LAYOUT(96, 32, 1, 0)

/// What a fault is reported as.
template <class Launch> std::string reportOf(Launch launch) {
  try {
    launch();
  } catch (const Error &error) {
    return error.what();
  }
  return "";
}

TEST(BulkCopy, ReportsFaults) {
  const char *expected[] = {"",
                            "no fence has shown",
                            "never initialised",
                            "does not begin where the permutation does",
                            "outside the shared memory",
                            "more arrivals",
                            "deadlock, 32 threads have not returned; threads 0..31: mbarrierWait at"};
  auto data = numbers(64 * 64, 3);
  TensorMap map = tensorMap(data.data(), 64, 64, 64, 8, 64);
  for (int fault = 0; fault < 7; ++fault) {
    std::string report = reportOf([&] {
      launch({Order::Shuffled, Landing::Late}, {1}, 32, 8192, bulk_misuse, map, fault);
    });
    EXPECT_EQ(report.empty(), fault == 0) << report;
    EXPECT_NE(report.find(expected[fault]), std::string::npos) << fault << ": " << report;
  }
  TensorMap broad = tensorMap(data.data(), 32, 128, 128, 8, 128);
  EXPECT_NE(reportOf([&] { launch({}, {1}, 32, 8192, bulk_misuse, broad, 0); }).find("256 bytes has no swizzle"),
            std::string::npos);
}

TEST(Wgmma, ReportsFaults) {
  const char *expected[] = {"",
                            "no wgmmaFence before it",
                            "products in flight",
                            "issued different products",
                            "the lanes of a warp name different matrices",
                            "past its end"};
  for (int fault = 0; fault < 6; ++fault) {
    std::vector<float> result(64 * 16);
    std::string report = reportOf([&] {
      launch({Order::Shuffled, Landing::Late}, {1}, 128, 4096, wgmma_misuse, result.data(), fault);
    });
    EXPECT_EQ(report.empty(), fault == 0) << report;
    EXPECT_NE(report.find(expected[fault]), std::string::npos) << fault << ": " << report;
  }
}

TEST(NamedBarriers, HandOverBetweenWarps) {
  for (Order order : {Order::FirstIn, Order::LastIn, Order::Shuffled}) {
    std::vector<int> seen(32 * 5);
    launch({order}, {1}, 64, 1024, ping, seen.data(), 5);
    for (std::size_t i = 0; i < seen.size(); ++i)
      EXPECT_EQ(seen[i], int(i / 32 * 100 + i % 32));
  }
}

} // namespace
