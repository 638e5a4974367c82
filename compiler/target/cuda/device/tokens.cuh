//===- tokens.cuh - selections, segments and statistics of tokens ---------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#pragma once

#include "reduce.cuh"

namespace jepa::device {

// Tokens are rows of `Width` numbers, of float or bf16 on either side, in [clips, tokens, Width]. Where the first
// begins and from one to the next there are multiples of the width's largest divisor among 1, 2, 4 and 8.

/// Four tokens to a block, one to a warp.
template <int Width> struct TokenBlock {
  static constexpr int threads = 128, vector = vectorWidth<bf16>(Width);

  /// Calls body(token) for the warp's token, if there is one.
  template <class Body> JEPA_DEVICE static void forTokens(int count, Body body) {
    int token = blockX() * (threads / 32) + warpIndex();
    if (token < count)
      body(token);
  }
  template <class To, class From>
  JEPA_DEVICE static void copy(Rows<To> to, long long toRow, Rows<const From> from, long long row) {
    JEPA_UNROLL_BY(4)
    for (int column = laneIndex() * vector; column < Width; column += 32 * vector) {
      float values[vector];
      load(values, from.data + row * from.stride + column);
      store(to.data + toRow * to.stride + column, values);
    }
  }
  template <class To> JEPA_DEVICE static void clear(Rows<To> to, long long row) {
    const float zeros[vector] = {};
    for (int column = laneIndex() * vector; column < Width; column += 32 * vector)
      store(to.data + row * to.stride + column, zeros);
  }
};

/// to[b, toFirst + i] = from[b, fromFirst + i] for i below `count`: a part of a concatenation, or a segment. Launch:
/// grid (ceil(count / 4), clips).
template <int Width> struct CopyTokens : TokenBlock<Width> {
  template <class To, class From>
  JEPA_DEVICE static void run(Rows<To> to, int toTokens, int toFirst, Rows<const From> from, int fromTokens,
                              int fromFirst, int count) {
    long long clip = blockY();
    TokenBlock<Width>::forTokens(count, [&](int token) {
      TokenBlock<Width>::copy(to, clip * toTokens + toFirst + token, from, clip * fromTokens + fromFirst + token);
    });
  }
};

/// to[b, i] = 0. Launch: grid (ceil(tokens / 4), clips).
template <int Width> struct ClearTokens : TokenBlock<Width> {
  template <class To> JEPA_DEVICE static void run(Rows<To> to, int tokens) {
    TokenBlock<Width>::forTokens(
        tokens, [&](int token) { TokenBlock<Width>::clear(to, static_cast<long long>(blockY()) * tokens + token); });
  }
};

/// to[b, first + i] = from[b, i], zero elsewhere. Launch: grid (ceil(toTokens / 4), clips).
template <int Width> struct PadTokens : TokenBlock<Width> {
  template <class To, class From>
  JEPA_DEVICE static void run(Rows<To> to, int toTokens, int first, Rows<const From> from, int fromTokens) {
    long long clip = blockY();
    TokenBlock<Width>::forTokens(toTokens, [&](int token) {
      if (token >= first && token < first + fromTokens)
        TokenBlock<Width>::copy(to, clip * toTokens + token, from, clip * fromTokens + token - first);
      else
        TokenBlock<Width>::clear(to, clip * toTokens + token);
    });
  }
};

/// to[b, i] = from[b, mask[b, i]]. A table is shared by all clips; `cyclic` counts its tokens modulo fromTokens.
/// Launch: grid (ceil(maskTokens / 4), clips).
template <int Width> struct GatherTokens : TokenBlock<Width> {
  template <class To, class From>
  JEPA_DEVICE static void run(Rows<To> to, Rows<const From> from, const int *mask, int maskTokens, int fromTokens,
                              bool table = false, bool cyclic = false) {
    long long clip = blockY();
    TokenBlock<Width>::forTokens(maskTokens, [&](int i) {
      int token = mask[clip * maskTokens + i];
      TokenBlock<Width>::copy(to, clip * maskTokens + i, from,
                              (table ? 0 : clip * fromTokens) + (cyclic ? token % fromTokens : token));
    });
  }
};

/// The adjoint: to[b, mask[b, i]] = from[b, i], zero elsewhere. Each of the result's tokens looks itself up in the
/// mask, which ascends, so nothing is cleared first and nothing is added by two. Where a mask is filled up by its last
/// token, only the first of these counts. A table's token is the sum over the
/// clips, in order, and `cyclic` over `turns` of its tokens in the mask. Launch: grid (ceil(toTokens / 4), clips, or 1
/// for a table).
template <int Width> struct ScatterTokens : TokenBlock<Width> {
  using TokenBlock<Width>::vector;

  template <class To, class From>
  JEPA_DEVICE static void run(Rows<To> to, int toTokens, Rows<const From> from, const int *mask, int maskTokens,
                              int clips, bool table = false, int turns = 1) {
    int first = table ? 0 : blockY(), end = table ? clips : first + 1;
    TokenBlock<Width>::forTokens(toTokens, [&](int token) {
      To *target = to.data + (static_cast<long long>(blockY()) * toTokens + token) * to.stride;
      for (int column = laneIndex() * vector; column < Width; column += 32 * vector) {
        float sums[vector] = {};
        for (int clip = first; clip < end; ++clip)
          for (int turn = 0; turn < turns; ++turn) {
            long long row = static_cast<long long>(clip) * maskTokens;
            int found = find(mask + row, maskTokens, turn * toTokens + token);
            if (found < 0)
              continue;
            float values[vector];
            load(values, from.data + (row + found) * from.stride + column);
            JEPA_UNROLL
            for (int j = 0; j < vector; ++j)
              sums[j] += values[j];
          }
        store(target + column, sums);
      }
    });
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

/// Which tokens of [clips, tokens] a deviation is over: those of a clip; its first `length`; or, where samples are
/// packed in a single clip, a sample's. Those that are not there are null.
struct TokenSpans {
  int tokens;
  const int *length, *bounds;
  int samples;

  /// Rows of the matrix.
  struct Span {
    int first, count;
  };
  /// Those of clip or sample `s`.
  JEPA_DEVICE Span of(int s) const {
    if (bounds)
      return {bounds[s], bounds[s + 1] - bounds[s]};
    return {s * tokens, length ? *length : tokens};
  }
  /// The same with the padding that follows it, and precedes the first of samples: all rows are someone's.
  JEPA_DEVICE Span padded(int s) const {
    if (!bounds)
      return {s * tokens, tokens};
    int begin = s == 0 ? 0 : bounds[s];
    return {begin, (s == samples - 1 ? tokens : bounds[s + 1]) - begin};
  }
};

/// to[row] = the root of the unbiased variance over a clip's or sample's tokens, plus eps. Launch: grid (ceil(Width /
/// 32), clips or samples).
template <int Width> struct TokenStd {
  static constexpr int threads = 128;
  struct Shared {
    SharedArray<float, threads> sums;
  };

  template <class To, class From> JEPA_DEVICE static void run(To *to, const From *from, TokenSpans spans, float eps) {
    auto &shared = sharedMemory<Shared>();
    int column = blockX() * 32 + laneIndex();
    auto span = spans.of(blockY());
    float mean = meanOf(from, span, column, shared.sums), sum = 0.0f;
    if (column < Width)
      for (int i = warpIndex(); i < span.count; i += 4) {
        float distance = toFloat(from[static_cast<long long>(span.first + i) * Width + column]) - mean;
        sum += distance * distance;
      }
    syncThreads();
    sum = sumOverWarps(sum, shared.sums);
    if (warpIndex() == 0 && column < Width)
      to[static_cast<long long>(blockY()) * Width + column] =
          fromFloat<To>(sqrtf(sum / static_cast<float>(span.count - 1) + eps));
  }

  /// The mean of a column over a span, in every thread.
  template <class From>
  JEPA_DEVICE static float meanOf(const From *from, TokenSpans::Span span, int column,
                                  SharedArray<float, threads> &scratch) {
    float sum = 0.0f;
    if (column < Width)
      for (int i = warpIndex(); i < span.count; i += 4)
        sum += toFloat(from[static_cast<long long>(span.first + i) * Width + column]);
    return sumOverWarps(sum, scratch) / static_cast<float>(span.count);
  }
};

/// The adjoint: std's gradient (x - mean) / ((tokens - 1) std), and zero where a token does not count. Launch: grid
/// (ceil(Width / 32), clips or samples).
template <int Width> struct TokenStdGrad {
  static constexpr int threads = 128;
  using Shared = typename TokenStd<Width>::Shared;

  template <class To, class G, class From, class S>
  JEPA_DEVICE static void run(To *xGrad, const G *stdGrad, const From *x, const S *std, TokenSpans spans) {
    auto &shared = sharedMemory<Shared>();
    int column = blockX() * 32 + laneIndex();
    auto span = spans.of(blockY());
    float mean = TokenStd<Width>::meanOf(x, span, column, shared.sums);
    if (column >= Width)
      return;
    long long own = static_cast<long long>(blockY()) * Width + column;
    float scale = toFloat(stdGrad[own]) / (toFloat(std[own]) * static_cast<float>(span.count - 1));
    auto all = spans.padded(blockY());
    for (int row = all.first + warpIndex(); row < all.first + all.count; row += 4) {
      long long at = static_cast<long long>(row) * Width + column;
      bool counts = row >= span.first && row < span.first + span.count;
      xGrad[at] = fromFloat<To>(counts ? (toFloat(x[at]) - mean) * scale : 0.0f);
    }
  }
};

} // namespace jepa::device
