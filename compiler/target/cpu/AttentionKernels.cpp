//===- AttentionKernels.cpp - cpu: attention, by blocks of queries and keys ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// For each 32 queries, over blocks of keys: the scores, transposed, so that a
// vector holds 16 queries and the softmax needs no sum across lanes; their
// running maximum and sum; and the sum of values weighted by them, transposed
// too (rescaled when the maximum grows). Scores stay within the caches.
//
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/AttentionTiles.h"
#include "compiler/target/cpu/Kernels.h"

#include <cmath>

using namespace mlir;
using namespace jepa;

/// Keys to a block at most.
static constexpr int64_t maxBlock = 128;
/// What no score is below: the running maximum's start.
static constexpr double lowestScore = -1.0e30;

namespace {

/// The launch's buffers, in their order.
enum Buffer {
  Result,
  Logsumexp,
  // Scratch of a slot. All keys: rows and pairs of values. 32 queries: their panel, a block's scores [keys, 32], the
  // probabilities as words of two keys (in place where a word is one float), sums of values [features, 32], those as
  // rows, and the logarithms of sums.
  KeyRows,
  ValuePairs,
  QueryPanel,
  Scores,
  Sums,
  Rows,
  Logs,
  Probabilities
};

struct AttentionEmitter {
  const AttentionLayout &layout;
  Words words;
  int64_t block;
  Kernel &k;
  Emit &e;
  Number slot;
  Value query, key, value;

  void run(const AttentionTask &task, const GroupTokens &queries, const GroupTokens &keys, int64_t parts);

private:
  /// Per 16 queries: their running maximum, and the sum of exponentials.
  using Statistics = SmallVector<Number>;
  Value buffer(Buffer which) const {
    return k.buffers[which == Probabilities && !words.pairs ? unsigned(Scores) : unsigned(which)];
  }
  Number log2Scale() { return e.constant(Tile::vectorType(e), layout.scale * M_LOG2E); }
  int64_t paddedWidth() const { return Tile::padded(layout.width, Tile::rows); }

  void panel(const AttentionTask &task, const GroupTokens &queries, const GroupTokens &keys, Number first);
  Statistics keyBlock(Number first, Number count, ArrayRef<Number> before);
  SmallVector<Number> scores(Number first, Number count, ArrayRef<Number> maxima);
  SmallVector<Number> exponentials(Number count, ArrayRef<Number> maxima, ArrayRef<Number> sums);
  void addValues(Number first, Number count, ArrayRef<Number> factors);
  void finish(const AttentionTask &task, const GroupTokens &queries, Number first, ArrayRef<Number> statistics);
};

} // namespace

void AttentionEmitter::run(const AttentionTask &task, const GroupTokens &queries, const GroupTokens &keys,
                           int64_t parts) {
  Number panels = (queries.count + (Tile::columns - 1)) / Tile::columns;
  Number begin = task.part * panels / e.index(parts), end = (task.part + 1) * panels / e.index(parts);
  e.when(e.less(begin, end), [&] {
    AttentionPack pack{e, words, layout.width, slot};
    Number rows = (keys.count + (Tile::rows - 1)) / Tile::rows * Tile::rows;
    pack.rows(buffer(KeyRows), HeadRows(key, task, layout.width), keys, e.index(0), rows);
    pack.pairs(buffer(ValuePairs), HeadRows(value, task, layout.width), keys, e.index(0), keys.count);
    e.loop(begin, end, 1, [&](Number index) { panel(task, queries, keys, index * Tile::columns); });
  });
}

void AttentionEmitter::panel(const AttentionTask &task, const GroupTokens &queries, const GroupTokens &keys,
                             Number first) {
  AttentionPack pack{e, words, layout.width, slot};
  pack.panels(buffer(QueryPanel), HeadRows(query, task, layout.width), queries, first, e.index(Tile::columns));
  Number zero = e.constant(Tile::vectorType(e), 0), lowest = e.constant(zero.getType(), lowestScore);
  e.loop(0, paddedWidth(), 1, [&](Number feature) {
    for (int64_t v = 0; v < Tile::vectors; ++v)
      e.storeVector(zero, buffer(Sums), {slot, e.index(0), feature, e.index(v * Tile::lanes)});
  });
  SmallVector<Number> statistics = e.reduce(
      e.index(0), keys.count, block, {lowest, lowest, zero, zero}, [&](Number firstKey, ArrayRef<Number> before) {
        return keyBlock(firstKey, e.min(e.index(block), keys.count - firstKey), before);
      });
  finish(task, queries, first, statistics);
}

SmallVector<Number> AttentionEmitter::keyBlock(Number first, Number count, ArrayRef<Number> before) {
  SmallVector<Number> maxima = scores(first, count, before.take_front(Tile::vectors)), factors, sums;
  for (int64_t v = 0; v < Tile::vectors; ++v) {
    factors.push_back(exp2(e, (before[v] - maxima[v]) * log2Scale(), Precision::Float));
    sums.push_back(before[Tile::vectors + v] * factors[v]);
  }
  sums = exponentials(count, maxima, sums);
  addValues(first, count, factors);
  llvm::append_range(maxima, sums);
  return maxima;
}

/// The scores of a block, and the larger of `maxima` and theirs. Rows past the last key repeat it.
SmallVector<Number> AttentionEmitter::scores(Number first, Number count, ArrayRef<Number> maxima) {
  return e.reduce(e.index(0), count, Tile::rows, maxima, [&](Number row, ArrayRef<Number> before) {
    SmallVector<Number> after(before),
        tile = Tile::multiply(
            e, words, e.index(words.count(layout.width)), Tile::vectors, Tile::zeros(e),
            [&](Number depth, int64_t i) {
              return e.load(buffer(KeyRows), {slot, first + row + i, depth});
            },
            [&](Number depth, int64_t v) {
              return e.loadVector(buffer(QueryPanel), {slot, e.index(0), depth, e.index(v * Tile::lanes)}, Tile::lanes);
            });
    for (auto [i, vector] : llvm::enumerate(tile)) {
      int64_t v = i % Tile::vectors;
      e.storeVector(vector, buffer(Scores), {slot, row + i / Tile::vectors, e.index(v * Tile::lanes)});
      after[v] = larger(e, after[v], vector);
    }
    return after;
  });
}

/// Replaces a block's scores by probabilities, and adds these to `sums`.
SmallVector<Number> AttentionEmitter::exponentials(Number count, ArrayRef<Number> maxima, ArrayRef<Number> sums) {
  SmallVector<Number> offsets;
  for (Number maximum : maxima)
    offsets.push_back(maximum * e.constant(maximum.getType(), -layout.scale * M_LOG2E));
  // Two keys at a time: the words of the dot product, and otherwise for the sake of the pipeline.
  auto rows = [&](Number row, int64_t number, ArrayRef<Number> before) {
    SmallVector<Number> after(before);
    for (int64_t v = 0; v < Tile::vectors; ++v) {
      Number at = e.index(v * Tile::lanes);
      SmallVector<Number> probabilities;
      for (int64_t i = 0; i < number; ++i) {
        Number score = e.loadVector(buffer(Scores), {slot, row + i, at}, Tile::lanes);
        probabilities.push_back(words.exp2(e, e.fma(score, log2Scale(), offsets[v])));
        after[i * Tile::vectors + v] = after[i * Tile::vectors + v] + probabilities[i];
      }
      if (words.pairs) {
        Number second = number == 2 ? probabilities[1] : e.constant(sums[0].getType(), 0);
        e.storeVector(words.zip(e, probabilities[0], second), buffer(Probabilities), {slot, row / 2, at});
      } else {
        for (int64_t i = 0; i < number; ++i)
          e.storeVector(probabilities[i], buffer(Probabilities), {slot, row + i, at});
      }
    }
    return after;
  };
  Number even = count / 2 * 2, zero = e.constant(sums[0].getType(), 0);
  SmallVector<Number> four{sums[0], sums[1], zero, zero};
  four = e.reduce(e.index(0), even, 2, four, [&](Number row, ArrayRef<Number> before) { return rows(row, 2, before); });
  four = e.reduce(even, count, 2, four, [&](Number row, ArrayRef<Number> before) { return rows(row, 1, before); });
  return {four[0] + four[2], four[1] + four[3]};
}

void AttentionEmitter::addValues(Number first, Number count, ArrayRef<Number> factors) {
  Number firstWord = first / words.each();
  e.loop(0, paddedWidth(), Tile::rows, [&](Number feature) {
    auto place = [&](int64_t i) {
      return SmallVector<Value>{slot, e.index(0), feature + i / Tile::vectors,
                                e.index(i % Tile::vectors * Tile::lanes)};
    };
    SmallVector<Number> tile;
    for (int64_t i = 0; i < Tile::rows * Tile::vectors; ++i)
      tile.push_back(e.loadVector(buffer(Sums), place(i), Tile::lanes) * factors[i % Tile::vectors]);
    tile = Tile::multiply(
        e, words, words.count(count), Tile::vectors, tile,
        [&](Number depth, int64_t i) {
          return e.load(buffer(ValuePairs), {slot, firstWord + depth, feature + i});
        },
        [&](Number depth, int64_t v) {
          return e.loadVector(buffer(Probabilities), {slot, depth, e.index(v * Tile::lanes)}, Tile::lanes);
        });
    for (auto [i, vector] : llvm::enumerate(tile))
      e.storeVector(vector, buffer(Sums), place(i));
  });
}

void AttentionEmitter::finish(const AttentionTask &task, const GroupTokens &queries, Number first,
                              ArrayRef<Number> statistics) {
  ArrayRef<Number> maxima = statistics.take_front(Tile::vectors), sums = statistics.drop_front(Tile::vectors);
  SmallVector<Number> factors;
  for (int64_t v = 0; v < Tile::vectors; ++v) {
    // A query without keys: its result is zero, its logarithm finite.
    Number sum = e.max(sums[v], e.constant(sums[v].getType(), 1.0e-30));
    Number logarithm = e.fma(maxima[v], e.constant(sum.getType(), layout.scale), e.log(sum));
    e.storeVector(logarithm, buffer(Logs), {slot, e.index(v * Tile::lanes)});
    factors.push_back(e.constant(sum.getType(), 1) / sum);
  }
  AttentionPack pack{e, words, layout.width, slot};
  pack.unpackPanel(buffer(Rows), buffer(Sums), e.index(0), [&](int64_t v) { return factors[v]; });
  HeadRows result(buffer(Result), task, layout.width);
  Number one = e.constant(e.builder.getF32Type(), 1);
  e.loop(e.index(0), e.min(e.index(Tile::columns), queries.count - first), 1, [&](Number row) {
    Number token = queries.at(first + row);
    pack.writeRow(result, token, buffer(Rows), row, one);
    e.store(e.load(buffer(Logs), {slot, row}), buffer(Logsumexp), {task.clip, task.head, token});
  });
}

LogicalResult AttentionCpu::emit(AttentionOp op, KernelContext &context) {
  if (usesMatrixTiles(context, {op.getQuery(), op.getKey(), op.getValue()}))
    return emitTiledAttention(op, context);
  AttentionLayout layout(op, context);
  Words words = attentionWords(context, {op.getQuery(), op.getKey(), op.getValue()});
  AttentionTasks tasks(layout, context, forwardParts(layout, context, Tile::columns));
  AttentionScratch scratch(context, words, tasks.slots());
  int64_t features = AttentionPack::rowFeatures(layout.width), capacity = layout.keys.capacity;
  int64_t block = evenBlock(capacity, maxBlock, Tile::rows);
  SmallVector<Value> writes{
      context.out(op.getResult()),
      context.out(op.getLogsumexp()),
      scratch.words({Tile::padded(capacity, Tile::rows), AttentionPack::rowWords(words, layout.width)}),
      scratch.words({words.count(capacity), features}),
      scratch.words({1, words.count(layout.width), Tile::columns}),
      scratch.floats({block, Tile::columns}),
      scratch.floats({1, features, Tile::columns}),
      scratch.floats({Tile::columns, features}),
      scratch.floats({Tile::columns})};
  if (words.pairs)
    writes.push_back(scratch.words({words.count(block), Tile::columns}));
  if (layout.queries.hidesTokens())
    clear(context, {writes[Result], writes[Logsumexp]});
  tasks.launch("attention", writes, {context.in(op.getQuery()), context.in(op.getKey()), context.in(op.getValue())},
               [&](const AttentionWork &work) {
                 AttentionEmitter{layout,           words,           block, work.k, work.e, work.slot, work.operands[0],
                                  work.operands[1], work.operands[2]}
                     .run(work.task, work.queries, work.keys, tasks.parts);
               });
  return success();
}
