//===- AttentionGradKernels.cpp - cpu: adjoint of attention ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One task is one head of one clip. With P the probabilities, computed again
// from logsumexp, and D the sums over features of dO * O:
//   dV += P^T dO,  dS = P * (dO V^T - D),  dQ += scale dS K,  dK += dS^T (scale Q)
// The outer loop goes over blocks of keys, whose gradients are complete at its
// end; the inner one over blocks of queries, whose gradients stay in scratch.
//
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/AttentionLayout.h"
#include "compiler/target/cpu/Kernels.h"
#include "compiler/target/cpu/Sweep.h"

using namespace mlir;
using namespace jepa;

namespace {

/// The launch's buffers, in their order.
enum Buffer {
  DQuery, DKey, DValue,
  // Scratch of a slot, all queries: packed (scaled) queries, packed dO, dQ [queries, padded width]; logsumexp and D.
  Queries, DResults, DQueries, Statistics,
  // One block of keys: columns [panels, width, 32] and rows [keys, padded width].
  KeyColumns, ValueColumns, KeyRows, DKeys, DValues,
  // One block of queries and keys.
  Probabilities, DScores,
  DResult, Query, Key, ValueIn, Output, Logsumexp, firstKeyList
};
enum Statistic { LogSum, Delta };

struct AttentionGradEmitter {
  const AttentionLayout &layout;
  const VisibleKeys &visible;
  Kernel &k;
  Emit &e;
  Number task, slot;
  /// How many keys the task's clip sees.
  Number count;

  void run();

private:
  static constexpr int64_t vectors = Tile::columns / Tile::lanes;
  Value buffer(Buffer which) const { return k.buffers[which]; }
  HeadRows rowsOf(Buffer which) const {
    return {buffer(which), task / layout.heads, (task % layout.heads) * layout.width};
  }
  Number keyAt(Number position) const {
    return visible.key(e, ArrayRef<Value>(k.buffers).drop_front(firstKeyList), task / layout.heads, position);
  }

  void packQueries();
  void packKeys(Number first, Number panels);
  void strip(Number firstPanel, Number panels, Number row, Number rowInBlock);
  void scoreTile(Number firstPanel, Number panel, Number row, Number rowInBlock);
  void keyGradients(Number panels, Number firstRow, Number rows);
  void addProduct(Buffer sums, Number sumRow, Number depth, function_ref<Number(Number, int64_t)> a, Buffer rows,
                  Number firstRow);
  void writeKeyGradients(Number first, Number panels);
};

} // namespace

void AttentionGradEmitter::run() {
  packQueries();
  if (visible.hidesKeys())
    e.loop(0, layout.keys, 1, [&](Number token) {
      for (HeadRows gradient : {rowsOf(DKey), rowsOf(DValue)})
        sweep(e, layout.width, [&](Span &span) {
          span.shifted(gradient.feature).store(span.constant(0), gradient.buffer, gradient.at(token));
        });
    });
  Number panels = (count + (Tile::columns - 1)) / Tile::columns;
  e.loop(e.index(0), panels, layout.panelsPerBlock, [&](Number firstPanel) {
    Number here = e.min(e.index(layout.panelsPerBlock), panels - firstPanel);
    packKeys(firstPanel * Tile::columns, here);
    e.loop(0, layout.paddedQueries(), layout.queriesPerBlock, [&](Number firstRow) {
      Number rows = e.min(e.index(layout.queriesPerBlock), e.index(layout.paddedQueries()) - firstRow);
      e.loop(e.index(0), rows, Tile::rows, [&](Number row) { strip(firstPanel, here, firstRow + row, row); });
      keyGradients(here, firstRow, rows);
    });
    writeKeyGradients(firstPanel * Tile::columns, here);
  });
  Number scale = e.constant(e.builder.getF32Type(), layout.scale);
  e.loop(0, layout.queries, 1, [&](Number row) {
    unpackRow(e, layout.width, rowsOf(DQuery), row, buffer(DQueries), {slot, row}, scale);
  });
}

void AttentionGradEmitter::packQueries() {
  Type f32 = e.builder.getF32Type();
  Number scale = e.constant(f32, layout.scale);
  HeadRows query = rowsOf(Query), dresult = rowsOf(DResult), output = rowsOf(Output);
  e.loop(0, layout.queries, 1, [&](Number row) {
    packRow(e, layout.width, buffer(Queries), {slot, row}, query, row, scale);
    packRow(e, layout.width, buffer(DResults), {slot, row}, dresult, row);
    Number delta = sumRow(e, layout.width, [&](Span &span) {
      return span.load(buffer(DResults), {slot, row}) *
             span.shifted(output.feature).load(output.buffer, output.at(row));
    });
    e.store(delta, buffer(Statistics), {slot, e.index(Delta), row});
    Number logsumexp = e.load(buffer(Logsumexp), {output.clip, task % layout.heads, row});
    e.store(logsumexp, buffer(Statistics), {slot, e.index(LogSum), row});
  });
  // Rows past the last query: with a gradient of zero they add nothing anywhere.
  e.loop(layout.queries, layout.paddedQueries(), 1, [&](Number row) {
    for (Buffer which : {Queries, DResults})
      zeroRow(e, layout.paddedWidth, buffer(which), {slot, row});
    for (Statistic which : {LogSum, Delta})
      e.store(e.constant(f32, 0), buffer(Statistics), {slot, e.index(which), row});
  });
  e.loop(0, layout.paddedQueries(), 1,
         [&](Number row) { zeroRow(e, layout.paddedWidth, buffer(DQueries), {slot, row}); });
}

void AttentionGradEmitter::packKeys(Number first, Number panels) {
  HeadRows key = rowsOf(Key), value = rowsOf(ValueIn);
  Number positions = panels * Tile::columns, real = e.min(positions, count - first);
  e.loop(e.index(0), real, 1, [&](Number position) {
    Number token = keyAt(first + position);
    packColumn(e, layout.width, buffer(KeyColumns), slot, position, key, token);
    packColumn(e, layout.width, buffer(ValueColumns), slot, position, value, token);
    packRow(e, layout.width, buffer(KeyRows), {slot, position}, key, token);
  });
  e.loop(real, positions, 1, [&](Number position) {
    for (Buffer which : {KeyColumns, ValueColumns})
      zeroColumn(e, layout.width, buffer(which), slot, position);
    zeroRow(e, layout.paddedWidth, buffer(KeyRows), {slot, position});
  });
  e.loop(e.index(0), positions, 1, [&](Number position) {
    for (Buffer which : {DKeys, DValues})
      zeroRow(e, layout.paddedWidth, buffer(which), {slot, position});
  });
}

/// sums[sumRow + i, :] += sum over d in [0, depth) of a(d, i) * rows[firstRow + d, :]
void AttentionGradEmitter::addProduct(Buffer sums, Number sumRow, Number depth,
                                      function_ref<Number(Number, int64_t)> a, Buffer rows, Number firstRow) {
  Tile::forColumns(e, layout.paddedWidth, [&](Number column, int64_t vectors) {
    auto place = [&](int64_t i) {
      return SmallVector<Value>{slot, sumRow + i / vectors, column + i % vectors * Tile::lanes};
    };
    SmallVector<Number> tile;
    for (int64_t i = 0; i < Tile::rows * vectors; ++i)
      tile.push_back(e.loadVector(buffer(sums), place(i), Tile::lanes));
    tile = Tile::multiply(e, depth, vectors, tile, a, [&](Number d, int64_t v) {
      return e.loadVector(buffer(rows), {slot, firstRow + d, column + v * Tile::lanes}, Tile::lanes);
    });
    for (int64_t i = 0; i < Tile::rows * vectors; ++i)
      e.storeVector(tile[i], buffer(sums), place(i));
  });
}

/// Probabilities and score gradients of 8 queries and 32 keys.
void AttentionGradEmitter::scoreTile(Number firstPanel, Number panel, Number row, Number rowInBlock) {
  auto product = [&](ArrayRef<Number> starts, Buffer left, Buffer columns) {
    SmallVector<Number> tile;
    for (int64_t i = 0; i < Tile::rows * vectors; ++i)
      tile.push_back(starts[i % vectors]);
    return Tile::multiply(
        e, e.index(layout.width), vectors, tile,
        [&](Number d, int64_t i) { return e.load(buffer(left), {slot, row + i, d}); },
        [&](Number d, int64_t v) {
          return e.loadVector(buffer(columns), {slot, panel, d, e.index(v * Tile::lanes)}, Tile::lanes);
        });
  };
  auto place = [&](int64_t i) {
    return SmallVector<Value>{slot, rowInBlock + i / vectors, panel * Tile::columns + i % vectors * Tile::lanes};
  };
  auto statistic = [&](Statistic which, int64_t i) {
    return e.broadcast(e.load(buffer(Statistics), {slot, e.index(which), row + i / vectors}), Tile::lanes);
  };
  SmallVector<Number> scores = product(scoreStart(e, (firstPanel + panel) * Tile::columns, count,
                                                  visible.isRagged(layout)), Queries, KeyColumns);
  for (int64_t i = 0; i < Tile::rows * vectors; ++i)
    e.storeVector(e.exp(scores[i] - statistic(LogSum, i)), buffer(Probabilities), place(i));
  SmallVector<Number> slopes = product(SmallVector<Number>(vectors, e.constant(Tile::vectorType(e), 0)), DResults,
                                       ValueColumns);
  for (int64_t i = 0; i < Tile::rows * vectors; ++i) {
    Number probability = e.loadVector(buffer(Probabilities), place(i), Tile::lanes);
    e.storeVector(probability * (slopes[i] - statistic(Delta, i)), buffer(DScores), place(i));
  }
}

void AttentionGradEmitter::strip(Number firstPanel, Number panels, Number row, Number rowInBlock) {
  e.loop(e.index(0), panels, 1, [&](Number panel) { scoreTile(firstPanel, panel, row, rowInBlock); });
  addProduct(DQueries, row, panels * Tile::columns,
             [&](Number d, int64_t i) { return e.load(buffer(DScores), {slot, rowInBlock + i, d}); }, KeyRows,
             e.index(0));
}

void AttentionGradEmitter::keyGradients(Number panels, Number firstRow, Number rows) {
  e.loop(e.index(0), panels * Tile::columns, Tile::rows, [&](Number key) {
    addProduct(DValues, key, rows,
               [&](Number d, int64_t i) { return e.load(buffer(Probabilities), {slot, d, key + i}); }, DResults,
               firstRow);
    addProduct(DKeys, key, rows, [&](Number d, int64_t i) { return e.load(buffer(DScores), {slot, d, key + i}); },
               Queries, firstRow);
  });
}

void AttentionGradEmitter::writeKeyGradients(Number first, Number panels) {
  Number one = e.constant(e.builder.getF32Type(), 1);
  e.loop(e.index(0), e.min(panels * Tile::columns, count - first), 1, [&](Number position) {
    Number token = keyAt(first + position);
    unpackRow(e, layout.width, rowsOf(DKey), token, buffer(DKeys), {slot, position}, one);
    unpackRow(e, layout.width, rowsOf(DValue), token, buffer(DValues), {slot, position}, one);
  });
}

LogicalResult AttentionGradCpu::emit(AttentionGradOp op, KernelContext &context) {
  auto query = cast<RankedTensorType>(op.getQuery().getType()), key = cast<RankedTensorType>(op.getKey().getType());
  AttentionLayout layout(query, key, op.getMask(), op.getHeads());
  VisibleKeys visible(context, op.getMask(), op.getLengths(), op.getSegments(), layout);
  // Fewer tasks than threads have a slot each: no scratch that is never touched.
  bool slotPerTask = layout.tasks() <= context.getMaxThreads();
  int64_t slots = slotPerTask ? layout.tasks() : context.getMaxThreads();
  auto scratch = [&](ArrayRef<int64_t> shape) {
    SmallVector<int64_t> all{slots};
    llvm::append_range(all, shape);
    return context.temporary(all, query.getElementType());
  };
  int64_t queries = layout.paddedQueries(), padded = layout.paddedWidth, keys = layout.keysPerBlock();
  SmallVector<Value> writes{context.out(op.getDquery()), context.out(op.getDkey()), context.out(op.getDvalue())};
  for (int64_t index = 0; index < 3; ++index)
    writes.push_back(scratch({queries, padded}));
  writes.push_back(scratch({2, queries}));
  for (int64_t index = 0; index < 2; ++index)
    writes.push_back(scratch({layout.panelsPerBlock, layout.width, Tile::columns}));
  for (int64_t index = 0; index < 3; ++index)
    writes.push_back(scratch({keys, padded}));
  for (int64_t index = 0; index < 2; ++index)
    writes.push_back(scratch({layout.queriesPerBlock, keys}));
  SmallVector<Value> reads;
  for (Value operand : {op.getDresult(), op.getQuery(), op.getKey(), op.getValue(), op.getOutput(), op.getLogsumexp()})
    reads.push_back(context.in(operand));
  llvm::append_range(reads, visible.buffers);
  context.launch("attention_grad", writes, reads, layout.tasks(), 1, [&](Kernel &k) {
    k.e.loop(k.begin, k.end, 1, [&](Number task) {
      ArrayRef<Value> lists = ArrayRef<Value>(k.buffers).drop_front(firstKeyList);
      Number count = visible.count(k.e, lists, task / layout.heads, layout);
      AttentionGradEmitter{layout, visible, k, k.e, task, slotPerTask ? task : k.thread, count}.run();
    });
  });
  return success();
}
