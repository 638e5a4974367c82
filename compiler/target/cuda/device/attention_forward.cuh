//===- attention_forward.cuh - attention without a matrix of scores -------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A block has 64 queries of one head of one sequence and goes over the keys, 64
// at a time, the next ones on their way while it computes with these:
//   S = Q K^T, m' = max(m, S), P = exp(S - m'), l = l exp(m - m') + P 1,
//   O = O exp(m - m') + P V
// and at the end O / l and the logarithm m + log l. S and P live in registers.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "math.cuh"
#include "reduce.cuh"
#include "sequence.cuh"
#include "tile.cuh"

namespace jepa::device {
inline namespace JEPA_PATH {

/// Launch: grid (ceil(most queries of a sequence / 64), heads, sequences), one sequence more where samples are packed:
/// the padding, whose results are zero.
template <int Width, class T = bf16> struct AttentionForward {
  static constexpr int threads = 128, queries = 64, keys = 64;
  static constexpr int padded = roundUp(Width, 16), blocks = padded / 8;

  using Own = Tile<queries, padded, T>;
  using Other = Tile<keys, padded, T>;

  struct Shared {
    Own query;
    Other key[2], value[2];
  };
  struct State {
    float sums[blocks][4], most[2], total[2];
  };

  /// Head h has columns [h Width, (h + 1) Width) of the rows. `logsumexp` is [clips, heads, tokens].
  template <class Result, int QueryParts, int KeyParts>
  JEPA_DEVICE static void run(Rows<Result> result, float *logsumexp, Rows<const T> query, Rows<const T> key,
                              Rows<const T> value, const Packing<QueryParts> &queryTokens,
                              const Packing<KeyParts> &keyTokens, int heads, int sequences, float scale) {
    auto &shared = sharedMemory<Shared>();
    int head = blockY(), s = blockZ(), first = blockX() * queries;
    auto its = s < sequences ? queryTokens.sequence(s) : queryTokens.padding(sequences);
    if (first >= its.count)
      return;
    auto seen = s < sequences ? keyTokens.sequence(s) : Sequence<KeyParts>{};
    query.data += head * Width, key.data += head * Width, value.data += head * Width;

    auto fetch = [&](int step) {
      copyRows<Width, threads>(shared.key[step % 2], key, seen, step * keys, threadIndex());
      copyRows<Width, threads>(shared.value[step % 2], value, seen, step * keys, threadIndex());
      copyCommit();
    };
    State state;
    clear(state.sums);
    state.most[0] = state.most[1] = -infinity();
    state.total[0] = state.total[1] = 0.0f;
    int steps = ceilDivide(seen.count, keys);
    if (steps) {
      copyRows<Width, threads>(shared.query, query, its, first, threadIndex());
      fetch(0);
    }
    LeftOperand<Own> q;
    for (int step = 0; step < steps; ++step) {
      // The last one commits an empty group, so that the wait is the same.
      if (step + 1 < steps)
        fetch(step + 1);
      else
        copyCommit();
      publishTiles<1>();
      if (step == 0)
        load(q, TileRows<Own>{shared.query, 0});
      add(state, q, shared.key[step % 2], shared.value[step % 2], seen.count - step * keys, scale * log2OfE);
      syncThreads();
    }
    finish(state, result, logsumexp, its, queryTokens, heads, first, scale * log2OfE);
  }

private:
  /// Takes in a block of keys, of which `count` are there (and more, if it is larger than the block).
  JEPA_DEVICE static void add(State &state, const LeftOperand<Own> &q, Other &key, Other &value, int count,
                              float scale) {
    float scores[keys / 8][4];
    clear(scores);
    multiplyTransposed(scores, q, key);
    float most[2] = {state.most[0], state.most[1]};
    JEPA_UNROLL
    for (int n = 0; n < keys / 8; ++n) {
      JEPA_UNROLL
      for (int i = 0; i < 4; ++i) {
        if (sumColumn(n, i) >= count)
          scores[n][i] = -infinity();
        most[i / 2] = fmaxf(most[i / 2], scores[n][i]);
      }
    }
    float shrink[2];
    JEPA_UNROLL
    for (int half = 0; half < 2; ++half) {
      most[half] = warpMax<4>(most[half]);
      shrink[half] = exp2Fast((state.most[half] - most[half]) * scale);
      state.most[half] = most[half];
      state.total[half] *= shrink[half];
    }
    JEPA_UNROLL
    for (int n = 0; n < keys / 8; ++n) {
      JEPA_UNROLL
      for (int i = 0; i < 4; ++i) {
        scores[n][i] = exp2Fast((scores[n][i] - most[i / 2]) * scale);
        state.total[i / 2] += scores[n][i];
      }
    }
    JEPA_UNROLL
    for (int n = 0; n < blocks; ++n) {
      JEPA_UNROLL
      for (int i = 0; i < 4; ++i)
        state.sums[n][i] *= shrink[i / 2];
    }
    multiplyPlain(state.sums, toLeftOperand<T>(scores), value);
  }

  template <class Result, class Sequence, class Packing>
  JEPA_DEVICE static void finish(State &state, Rows<Result> result, float *logsumexp, const Sequence &its,
                                 const Packing &tokens, int heads, int first, float scale) {
    JEPA_UNROLL
    for (int half = 0; half < 2; ++half) {
      float total = warpSum<4>(state.total[half]);
      int token = first + sumRow(half * 2);
      if (token >= its.count)
        continue;
      int row = its.row(token);
      float inverse = total > 0.0f ? 1.0f / total : 0.0f;
      Result *to = result.data + static_cast<long long>(row) * result.stride + blockY() * Width;
      JEPA_UNROLL
      for (int n = 0; n < blocks; ++n)
        if (sumColumn(n, 0) < Width) {
          float pair[2] = {state.sums[n][half * 2] * inverse, state.sums[n][half * 2 + 1] * inverse};
          store(to + sumColumn(n, 0), pair);
        }
      if (laneIndex() % 4 == 0)
        logsumexp[tokens.statistic(blockZ(), heads, blockY(), row)] =
            total > 0.0f ? (state.most[half] * scale + log2Fast(total)) * ln2 : -infinity();
    }
  }
};

} // namespace JEPA_PATH
} // namespace jepa::device
