//===- tokens.cuh - selecting a mask's tokens and putting them back -------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#pragma once

#include "types.cuh"

namespace jepa::device {

/// to[b, i] = from[b, mask[b, i]], rows of `Width`. A table is shared by all clips; `cyclic` counts its tokens modulo
/// fromTokens. Launch: grid (mask's tokens, clips), 128 threads.
template <class T, int Width> struct GatherTokens {
  static constexpr int threads = 128, vector = vectorWidth<T>(Width);

  JEPA_DEVICE static void run(T *to, const T *from, const int *mask, int fromTokens, bool table = false,
                              bool cyclic = false) {
    using V = Vector<T, vector>;
    int at = blockY() * gridX() + blockX(), token = mask[at];
    long long row = (table ? 0 : static_cast<long long>(blockY()) * fromTokens) + (cyclic ? token % fromTokens : token);
    auto *source = reinterpret_cast<const V *>(from + row * Width);
    auto *target = reinterpret_cast<V *>(to + static_cast<long long>(at) * Width);
    for (int i = threadIndex(); i < Width / vector; i += threads)
      target[i] = loadGlobal(source + i);
  }
};

/// The adjoint: to[b, mask[b, i]] = from[b, i], zero elsewhere. Each of the result's rows looks itself up in the mask,
/// which ascends, so nothing is cleared first and nothing is added by two. A table's row is the sum over the clips, in
/// order. Launch: grid (result's tokens, clips, or 1 for a table), 128 threads.
template <class T, int Width> struct ScatterTokens {
  static constexpr int threads = 128, vector = vectorWidth<T>(Width);

  JEPA_DEVICE static void run(T *to, const T *from, const int *mask, int maskTokens, int clips, bool table = false) {
    using V = Vector<T, vector>;
    int token = blockX(), first = table ? 0 : blockY(), end = table ? clips : first + 1;
    auto *target = reinterpret_cast<V *>(to + (static_cast<long long>(blockY()) * gridX() + token) * Width);
    for (int i = threadIndex(); i < Width / vector; i += threads) {
      float sums[vector] = {};
      for (int clip = first; clip < end; ++clip) {
        int found = find(mask + static_cast<long long>(clip) * maskTokens, maskTokens, token);
        if (found < 0)
          continue;
        float values[vector];
        load(values, from + (static_cast<long long>(clip) * maskTokens + found) * Width + i * vector);
        JEPA_UNROLL
        for (int j = 0; j < vector; ++j)
          sums[j] += values[j];
      }
      target[i] = toVector<vector, T>(sums);
    }
  }

private:
  /// Where an ascending list has a number; -1 if it has not.
  JEPA_DEVICE static int find(const int *list, int count, int number) {
    int low = 0, high = count;
    while (low < high) {
      int middle = (low + high) / 2;
      if (list[middle] < number)
        low = middle + 1;
      else
        high = middle;
    }
    return low < count && list[low] == number ? low : -1;
  }
};

} // namespace jepa::device
