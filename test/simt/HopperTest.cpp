//===- HopperTest.cpp - faults of sm_90a's primitives ---------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "simt/Cases.h"
#include "simt/Primitives.h"

#include <gtest/gtest.h>

using namespace jepa::device;
using namespace simt;

extern "C" void bulk_misuse(TensorMap, int);
extern "C" void wgmma_misuse(float *, int);
extern "C" void ping(int *, int);

namespace {

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
  std::vector<bf16> data(64 * 64);
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
