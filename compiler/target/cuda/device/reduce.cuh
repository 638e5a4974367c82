//===- reduce.cuh - sums over lanes and threads, in a fixed order ---------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// No atomics: a sum has the same bits in every run.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "types.cuh"

namespace jepa::device {

/// Sum and maximum over a warp, or over groups of `Lanes` neighbours, in every lane.
template <int Lanes = 32> JEPA_DEVICE float warpSum(float value) {
  JEPA_UNROLL
  for (int distance = Lanes / 2; distance; distance /= 2)
    value += shuffleXor(value, distance);
  return value;
}
template <int Lanes = 32> JEPA_DEVICE float warpMax(float value) {
  JEPA_UNROLL
  for (int distance = Lanes / 2; distance; distance /= 2)
    value = fmaxf(value, shuffleXor(value, distance));
  return value;
}

/// Sum over the block's `Warps` warps, in every thread. `scratch` is free again when the block has met once more.
template <int Warps> JEPA_DEVICE float blockSum(float value, SharedArray<float, Warps> &scratch) {
  value = warpSum(value);
  if (laneIndex() == 0)
    scratch[warpIndex()] = value;
  syncThreads();
  float sum = 0.0f;
  JEPA_UNROLL
  for (int warp = 0; warp < Warps; ++warp)
    sum += scratch[warp];
  return sum;
}

/// The same with the largest.
template <int Warps> JEPA_DEVICE float blockMax(float value, SharedArray<float, Warps> &scratch) {
  value = warpMax(value);
  if (laneIndex() == 0)
    scratch[warpIndex()] = value;
  syncThreads();
  float most = scratch[0];
  JEPA_UNROLL
  for (int warp = 1; warp < Warps; ++warp)
    most = fmaxf(most, scratch[warp]);
  return most;
}

/// to[0] = scale times the sum of from[0, count), in one block of 128 threads: the last step of a sum over blocks.
struct SumAll {
  static constexpr int threads = 128;
  struct Shared {
    SharedArray<float, 4> sums;
  };

  JEPA_DEVICE static void run(float *to, const float *from, int count, float scale) {
    auto &shared = sharedMemory<Shared>();
    float sum = 0.0f;
    for (int i = threadIndex(); i < count; i += threads)
      sum += from[i];
    sum = blockSum(sum, shared.sums);
    if (threadIndex() == 0)
      to[0] = sum * scale;
  }
};

/// partial[blockX] = the sum of the block's 4096 of from[0, count), for SumAll. Launch: grid (ceil(count / 4096)).
struct SumChunks {
  static constexpr int threads = 128, chunk = 4096;
  struct Shared {
    SharedArray<float, 4> sums;
  };

  template <class From> JEPA_DEVICE static void run(float *partial, const From *from, long long count) {
    auto &shared = sharedMemory<Shared>();
    constexpr int vector = 16 / static_cast<int>(sizeof(From));
    long long first = static_cast<long long>(blockX()) * chunk, end = smaller(first + chunk, count);
    long long whole = first + (end - first) / vector * vector;
    float sum = 0.0f;
    for (long long i = first + threadIndex() * vector; i < whole; i += threads * vector) {
      float values[vector];
      load(values, from + i);
      JEPA_UNROLL
      for (int j = 0; j < vector; ++j)
        sum += values[j];
    }
    if (whole + threadIndex() < end)
      sum += toFloat(from[whole + threadIndex()]);
    sum = blockSum(sum, shared.sums);
    if (threadIndex() == 0)
      partial[blockX()] = sum;
  }
};

/// Sums over the four warps of a block, lane by lane, in every thread. `scratch` is free again when the block has met
/// once more.
JEPA_DEVICE float sumOverWarps(float value, SharedArray<float, 128> &scratch) {
  scratch[threadIndex()] = value;
  syncThreads();
  return scratch[laneIndex()] + scratch[32 + laneIndex()] + scratch[64 + laneIndex()] + scratch[96 + laneIndex()];
}

/// to[c] = the sum over rows of from[row, c], 32 columns to a block. Launch: grid (ceil(columns / 32)).
struct SumRows {
  static constexpr int threads = 128;
  struct Shared {
    SharedArray<float, threads> sums;
  };

  template <class To, class From> JEPA_DEVICE static void run(To *to, const From *from, int rows, int columns) {
    run(to, from, rows, columns, columns);
  }
  /// Rows begin `stride` numbers apart.
  template <class To, class From>
  JEPA_DEVICE static void run(To *to, const From *from, int rows, int columns, int stride) {
    auto &shared = sharedMemory<Shared>();
    int column = blockX() * 32 + laneIndex();
    float sum = 0.0f;
    if (column < columns)
      for (int row = warpIndex(); row < rows; row += 4)
        sum += toFloat(from[static_cast<long long>(row) * stride + column]);
    sum = sumOverWarps(sum, shared.sums);
    if (warpIndex() == 0 && column < columns)
      to[column] = fromFloat<To>(sum);
  }
};

} // namespace jepa::device
