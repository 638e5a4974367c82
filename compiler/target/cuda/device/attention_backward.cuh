//===- attention_backward.cuh - the adjoint of attention ------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// P is computed again from the logarithms that the forward pass left. With D the
// sums over a head of dO * O (`AttentionDelta`):
//   dV = P^T dO,  dS = P * (dO V^T - D),  dQ = scale dS K,  dK = scale dS^T Q
// One kernel owns 64 queries and goes over the keys, for dQ; another owns 64
// keys and goes over the queries, for dK and dV. That is seven products where a
// kernel that adds to dQ from all blocks of keys takes five, but nothing is
// added by two blocks: no atomics, no scratch, the same bits in every run.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "math.cuh"
#include "reduce.cuh"
#include "sequence.cuh"
#include "tile.cuh"

namespace jepa::device {
inline namespace JEPA_PATH {

/// A query's numbers, both [clips, heads, tokens].
struct AttentionStatistics {
  const float *logsumexp, *delta;
};

/// delta = the sum over a head's columns of dO * O. Launch: grid ceil(rows * heads / 4), a warp to a sum.
template <int Width, class T = bf16> struct AttentionDelta {
  static constexpr int threads = 128;

  JEPA_DEVICE static void run(float *delta, Rows<const T> gradient, Rows<const T> result, int rows, int heads,
                              int tokens) {
    int index = blockX() * (threads / 32) + warpIndex();
    if (index >= rows * heads)
      return;
    int row = index / heads, head = index % heads;
    const T *left = gradient.data + static_cast<long long>(row) * gradient.stride + head * Width;
    const T *right = result.data + static_cast<long long>(row) * result.stride + head * Width;
    float sum = 0.0f;
    for (int column = laneIndex() * 2; column < Width; column += 64) {
      float a[2], b[2];
      load(a, left + column);
      load(b, right + column);
      sum += a[0] * b[0] + a[1] * b[1];
    }
    sum = warpSum(sum);
    if (laneIndex() == 0)
      delta[row / tokens * tokens * heads + head * tokens + row % tokens] = sum;
  }
};

namespace attention {
/// dS = P * (dP - D), in place of dP, and P in place of S, given log2 of P's denominator.
JEPA_DEVICE void toScoreGrad(float &score, float &gradient, float scale, float logsum, float delta) {
  score = exp2Fast(score * scale - logsum);
  gradient = score * (gradient - delta);
}

/// Stores the 64 rows' sums, each times `scale`, as rows of a head.
template <int Width, class T, int Blocks, class Sequence>
JEPA_DEVICE void storeSums(Rows<T> to, const float (&sums)[Blocks][4], const Sequence &its, int first, float scale) {
  JEPA_UNROLL
  for (int half = 0; half < 2; ++half) {
    int token = first + sumRow(half * 2);
    if (token >= its.count)
      continue;
    T *row = to.data + static_cast<long long>(its.row(token)) * to.stride;
    JEPA_UNROLL
    for (int n = 0; n < Blocks; ++n)
      if (sumColumn(n, 0) < Width) {
        float pair[2] = {sums[n][half * 2] * scale, sums[n][half * 2 + 1] * scale};
        store(row + sumColumn(n, 0), pair);
      }
  }
}
} // namespace attention

/// dQ. Launch as the forward pass: padding gets zeros. Two blocks to a multiprocessor; registers for three would spill.
template <int Width, class T = bf16> struct AttentionQueryGrad {
  static constexpr int threads = 128, queries = 64, padded = roundUp(Width, 16), blocks = padded / 8;
  static constexpr int keys = padded > 96 ? 32 : 64;
  using Own = Tile<queries, padded, T>;
  using Other = Tile<keys, padded, T>;

  struct Shared {
    Own query, gradient;
    Other key[2], value[2];
  };

  template <int QueryParts, int KeyParts>
  JEPA_DEVICE static void run(Rows<T> queryGrad, Rows<const T> gradient, Rows<const T> query, Rows<const T> key,
                              Rows<const T> value, AttentionStatistics statistics,
                              const Packing<QueryParts> &queryTokens, const Packing<KeyParts> &keyTokens, int heads,
                              int sequences, float scale) {
    auto &shared = sharedMemory<Shared>();
    int head = blockY(), s = blockZ(), first = blockX() * queries;
    auto its = s < sequences ? queryTokens.sequence(s) : queryTokens.padding(sequences);
    if (first >= its.count)
      return;
    auto seen = s < sequences ? keyTokens.sequence(s) : Sequence<KeyParts>{};
    queryGrad.data += head * Width, gradient.data += head * Width, query.data += head * Width;
    key.data += head * Width, value.data += head * Width;

    auto fetch = [&](int step) {
      copyRows<Width, threads>(shared.key[step % 2], key, seen, step * keys, threadIndex());
      copyRows<Width, threads>(shared.value[step % 2], value, seen, step * keys, threadIndex());
      copyCommit();
    };
    // A query that is not there has probabilities of zero.
    float logsum[2], delta[2];
    JEPA_UNROLL
    for (int half = 0; half < 2; ++half) {
      int token = first + sumRow(half * 2);
      int at = token < its.count ? queryTokens.statistic(s, heads, head, its.row(token)) : 0;
      logsum[half] = token < its.count ? statistics.logsumexp[at] * log2OfE : infinity();
      delta[half] = token < its.count ? statistics.delta[at] : 0.0f;
    }
    float sums[blocks][4];
    clear(sums);
    int steps = ceilDivide(seen.count, keys);
    if (steps) {
      copyRows<Width, threads>(shared.query, query, its, first, threadIndex());
      copyRows<Width, threads>(shared.gradient, gradient, its, first, threadIndex());
      fetch(0);
    }
    for (int step = 0; step < steps; ++step) {
      if (step + 1 < steps)
        fetch(step + 1);
      else
        copyCommit();
      publishTiles<1>();
      float scores[keys / 8][4], grads[keys / 8][4];
      clear(scores);
      clear(grads);
      multiplyTransposed(scores, TileRows<Own>{shared.query, 0}, shared.key[step % 2]);
      multiplyTransposed(grads, TileRows<Own>{shared.gradient, 0}, shared.value[step % 2]);
      JEPA_UNROLL
      for (int n = 0; n < keys / 8; ++n) {
        JEPA_UNROLL
        for (int i = 0; i < 4; ++i) {
          attention::toScoreGrad(scores[n][i], grads[n][i], scale * log2OfE, logsum[i / 2], delta[i / 2]);
          // A key that is not there could have an infinite one, and its row of zeros does not make that zero.
          if (step * keys + sumColumn(n, i) >= seen.count)
            grads[n][i] = 0.0f;
        }
      }
      multiplyPlain(sums, toLeftOperand<T>(grads), shared.key[step % 2]);
      syncThreads();
    }
    attention::storeSums<Width>(queryGrad, sums, its, first, scale);
  }
};

/// dK and dV. Launch: grid (ceil(most keys of a sequence / 64), heads, sequences), one sequence more where samples are
/// packed. Two blocks to a multiprocessor.
template <int Width, class T = bf16> struct AttentionKeyGrad {
  static constexpr int threads = 128, keys = 64, padded = roundUp(Width, 16), blocks = padded / 8;
  static constexpr int queries = padded > 64 ? 32 : 64;
  using Own = Tile<keys, padded, T>;
  using Other = Tile<queries, padded, T>;

  struct Shared {
    Own key, value;
    Other query[2], gradient[2];
    SharedArray<float, queries> logsum[2], delta[2];
  };

  template <int QueryParts, int KeyParts>
  JEPA_DEVICE static void run(Rows<T> keyGrad, Rows<T> valueGrad, Rows<const T> gradient, Rows<const T> query,
                              Rows<const T> key, Rows<const T> value, AttentionStatistics statistics,
                              const Packing<QueryParts> &queryTokens, const Packing<KeyParts> &keyTokens, int heads,
                              int sequences, float scale) {
    auto &shared = sharedMemory<Shared>();
    int head = blockY(), s = blockZ(), first = blockX() * keys;
    auto its = s < sequences ? keyTokens.sequence(s) : keyTokens.padding(sequences);
    if (first >= its.count)
      return;
    auto seeing = s < sequences ? queryTokens.sequence(s) : Sequence<QueryParts>{};
    keyGrad.data += head * Width, valueGrad.data += head * Width, gradient.data += head * Width;
    query.data += head * Width, key.data += head * Width, value.data += head * Width;

    auto fetch = [&](int step) {
      copyRows<Width, threads>(shared.query[step % 2], query, seeing, step * queries, threadIndex());
      copyRows<Width, threads>(shared.gradient[step % 2], gradient, seeing, step * queries, threadIndex());
      copyCommit();
      if (threadIndex() < queries) {
        int token = step * queries + threadIndex();
        bool there = token < seeing.count;
        int at = there ? queryTokens.statistic(s, heads, head, seeing.row(token)) : 0;
        // A query that is not there has probabilities of zero.
        shared.logsum[step % 2][threadIndex()] = there ? statistics.logsumexp[at] * log2OfE : infinity();
        shared.delta[step % 2][threadIndex()] = there ? statistics.delta[at] : 0.0f;
      }
    };
    float keySums[blocks][4], valueSums[blocks][4];
    clear(keySums);
    clear(valueSums);
    int steps = ceilDivide(seeing.count, queries);
    if (steps) {
      copyRows<Width, threads>(shared.key, key, its, first, threadIndex());
      copyRows<Width, threads>(shared.value, value, its, first, threadIndex());
      fetch(0);
    }
    for (int step = 0; step < steps; ++step) {
      if (step + 1 < steps)
        fetch(step + 1);
      else
        copyCommit();
      publishTiles<1>();
      float scores[queries / 8][4], grads[queries / 8][4];
      clear(scores);
      clear(grads);
      multiplyTransposed(scores, TileRows<Own>{shared.key, 0}, shared.query[step % 2]);
      multiplyTransposed(grads, TileRows<Own>{shared.value, 0}, shared.gradient[step % 2]);
      JEPA_UNROLL
      for (int n = 0; n < queries / 8; ++n) {
        JEPA_UNROLL
        for (int i = 0; i < 4; ++i)
          attention::toScoreGrad(scores[n][i], grads[n][i], scale * log2OfE, shared.logsum[step % 2][sumColumn(n, i)],
                              shared.delta[step % 2][sumColumn(n, i)]);
      }
      multiplyPlain(valueSums, toLeftOperand<T>(scores), shared.gradient[step % 2]);
      multiplyPlain(keySums, toLeftOperand<T>(grads), shared.query[step % 2]);
      syncThreads();
    }
    attention::storeSums<Width>(keyGrad, keySums, its, first, scale);
    attention::storeSums<Width>(valueGrad, valueSums, its, first, 1.0f);
  }
};

} // namespace JEPA_PATH
} // namespace jepa::device
