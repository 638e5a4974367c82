//===- AttentionGradKernels.cpp - cpu: adjoint of attention ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// With P the probabilities, computed again from logsumexp, and D the sums over
// features of dO * O:
//   dV += P^T dO,  dS = P * (dO V^T - D),  dQ += scale dS K,  dK += scale dS^T Q
// The outer loop goes over blocks of keys, whose gradients are complete at its
// end; the inner one over blocks of queries, whose gradients stay in scratch.
// Where there are few heads, a task does a part of a head's keys, and a second
// launch adds the parts' gradients of queries, in order. How many parts there
// are follows from shapes alone, so threads change nothing.
//
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/AttentionGradTasks.h"
#include "compiler/target/cpu/AttentionTiles.h"
#include "compiler/target/cpu/Kernels.h"
#include "compiler/target/cpu/Sweep.h"

#include <cmath>

using namespace mlir;
using namespace jepa;

/// Keys and queries to a block at most, multiples of a panel.
static constexpr int64_t maxKeys = 128, maxQueries = 128;
namespace {

/// The launch's buffers, in their order.
enum Buffer {
  // [clip, token, features]; with several parts the query's gradient is [part * clips + clip, token, features].
  DQuery,
  DKey,
  DValue,
  // Scratch of a slot. All queries: packed queries and dO, statistics [2, queries], dQ [queries, features].
  QueryRows,
  DResultRows,
  Statistics,
  DQueries,
  // A block of keys: panels, pairs, gradients [panel, features, 32], and 32 of them as rows.
  KeyPanels,
  ValuePanels,
  KeyPairs,
  DKeys,
  DValues,
  GradientRows,
  // A block of queries and keys: a tile of probabilities; words of two queries [panel, queries, 32]; rows of words of
  // two keys.
  Tile8,
  Probabilities,
  DScores,
  DScoreRows,
  // With words of two bf16 only: otherwise they are the same as the rows.
  QueryPairs,
  DResultPairs
};
enum Statistic { LogSum, Delta };

struct AttentionGradEmitter {
  const AttentionLayout &layout;
  Words words;
  AttentionGradBlocks blocks;
  Kernel &k;
  Emit &e;
  Number slot;
  ArrayRef<Value> operands;
  const AttentionTask &task;
  GroupTokens queries, keys;

  void run(int64_t parts);

private:
  enum Operand { DResult, Query, Key, ValueOperand, Output, Logsumexp };
  Value buffer(Buffer which) const {
    if (!words.pairs && which == QueryPairs)
      which = QueryRows;
    if (!words.pairs && which == DResultPairs)
      which = DResultRows;
    return k.buffers[which];
  }
  HeadRows rowsOf(Value buffer) const { return HeadRows(buffer, task, layout.width); }
  AttentionPack pack() const { return {e, words, layout.width, slot}; }
  Number roundUp(Number count, int64_t unit) const { return (count + (unit - 1)) / unit * unit; }

  void packQueries();
  void packKeys(Number first, Number count);
  void scoreTile(Number panel, Number firstRow, Number row);
  void addKeyGradients(Number panel, Number firstRow, Number rows);
  void addQueryGradients(Number row, Number rowInBlock, Number keyCount);
  void writeKeyGradients(Number first, Number count);
};

} // namespace

void AttentionGradEmitter::run(int64_t parts) {
  packQueries();
  Number keyBlocks = (keys.count + (blocks.keys - 1)) / blocks.keys;
  Number begin = task.part * keyBlocks / e.index(parts), end = (task.part + 1) * keyBlocks / e.index(parts);
  e.loop(begin, end, 1, [&](Number keyBlock) {
    Number firstKey = keyBlock * blocks.keys, keysHere = e.min(e.index(blocks.keys), keys.count - firstKey);
    packKeys(firstKey, keysHere);
    e.loop(e.index(0), queries.count, blocks.queries, [&](Number firstRow) {
      Number rows = e.min(e.index(blocks.queries), queries.count - firstRow);
      e.loop(e.index(0), (keysHere + (Tile::columns - 1)) / Tile::columns, 1, [&](Number panel) {
        e.loop(e.index(0), rows, Tile::rows, [&](Number row) { scoreTile(panel, firstRow, row); });
        addKeyGradients(panel, firstRow, rows);
      });
      e.loop(e.index(0), rows, Tile::rows, [&](Number row) { addQueryGradients(firstRow + row, row, keysHere); });
    });
    writeKeyGradients(firstKey, keysHere);
  });
  HeadRows gradient = rowsOf(buffer(DQuery));
  if (parts > 1)
    gradient.clip = task.part * static_cast<double>(layout.clips) + task.clip;
  Number scale = e.constant(e.builder.getF32Type(), parts > 1 ? 1 : layout.scale);
  e.loop(e.index(0), queries.count, 1,
         [&](Number row) { pack().writeRow(gradient, queries.at(row), buffer(DQueries), row, scale); });
}

void AttentionGradEmitter::packQueries() {
  HeadRows query = rowsOf(operands[Query]), dresult = rowsOf(operands[DResult]), output = rowsOf(operands[Output]);
  // Rows past the last query repeat it: what they give is multiplied by a pair's zero or not written.
  Number rows = roundUp(queries.count, Tile::rows);
  pack().rows(buffer(QueryRows), query, queries, e.index(0), rows);
  pack().rows(buffer(DResultRows), dresult, queries, e.index(0), rows);
  if (words.pairs) {
    pack().pairs(buffer(QueryPairs), query, queries, e.index(0), queries.count);
    pack().pairs(buffer(DResultPairs), dresult, queries, e.index(0), queries.count);
  }
  e.loop(e.index(0), rows, 1, [&](Number row) {
    Number token = queries.at(row);
    e.store(pack().dot(dresult, output, token), buffer(Statistics), {slot, e.index(Delta), row});
    Number logarithm = e.load(operands[Logsumexp], {task.clip, task.head, token});
    e.store(logarithm * M_LOG2E, buffer(Statistics), {slot, e.index(LogSum), row});
    zeroRow(e, AttentionPack::rowFeatures(layout.width), buffer(DQueries), {slot, row});
  });
}

void AttentionGradEmitter::packKeys(Number first, Number count) {
  HeadRows key = rowsOf(operands[Key]), value = rowsOf(operands[ValueOperand]);
  Number columns = roundUp(count, Tile::columns);
  pack().panels(buffer(KeyPanels), key, keys, first, columns);
  pack().panels(buffer(ValuePanels), value, keys, first, columns);
  pack().pairs(buffer(KeyPairs), key, keys, first, count);
  Number zero = e.constant(Tile::vectorType(e), 0);
  e.loop(e.index(0), columns / Tile::columns, 1, [&](Number panel) {
    e.loop(0, Tile::padded(layout.width, Tile::rows), 1, [&](Number feature) {
      for (Buffer which : {DKeys, DValues})
        for (int64_t v = 0; v < Tile::vectors; ++v)
          e.storeVector(zero, buffer(which), {slot, panel, feature, e.index(v * Tile::lanes)});
    });
  });
}

/// Probabilities and score gradients of 8 queries and 32 keys.
void AttentionGradEmitter::scoreTile(Number panel, Number firstRow, Number row) {
  auto product = [&](Buffer left, Buffer right) {
    return Tile::multiply(
        e, words, e.index(words.count(layout.width)), Tile::vectors, Tile::zeros(e),
        [&](Number depth, int64_t i) {
          return e.load(buffer(left), {slot, firstRow + row + i, depth});
        },
        [&](Number depth, int64_t v) {
          return e.loadVector(buffer(right), {slot, panel, depth, e.index(v * Tile::lanes)}, Tile::lanes);
        });
  };
  auto statistic = [&](Statistic which, int64_t i) {
    return e.broadcast(e.load(buffer(Statistics), {slot, e.index(which), firstRow + row + i}), Tile::lanes);
  };
  auto storePairs = [&](ArrayRef<Number> tile, Buffer to) {
    for (int64_t i = 0; i < Tile::rows; i += words.each())
      for (int64_t v = 0; v < Tile::vectors; ++v) {
        Number next = words.pairs ? tile[(i + 1) * Tile::vectors + v] : Number();
        e.storeVector(words.zip(e, tile[i * Tile::vectors + v], next), buffer(to),
                      {slot, panel, (row + i) / words.each(), e.index(v * Tile::lanes)});
      }
  };
  auto place = [&](int64_t i) {
    return SmallVector<Value>{slot, e.index(i / Tile::vectors), e.index(i % Tile::vectors * Tile::lanes)};
  };
  Number scale = e.constant(Tile::vectorType(e), layout.scale * M_LOG2E);
  SmallVector<Number> probabilities = product(QueryRows, KeyPanels);
  for (auto [i, score] : llvm::enumerate(probabilities)) {
    score = words.exp2(e, score * scale - statistic(LogSum, i / Tile::vectors));
    e.storeVector(score, buffer(Tile8), place(i));
  }
  storePairs(probabilities, Probabilities);
  SmallVector<Number> slopes = product(DResultRows, ValuePanels);
  for (auto [i, slope] : llvm::enumerate(slopes))
    slope = e.loadVector(buffer(Tile8), place(i), Tile::lanes) * (slope - statistic(Delta, i / Tile::vectors));
  storePairs(slopes, DScores);
  for (int64_t i = 0; i < Tile::rows; ++i)
    for (int64_t v = 0; v < Tile::vectors; v += words.each())
      e.storeVector(words.join(e, ArrayRef(slopes).slice(i * Tile::vectors + v, words.each())), buffer(DScoreRows),
                    {slot, row + i, panel * (Tile::columns / words.each()) + v * Tile::lanes / words.each()});
}

/// dV^T += dO^T P and dK^T += Q^T dS, over the rows of a block.
void AttentionGradEmitter::addKeyGradients(Number panel, Number firstRow, Number rows) {
  Number firstWord = firstRow / words.each();
  auto add = [&](Buffer sums, Buffer left, Buffer right) {
    e.loop(0, Tile::padded(layout.width, Tile::rows), Tile::rows, [&](Number feature) {
      auto place = [&](int64_t i) {
        return SmallVector<Value>{slot, panel, feature + i / Tile::vectors, e.index(i % Tile::vectors * Tile::lanes)};
      };
      SmallVector<Number> tile;
      for (int64_t i = 0; i < Tile::rows * Tile::vectors; ++i)
        tile.push_back(e.loadVector(buffer(sums), place(i), Tile::lanes));
      tile = Tile::multiply(
          e, words, words.count(rows), Tile::vectors, tile,
          [&](Number depth, int64_t i) {
            return e.load(buffer(left), {slot, firstWord + depth, feature + i});
          },
          [&](Number depth, int64_t v) {
            return e.loadVector(buffer(right), {slot, panel, depth, e.index(v * Tile::lanes)}, Tile::lanes);
          });
      for (auto [i, vector] : llvm::enumerate(tile))
        e.storeVector(vector, buffer(sums), place(i));
    });
  };
  add(DValues, DResultPairs, Probabilities);
  add(DKeys, QueryPairs, DScores);
}

/// dQ += dS K for 8 queries, over the keys of a block.
void AttentionGradEmitter::addQueryGradients(Number row, Number rowInBlock, Number keyCount) {
  Tile::forColumns(e, AttentionPack::rowFeatures(layout.width), [&](Number column, int64_t vectors) {
    auto place = [&](int64_t i) {
      return SmallVector<Value>{slot, row + i / vectors, column + i % vectors * Tile::lanes};
    };
    SmallVector<Number> tile;
    for (int64_t i = 0; i < Tile::rows * vectors; ++i)
      tile.push_back(e.loadVector(buffer(DQueries), place(i), Tile::lanes));
    tile = Tile::multiply(
        e, words, words.count(keyCount), vectors, tile,
        [&](Number depth, int64_t i) {
          return e.load(buffer(DScoreRows), {slot, rowInBlock + i, depth});
        },
        [&](Number depth, int64_t v) {
          return e.loadVector(buffer(KeyPairs), {slot, depth, column + v * Tile::lanes}, Tile::lanes);
        });
    for (auto [i, vector] : llvm::enumerate(tile))
      e.storeVector(vector, buffer(DQueries), place(i));
  });
}

void AttentionGradEmitter::writeKeyGradients(Number first, Number count) {
  auto write = [&](Buffer to, Buffer from, double factor) {
    HeadRows gradient = rowsOf(buffer(to));
    e.loop(e.index(0), count, Tile::columns, [&](Number column) {
      Number ones = e.constant(Tile::vectorType(e), 1), scale = e.constant(e.builder.getF32Type(), factor);
      pack().unpackPanel(buffer(GradientRows), buffer(from), column / Tile::columns, [&](int64_t) { return ones; });
      e.loop(e.index(0), e.min(e.index(Tile::columns), count - column), 1, [&](Number row) {
        pack().writeRow(gradient, keys.at(first + column + row), buffer(GradientRows), row, scale);
      });
    });
  };
  write(DKey, DKeys, layout.scale);
  write(DValue, DValues, 1);
}

LogicalResult AttentionGradCpu::emit(AttentionGradOp op, KernelContext &context) {
  if (usesMatrixTiles(context, {op.getDresult(), op.getQuery(), op.getKey(), op.getValue()}))
    return emitTiledAttentionGrad(op, context);
  Words words = attentionWords(context, {op.getDresult(), op.getQuery(), op.getKey(), op.getValue()});
  AttentionGradTasks tasks(op, context, {maxKeys, Tile::columns}, {maxQueries, Tile::rows});
  const AttentionLayout &layout = tasks.layout;
  AttentionGradBlocks blocks = tasks.blocks;
  AttentionScratch scratch(context, words, tasks.slots());
  int64_t queries = Tile::padded(layout.queries.capacity, Tile::rows), panels = blocks.keys / Tile::columns;
  int64_t features = AttentionPack::rowFeatures(layout.width), depth = words.count(layout.width);
  int64_t row = AttentionPack::rowWords(words, layout.width);
  SmallVector<Value> writes = tasks.outputs;
  llvm::append_values(
      writes, scratch.words({queries, row}), scratch.words({queries, row}), scratch.floats({2, queries}),
      scratch.floats({queries, features}), scratch.words({panels, depth, Tile::columns}),
      scratch.words({panels, depth, Tile::columns}), scratch.words({words.count(blocks.keys), features}),
      scratch.floats({panels, features, Tile::columns}), scratch.floats({panels, features, Tile::columns}),
      scratch.floats({Tile::columns, features}), scratch.floats({Tile::rows, Tile::columns}),
      scratch.words({panels, words.count(blocks.queries), Tile::columns}),
      scratch.words({panels, words.count(blocks.queries), Tile::columns}),
      scratch.words({blocks.queries, words.count(blocks.keys)}));
  if (words.pairs)
    llvm::append_values(writes, scratch.words({words.count(queries), features}),
                        scratch.words({words.count(queries), features}));
  tasks.launch("attention_grad", writes, [&](const AttentionWork &work) {
    AttentionGradEmitter{layout,    words,         blocks,    work.k,       work.e,
                         work.slot, work.operands, work.task, work.queries, work.keys}
        .run(tasks.parts);
  });
  return success();
}
