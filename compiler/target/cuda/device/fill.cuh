//===- fill.cuh - tensors of one number -----------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#pragma once

#include "types.cuh"

namespace jepa::device {

/// to[i] = value for i in [0, count). Launch: grid (ceil(count / (128 * 16 / sizeof(T)))).
struct Fill {
  static constexpr int threads = 128;

  template <class T> JEPA_DEVICE static void run(T *to, float value, long long count) {
    constexpr int vector = 16 / static_cast<int>(sizeof(T));
    long long first = (static_cast<long long>(blockX()) * threads + threadIndex()) * vector;
    float values[vector];
    JEPA_UNROLL
    for (int i = 0; i < vector; ++i)
      values[i] = value;
    if (first + vector <= count)
      store(to + first, values);
    else
      for (long long i = first; i < count; ++i)
        to[i] = fromFloat<T>(value);
  }
};

} // namespace jepa::device
