//===- layer_norm.cuh - layer norm with its residual, and its adjoint -----===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A warp has a row, whose numbers stay in its registers between the passes over
// them: mean, variance about the mean, result.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "reduce.cuh"

namespace jepa::device {

/// A lane's share of a row of `Width` numbers: its vectors are lane, lane + 32, ...
template <int Width> struct RowShare {
  static constexpr int vector = vectorWidth<bf16>(Width), vectors = Width / vector, each = ceilDivide(vectors, 32);
  float values[each][vector];

  JEPA_DEVICE static int column(int i) { return (i * 32 + laneIndex()) * vector; }
  JEPA_DEVICE static bool there(int i) { return i * 32 + laneIndex() < vectors; }

  /// Calls body(i, first column) for the vectors that the lane has.
  template <class Body> JEPA_DEVICE static void forVectors(Body body) {
    JEPA_UNROLL
    for (int i = 0; i < each; ++i)
      if (there(i))
        body(i, column(i));
  }
  /// The row's sum of body(i, j).
  template <class Body> JEPA_DEVICE static float sum(Body body) {
    float sum = 0.0f;
    forVectors([&](int i, int) {
      JEPA_UNROLL
      for (int j = 0; j < vector; ++j)
        sum += body(i, j);
    });
    return warpSum(sum);
  }
  template <class T> JEPA_DEVICE void load(const T *row) {
    forVectors([&](int i, int column) { device::load(values[i], row + column); });
  }
  template <class T> JEPA_DEVICE void store(T *row) const {
    forVectors([&](int i, int column) { device::store(row + column, values[i]); });
  }
  /// Rounds to what T holds, as if stored and loaded again.
  template <class T> JEPA_DEVICE void round() {
    forVectors([&](int i, int) {
      JEPA_UNROLL
      for (int j = 0; j < vector; ++j)
        values[i][j] = toFloat(fromFloat<T>(values[i][j]));
    });
  }
  /// Subtracts the mean; returns 1 / root of the variance + eps.
  JEPA_DEVICE float center(float eps) {
    float mean = sum([&](int i, int j) { return values[i][j]; }) * (1.0f / Width);
    float variance = sum([&](int i, int j) {
                       values[i][j] -= mean;
                       return values[i][j] * values[i][j];
                     }) *
                     (1.0f / Width);
    return inverseSqrt(variance + eps);
  }
};

/// sum = x + residual, result = norm(sum) weight + bias. Without a residual (null) nothing is written to `sum`; without
/// a weight there is no bias. Launch: grid ceil(rows / 4).
template <int Width> struct LayerNorm {
  static constexpr int threads = 128;

  template <class Y, class X, class R>
  JEPA_DEVICE static void run(Y *result, X *sum, const X *x, const R *residual, const float *weight, const float *bias,
                              int rows, float eps) {
    int row = blockX() * (threads / 32) + warpIndex();
    if (row >= rows)
      return;
    long long at = static_cast<long long>(row) * Width;
    RowShare<Width> own;
    own.load(x + at);
    if (residual) {
      own.forVectors([&](int i, int column) {
        float more[RowShare<Width>::vector];
        load(more, residual + at + column);
        JEPA_UNROLL
        for (int j = 0; j < RowShare<Width>::vector; ++j)
          own.values[i][j] += more[j];
      });
      own.template round<X>();
      own.store(sum + at);
    }
    float scale = own.center(eps);
    own.forVectors([&](int i, int column) {
      float factor[RowShare<Width>::vector], shift[RowShare<Width>::vector];
      if (weight) {
        load(factor, weight + column);
        load(shift, bias + column);
      }
      JEPA_UNROLL
      for (int j = 0; j < RowShare<Width>::vector; ++j) {
        own.values[i][j] *= scale;
        if (weight)
          own.values[i][j] = own.values[i][j] * factor[j] + shift[j];
      }
    });
    own.store(result + at);
  }
};

/// The adjoint with respect to x, plus what comes to x past the norm (`more`, or null), and a block's part of the
/// weight's and the bias' gradients: partial[block] is [2, Width], for SumRows. x is what the norm was taken of. Block
/// b has the rows [b each, (b + 1) each).
template <int Width> struct LayerNormGrad {
  static constexpr int threads = 128, warps = threads / 32;
  using Share = RowShare<Width>;
  struct Shared {
    SharedArray<float, warps * Width> sums;
  };

  template <class Dx, class Dy, class X, class M>
  JEPA_DEVICE static void run(Dx *xGrad, float *partial, const Dy *gradient, const X *x, const M *more,
                              const float *weight, int rows, int each, float eps) {
    auto &shared = sharedMemory<Shared>();
    Share weightSums, biasSums;
    Share::forVectors([&](int i, int) {
      JEPA_UNROLL
      for (int j = 0; j < Share::vector; ++j)
        weightSums.values[i][j] = biasSums.values[i][j] = 0.0f;
    });
    int end = smaller(rows, (blockX() + 1) * each);
    for (int row = blockX() * each + warpIndex(); row < end; row += warps) {
      long long at = static_cast<long long>(row) * Width;
      Share own, grads;
      own.load(x + at);
      grads.load(gradient + at);
      float scale = own.center(eps);
      Share::forVectors([&](int i, int column) {
        float factor[Share::vector];
        if (weight)
          load(factor, weight + column);
        JEPA_UNROLL
        for (int j = 0; j < Share::vector; ++j) {
          own.values[i][j] *= scale;
          weightSums.values[i][j] += grads.values[i][j] * own.values[i][j];
          biasSums.values[i][j] += grads.values[i][j];
          if (weight)
            grads.values[i][j] *= factor[j];
        }
      });
      float mean = Share::sum([&](int i, int j) { return grads.values[i][j]; }) * (1.0f / Width);
      float along = Share::sum([&](int i, int j) { return grads.values[i][j] * own.values[i][j]; }) * (1.0f / Width);
      Share::forVectors([&](int i, int column) {
        float extra[Share::vector];
        if (more)
          load(extra, more + at + column);
        JEPA_UNROLL
        for (int j = 0; j < Share::vector; ++j) {
          grads.values[i][j] = scale * (grads.values[i][j] - mean - own.values[i][j] * along);
          if (more)
            grads.values[i][j] += extra[j];
        }
      });
      grads.store(xGrad + at);
    }
    if (!partial)
      return;
    partial += static_cast<long long>(blockX()) * 2 * Width;
    addWarps(partial, weightSums, shared.sums);
    syncThreads();
    addWarps(partial + Width, biasSums, shared.sums);
  }

private:
  /// to[column] = the warps' sums, in order.
  JEPA_DEVICE static void addWarps(float *to, const Share &sums, SharedArray<float, warps * Width> &scratch) {
    Share::forVectors([&](int i, int column) {
      JEPA_UNROLL
      for (int j = 0; j < Share::vector; ++j)
        scratch[warpIndex() * Width + column + j] = sums.values[i][j];
    });
    syncThreads();
    for (int column = threadIndex(); column < Width; column += threads) {
      float sum = 0.0f;
      JEPA_UNROLL
      for (int warp = 0; warp < warps; ++warp)
        sum += scratch[warp * Width + column];
      to[column] = sum;
    }
  }
};

} // namespace jepa::device
