//===- AttentionTileKernels.cpp - cpu: attention in tile registers ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// As AttentionKernels.cpp does it, scores and sums transposed, with products
// that go from memory to memory by tiles of 16 x 16. The unit that multiplies
// works beside the one for vectors as far as the processor sees ahead, some
// hundred instructions: the next block's scores are therefore computed between
// this block's exponentials, 32 keys at a time.
//
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/AttentionTiles.h"
#include "compiler/target/cpu/Kernels.h"

#include <cmath>

using namespace mlir;
using namespace jepa;

/// Queries to a panel: two tiles.
static constexpr int64_t panelTiles = 2, panelQueries = panelTiles * MatrixTiles::size;
/// Keys to a block at most: their scores and probabilities, with a panel's sums, stay in the second cache.
static constexpr int64_t maxBlock = 256;
/// Probabilities are below 2 to this power: what they are relative to stays while no score is further above it.
static constexpr double mostPower = 8;
/// What no score is below: the running maximum's start.
static constexpr double lowestScore = -1.0e30;

namespace {

/// The launch's buffers, in their order.
enum Buffer {
  Result,
  Logsumexp,
  // Scratch of a slot. All keys, as left operands: features contracted, values with tokens contracted.
  KeyRows,
  ValueColumns,
  // 32 queries: their right operand, a block's scores [keys / 16, 2] and probabilities [keys / 32, 2], sums of values
  // [features / 16, 2], those as rows, and the logarithms of sums.
  QueryPanel,
  Scores,
  Probabilities,
  Sums,
  Rows,
  Logs
};

struct TiledAttention {
  const AttentionLayout &layout;
  int64_t blockSize;
  Kernel &k;
  Emit &e;
  Number slot;
  Value query, key, value;

  void run(const AttentionTask &task, const GroupTokens &queries, const GroupTokens &keys, int64_t parts);

private:
  /// Keys that are taken together.
  struct Block {
    Number first, count, pairs;
  };
  Value buffer(Buffer which) const { return k.buffers[which]; }
  Number log2Scale() { return e.constant(Tile::vectorType(e), layout.scale * M_LOG2E); }
  int64_t wideTiles() const { return AttentionTiles::wideTiles(layout.width); }
  SmallVector<Value> row(Buffer which, Number tile, int64_t v, Number inTile) const;

  void panel(const AttentionTask &task, const GroupTokens &queries, const GroupTokens &keys, Number first);
  Block blockAt(Number first, const GroupTokens &keys);
  SmallVector<Number> keyBlock(const Block &block, const Block &next, ArrayRef<Number> before);
  void beginScores(const Block &block, Number pair);
  void storeScores(Number pair);
  SmallVector<Number> largest(Number pair, ArrayRef<Number> maxima);
  SmallVector<Number> raise(ArrayRef<Number> before, ArrayRef<Number> maxima);
  SmallVector<Number> exponentials(const Block &block, const Block &next, ArrayRef<Number> maxima,
                                   ArrayRef<Number> before);
  SmallVector<Number> wordsOf(Number tile32, Number word, Number keysLeft, ArrayRef<Number> offsets,
                              ArrayRef<Number> sums);
  void addValues(const Block &block);
  void finish(const AttentionTask &task, const GroupTokens &queries, Number first, ArrayRef<Number> statistics);
};

} // namespace

void TiledAttention::run(const AttentionTask &task, const GroupTokens &queries, const GroupTokens &keys,
                         int64_t parts) {
  Number panels = (queries.count + (panelQueries - 1)) / panelQueries;
  Number begin = task.part * panels / e.index(parts), end = (task.part + 1) * panels / e.index(parts);
  e.when(e.less(begin, end), [&] {
    AttentionTiles tiles(e, layout.width, slot);
    tiles.leftFeatures(buffer(KeyRows), HeadRows(key, task, layout.width), keys, e.index(0), keys.count);
    tiles.leftTokens(buffer(ValueColumns), HeadRows(value, task, layout.width), keys, e.index(0), keys.count);
    e.loop(begin, end, 1, [&](Number index) { panel(task, queries, keys, index * panelQueries); });
  });
}

SmallVector<Value> TiledAttention::row(Buffer which, Number tile, int64_t v, Number inTile) const {
  return {slot, tile, e.index(v), inTile, e.index(0)};
}

void TiledAttention::panel(const AttentionTask &task, const GroupTokens &queries, const GroupTokens &keys,
                           Number first) {
  AttentionTiles tiles(e, layout.width, slot);
  tiles.rightFeatures(buffer(QueryPanel), HeadRows(query, task, layout.width), queries, first, e.index(panelQueries));
  e.loop(0, wideTiles(), 1, [&](Number feature) {
    for (int64_t v = 0; v < panelTiles; ++v)
      tiles.clear(buffer(Sums), {feature, e.index(v)});
  });
  Number zero = e.constant(Tile::vectorType(e), 0), lowest = e.constant(zero.getType(), lowestScore);
  SmallVector<Number> none(panelTiles, lowest);
  Block start = blockAt(e.index(0), keys);
  SmallVector<Number> carried = e.reduce(e.index(0), start.pairs, 1, none, [&](Number pair, ArrayRef<Number> maxima) {
    beginScores(start, pair);
    storeScores(pair);
    return largest(pair, maxima);
  });
  // Maxima and sums so far, by 16 queries, before the maxima of the block whose scores are there.
  carried.insert(carried.begin(), {lowest, lowest, zero, zero});
  carried = e.reduce(e.index(0), keys.count, blockSize, carried, [&](Number firstKey, ArrayRef<Number> before) {
    return keyBlock(blockAt(firstKey, keys), blockAt(firstKey + blockSize, keys), before);
  });
  finish(task, queries, first, ArrayRef(carried).take_front(2 * panelTiles));
}

/// The keys from `first` on: none where it is the end.
TiledAttention::Block TiledAttention::blockAt(Number first, const GroupTokens &keys) {
  Number count = e.min(e.index(blockSize), e.max(keys.count, first) - first);
  return {first, count, (count + (MatrixTiles::depth - 1)) / MatrixTiles::depth};
}

/// Adds a block whose scores are there, and computes those of the next.
SmallVector<Number> TiledAttention::keyBlock(const Block &block, const Block &next, ArrayRef<Number> before) {
  SmallVector<Number> highest, carried;
  for (int64_t v = 0; v < panelTiles; ++v)
    highest.push_back(larger(e, before[v], before[2 * panelTiles + v]));
  SmallVector<Number> maxima = raise(before, highest);
  for (int64_t v = 0; v < panelTiles; ++v)
    carried.push_back(before[panelTiles + v] * exp2(e, (before[v] - maxima[v]) * log2Scale(), Precision::Float));
  carried = exponentials(block, next, maxima, carried);
  addValues(block);
  carried.insert(carried.begin(), maxima.begin(), maxima.end());
  return carried;
}

/// What probabilities are relative to: the maximum so far where some score is far above what it was, otherwise that, as
/// what is a little above costs no precision. Sums of values are rescaled where it changes.
SmallVector<Number> TiledAttention::raise(ArrayRef<Number> before, ArrayRef<Number> maxima) {
  Number above = larger(e, maxima[0] - before[0], maxima[1] - before[1]);
  Number isFar = e.less(e.constant(e.builder.getF32Type(), mostPower / (layout.scale * M_LOG2E)), e.laneMax(above));
  SmallVector<Number> after;
  for (int64_t v = 0; v < panelTiles; ++v)
    after.push_back(e.select(isFar, maxima[v], before[v]));
  e.when(isFar, [&] {
    e.loop(0, wideTiles(), 1, [&](Number feature) {
      for (int64_t v = 0; v < panelTiles; ++v) {
        Number factor = exp2(e, (before[v] - maxima[v]) * log2Scale(), Precision::Float);
        for (int64_t i = 0; i < MatrixTiles::size; ++i) {
          SmallVector<Value> place = row(Sums, feature, v, e.index(i));
          e.storeVector(e.loadVector(buffer(Sums), place, Tile::lanes) * factor, buffer(Sums), place);
        }
      }
    });
  });
  return after;
}

/// The scores of 32 keys, in registers. Keys past the last one repeat it.
void TiledAttention::beginScores(const Block &block, Number pair) {
  Number firstTile = block.first / MatrixTiles::size + pair * 2;
  MatrixTiles(e).begin(2, panelTiles, e.index(AttentionTiles::deepTiles(layout.width)), /*before=*/nullptr,
                       {buffer(KeyRows),
                        [&](int64_t i, Number d) {
                          return SmallVector<Value>{slot, firstTile + i, d};
                        }},
                       {buffer(QueryPanel), [&](int64_t j, Number d) {
                          return SmallVector<Value>{slot, d, e.index(j)};
                        }});
}

void TiledAttention::storeScores(Number pair) {
  MatrixTiles(e).store(2, panelTiles, {buffer(Scores), [&](int64_t i, int64_t j) {
                                         return SmallVector<Value>{slot, pair * 2 + i, e.index(j)};
                                       }});
}

/// The larger of `maxima` and the scores of 32 keys.
SmallVector<Number> TiledAttention::largest(Number pair, ArrayRef<Number> maxima) {
  // Neighbours first: a chain would wait for each comparison.
  SmallVector<Number> after(maxima);
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t v = 0; v < panelTiles; ++v) {
      SmallVector<Number> most;
      for (int64_t key = 0; key < MatrixTiles::size; ++key)
        most.push_back(e.loadVector(buffer(Scores), row(Scores, pair * 2 + i, v, e.index(key)), Tile::lanes));
      for (int64_t half = MatrixTiles::size / 2; half; half /= 2)
        for (int64_t key = 0; key < half; ++key)
          most[key] = larger(e, most[key], most[key + half]);
      after[v] = larger(e, after[v], most[0]);
    }
  return after;
}

/// Two keys' probabilities as words, and `sums` with them: [key, 16 queries]. Of the two, `keysLeft` exist.
SmallVector<Number> TiledAttention::wordsOf(Number tile32, Number word, Number keysLeft, ArrayRef<Number> offsets,
                                            ArrayRef<Number> sums) {
  constexpr int64_t half = MatrixTiles::size / 2;
  SmallVector<Number> after(sums);
  for (int64_t v = 0; v < panelTiles; ++v) {
    SmallVector<Number> pair;
    for (int64_t i = 0; i < 2; ++i) {
      SmallVector<Value> place = row(Scores, tile32 * 2 + word / half, v, word % half * 2 + i);
      Number probability =
          coarseExp2(e, e.fma(e.loadVector(buffer(Scores), place, Tile::lanes), log2Scale(), offsets[v]));
      if (keysLeft.value)
        probability = e.select(e.less(e.index(i), keysLeft), probability, e.constant(probability.getType(), 0));
      pair.push_back(probability);
      after[i * panelTiles + v] = after[i * panelTiles + v] + probability;
    }
    e.storeVector(Words{true}.zip(e, pair[0], pair[1]), buffer(Probabilities), row(Probabilities, tile32, v, word));
  }
  return after;
}

/// The probabilities of a block from its scores, zeros up to whole tiles; added to `sums`, which are returned before
/// the maxima of the next block.
SmallVector<Number> TiledAttention::exponentials(const Block &block, const Block &next, ArrayRef<Number> maxima,
                                                 ArrayRef<Number> sums) {
  SmallVector<Number> offsets;
  for (Number maximum : maxima)
    offsets.push_back(maximum * e.constant(maximum.getType(), -layout.scale * M_LOG2E));
  constexpr int64_t sumCount = 2 * panelTiles;
  auto pair = [&](Number tile32, bool isWhole, ArrayRef<Number> before) {
    e.when(e.less(tile32, next.pairs), [&] { beginScores(next, tile32); });
    SmallVector<Number> after = e.reduce(
        e.index(0), e.index(MatrixTiles::size), 1, before.take_front(sumCount),
        [&](Number word, ArrayRef<Number> carried) {
          Number at = tile32 * MatrixTiles::depth + word * 2;
          return wordsOf(tile32, word, isWhole ? Number() : block.count - e.min(at, block.count), offsets, carried);
        });
    // Once, or not at all where the next block has no such pair.
    llvm::append_range(after, e.reduce(tile32, e.min(tile32 + 1, next.pairs), 1, before.drop_front(sumCount),
                                       [&](Number, ArrayRef<Number> most) {
                                         storeScores(tile32);
                                         return largest(tile32, most);
                                       }));
    return after;
  };
  Number whole = block.count / MatrixTiles::depth, zero = e.constant(sums[0].getType(), 0);
  Number lowest = e.constant(zero.getType(), lowestScore);
  SmallVector<Number> carried{sums[0], sums[1], zero, zero, lowest, lowest};
  carried = e.reduce(e.index(0), whole, 1, carried,
                     [&](Number tile32, ArrayRef<Number> before) { return pair(tile32, true, before); });
  carried = e.reduce(whole, block.pairs, 1, carried,
                     [&](Number tile32, ArrayRef<Number> before) { return pair(tile32, false, before); });
  return {carried[0] + carried[2], carried[1] + carried[3], carried[4], carried[5]};
}

void TiledAttention::addValues(const Block &block) {
  MatrixTiles registers(e);
  Number firstBlock = block.first / MatrixTiles::depth;
  registers.forPairs(wideTiles(), [&](Number feature, int64_t number) {
    registers.multiply(number, panelTiles, block.pairs, /*accumulate=*/true,
                       {buffer(Sums),
                        [&](int64_t i, int64_t j) {
                          return SmallVector<Value>{slot, feature + i, e.index(j)};
                        }},
                       {buffer(ValueColumns),
                        [&](int64_t i, Number d) {
                          return SmallVector<Value>{slot, feature + i, firstBlock + d};
                        }},
                       {buffer(Probabilities), [&](int64_t j, Number d) {
                          return SmallVector<Value>{slot, d, e.index(j)};
                        }});
  });
}

void TiledAttention::finish(const AttentionTask &task, const GroupTokens &queries, Number first,
                            ArrayRef<Number> statistics) {
  ArrayRef<Number> maxima = statistics.take_front(panelTiles), sums = statistics.drop_front(panelTiles);
  SmallVector<Number> factors;
  for (int64_t v = 0; v < panelTiles; ++v) {
    // A query without keys: its result is zero, its logarithm finite.
    Number sum = e.max(sums[v], e.constant(sums[v].getType(), 1.0e-30));
    Number logarithm = e.fma(maxima[v], e.constant(sum.getType(), layout.scale), e.log(sum));
    e.storeVector(logarithm, buffer(Logs), {slot, e.index(v * Tile::lanes)});
    factors.push_back(e.constant(sum.getType(), 1) / sum);
  }
  AttentionTiles tiles(e, layout.width, slot);
  e.loop(0, wideTiles(), 1, [&](Number feature) {
    for (int64_t v = 0; v < panelTiles; ++v) {
      SmallVector<Number> rows = tiles.transposed(buffer(Sums), {slot, feature, e.index(v)});
      for (auto [i, vector] : llvm::enumerate(rows))
        e.storeVector(vector, buffer(Rows), {slot, e.index(v * Tile::lanes + i), feature * MatrixTiles::size});
    }
  });
  for (int64_t v = 0; v < panelTiles; ++v)
    e.storeVector(factors[v], buffer(Logs), {slot, e.index((panelTiles + v) * Tile::lanes)});
  AttentionPack pack{e, {true}, layout.width, slot};
  HeadRows result(buffer(Result), task, layout.width);
  e.loop(e.index(0), e.min(e.index(panelQueries), queries.count - first), 1, [&](Number row) {
    Number token = queries.at(first + row);
    pack.writeRow(result, token, buffer(Rows), row, e.load(buffer(Logs), {slot, row + panelQueries}));
    e.store(e.load(buffer(Logs), {slot, row}), buffer(Logsumexp), {task.clip, task.head, token});
  });
}

LogicalResult jepa::emitTiledAttention(AttentionOp op, KernelContext &context) {
  AttentionLayout layout(op, context);
  AttentionTasks tasks(layout, context, forwardParts(layout, context, panelQueries));
  AttentionScratch scratch(context, {true}, tasks.slots());
  constexpr int64_t size = MatrixTiles::size, depth = MatrixTiles::depth;
  int64_t deep = AttentionTiles::deepTiles(layout.width), wide = AttentionTiles::wideTiles(layout.width);
  int64_t capacity = layout.keys.capacity, pairs = llvm::divideCeil(capacity, depth);
  int64_t block = evenBlock(capacity, maxBlock, depth);
  SmallVector<Value> writes{context.out(op.getResult()),
                            context.out(op.getLogsumexp()),
                            scratch.words({2 * pairs, deep, size, size}),
                            scratch.words({wide, pairs, size, size}),
                            scratch.words({deep, panelTiles, size, size}),
                            scratch.floats({block / size, panelTiles, size, size}),
                            scratch.words({block / depth, panelTiles, size, size}),
                            scratch.floats({wide, panelTiles, size, size}),
                            scratch.floats({panelQueries, wide * size}),
                            scratch.floats({2 * panelQueries})};
  if (layout.queries.hidesTokens())
    clear(context, {writes[Result], writes[Logsumexp]});
  tasks.launch(
      "attention_tiles", writes, {context.in(op.getQuery()), context.in(op.getKey()), context.in(op.getValue())},
      [&](const AttentionWork &work) {
        TiledAttention{layout, block, work.k, work.e, work.slot, work.operands[0], work.operands[1], work.operands[2]}
            .run(work.task, work.queries, work.keys, tasks.parts);
      },
      [](Emit &e) { MatrixTiles(e).configure(); }, [](Emit &e) { MatrixTiles(e).release(); });
  return success();
}
