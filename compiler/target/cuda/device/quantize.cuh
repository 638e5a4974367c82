//===- quantize.cuh - weights as e4m3 with one scale ----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// x is kept as e4m3(x / scale), where the scale is the tensor's largest size over
// 448, the largest e4m3: what a product multiplies its result by. Three kernels:
// the largest by blocks, the scale, the numbers.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "reduce.cuh"

#ifndef JEPA_HOPPER
#error "e4m3 is of the Hopper path"
#endif

namespace jepa::device {

namespace detail {
/// Calls eight(i) for i and its seven right neighbours, or one(i), until the grid has had all of `count` numbers.
template <int Threads, class Eight, class One> JEPA_DEVICE void forGrid(long long count, Eight eight, One one) {
  long long step = static_cast<long long>(gridX()) * Threads * 8;
  for (long long i = (static_cast<long long>(blockX()) * Threads + threadIndex()) * 8; i < count; i += step) {
    if (i + 8 <= count)
      eight(i);
    else
      for (long long last = i; last < count; ++last)
        one(last);
  }
}
} // namespace detail

/// A block's largest size: partial[block]. Launch: grid (as many blocks as take turns).
struct LargestSize {
  static constexpr int threads = 128;
  struct Shared {
    SharedArray<float, 4> sizes;
  };

  template <class T> JEPA_DEVICE static void run(float *partial, const T *from, long long count) {
    auto &shared = sharedMemory<Shared>();
    float most = 0.0f;
    detail::forGrid<threads>(
        count, [&](long long at) { most = fmaxf(most, sizeOf<8>(from + at)); },
        [&](long long at) { most = fmaxf(most, sizeOf<1>(from + at)); });
    most = blockMax(most, shared.sizes);
    if (threadIndex() == 0)
      partial[blockX()] = most;
  }

private:
  template <int N, class T> JEPA_DEVICE static float sizeOf(const T *numbers) {
    float values[N], most = 0.0f;
    load(values, numbers);
    JEPA_UNROLL
    for (int i = 0; i < N; ++i)
      most = fmaxf(most, fabsf(values[i]));
    return most;
  }
};

/// scale[0] from the blocks' largest sizes; 1 where all numbers are zero. Launch: grid (1).
struct QuantizeScale {
  static constexpr int threads = 128;
  using Shared = LargestSize::Shared;

  JEPA_DEVICE static void run(float *scale, const float *partial, int count) {
    auto &shared = sharedMemory<Shared>();
    float most = 0.0f;
    for (int i = threadIndex(); i < count; i += threads)
      most = fmaxf(most, partial[i]);
    most = blockMax(most, shared.sizes);
    if (threadIndex() == 0)
      scale[0] = most > 0.0f ? most * (1.0f / 448.0f) : 1.0f;
  }
};

/// to[i] = e4m3(from[i] / scale). Launch: grid (as many blocks as take turns).
struct Quantize {
  static constexpr int threads = 128;

  template <class T> JEPA_DEVICE static void run(e4m3 *to, const T *from, const float *scale, long long count) {
    float factor = 1.0f / *scale;
    detail::forGrid<threads>(
        count, [&](long long at) { convert<8>(to + at, from + at, factor); },
        [&](long long at) { convert<1>(to + at, from + at, factor); });
  }

private:
  template <int N, class T> JEPA_DEVICE static void convert(e4m3 *to, const T *from, float factor) {
    float values[N];
    load(values, from);
    JEPA_UNROLL
    for (int i = 0; i < N; ++i)
      values[i] *= factor;
    store(to, values);
  }
};

} // namespace jepa::device
