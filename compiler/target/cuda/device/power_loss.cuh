//===- power_loss.cuh - the mean of |predicted - target|^p / p, and its adjoint ---===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#pragma once

#include "math.cuh"
#include "reduce.cuh"

namespace jepa::device {

/// How much a row counts. `length`: only the first so many tokens of a clip; `bounds`: the mean over packed samples of
/// each one's own mean, rows of no sample not at all; both null: all the same.
struct TokenWeights {
  int rows, tokens; ///< tokens of a clip
  const int *length, *bounds;
  int samples;

  /// The weight of one number in a row of `width`.
  JEPA_DEVICE float of(int row, int width) const {
    float share = 0.0f;
    if (bounds) {
      int sample = 0;
      while (sample < samples && row >= bounds[sample + 1])
        ++sample;
      if (sample < samples && row >= bounds[sample])
        share = 1.0f / (static_cast<float>(samples) * static_cast<float>(bounds[sample + 1] - bounds[sample]));
    } else if (length) {
      if (row % tokens < *length)
        share = 1.0f / (static_cast<float>(rows / tokens) * static_cast<float>(*length));
    } else {
      share = 1.0f / static_cast<float>(rows);
    }
    return share / static_cast<float>(width);
  }
};

/// A block's part of the loss: partial[block], for SumAll with 1 / exponent. A warp has 8 rows. Launch: grid
/// ceil(rows / 32).
template <int Width> struct PowerLoss {
  static constexpr int threads = 128, vector = vectorWidth<bf16>(Width), rowsPerBlock = 32;
  struct Shared {
    SharedArray<float, 4> sums;
  };

  template <class P, class T>
  JEPA_DEVICE static void run(float *partial, const P *predicted, const T *target, TokenWeights weights,
                              float exponent) {
    auto &shared = sharedMemory<Shared>();
    float sum = 0.0f;
    int end = smaller(weights.rows, (blockX() + 1) * rowsPerBlock);
    for (int row = blockX() * rowsPerBlock + warpIndex(); row < end; row += 4) {
      float weight = weights.of(row, Width);
      if (weight == 0.0f)
        continue;
      float own = 0.0f;
      for (int column = laneIndex() * vector; column < Width; column += 32 * vector) {
        float p[vector], t[vector];
        load(p, predicted + static_cast<long long>(row) * Width + column);
        load(t, target + static_cast<long long>(row) * Width + column);
        JEPA_UNROLL
        for (int i = 0; i < vector; ++i)
          own += powerOf(p[i] - t[i], exponent);
      }
      sum += own * weight;
    }
    sum = blockSum(sum, shared.sums);
    if (threadIndex() == 0)
      partial[blockX()] = sum;
  }
};

/// The adjoint with respect to `predicted`, given the loss' gradient. Launch: grid ceil(rows / 4).
template <int Width> struct PowerLossGrad {
  static constexpr int threads = 128, vector = vectorWidth<bf16>(Width);

  template <class G, class P, class T>
  JEPA_DEVICE static void run(G *predictedGrad, const float *lossGrad, const P *predicted, const T *target,
                              TokenWeights weights, float exponent) {
    int row = blockX() * 4 + warpIndex();
    if (row >= weights.rows)
      return;
    float scale = *lossGrad * weights.of(row, Width) / exponent;
    long long at = static_cast<long long>(row) * Width;
    for (int column = laneIndex() * vector; column < Width; column += 32 * vector) {
      float p[vector] = {}, t[vector];
      if (scale != 0.0f) {
        load(p, predicted + at + column);
        load(t, target + at + column);
        JEPA_UNROLL
        for (int i = 0; i < vector; ++i)
          p[i] = scale * powerGrad(p[i] - t[i], exponent);
      }
      store(predictedGrad + at + column, p);
    }
  }
};

} // namespace jepa::device
