//===- unfit.cu - kernels that do not fit a GPU ----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#define JEPA_HOPPER
#include "launch.cuh"

using namespace jepa::device;

/// More sums at a time than a thread of so large a block has registers.
JEPA_KERNEL(1024, 2) many(float *to, const float *from) {
  float sums[64] = {};
  for (int i = 0; i < 1000; ++i)
    JEPA_UNROLL
    for (int j = 0; j < 64; ++j)
      sums[j] = sums[j] * sums[(j + 7) % 64] + from[i * 64 + j];
  JEPA_UNROLL
  for (int j = 0; j < 64; ++j)
    to[j] = sums[j];
}

struct Large {
  static constexpr int threads = 256;
  struct Shared {
    float values[60000];
  };
};
JEPA_KERNEL(128) large(float *to) { *to = 1; }
JEPA_LAUNCH_INFO(large, 1, Large)

JEPA_KERNEL(128) attention(float *to) { *to = 1; }
JEPA_LAUNCH_INFO(attention, 1, Threads<128>)
