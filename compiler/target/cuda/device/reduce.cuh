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

} // namespace jepa::device
