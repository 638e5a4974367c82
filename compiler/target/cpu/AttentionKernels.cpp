//===- AttentionKernels.cpp - cpu: attention, by blocks of queries and keys ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// For each block of queries, over blocks of keys: the scores of 8 queries at a
// time, their running maximum and sum, and the sum of values weighted by them
// (rescaled when the maximum grows). Scores never leave the first cache.
//
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/AttentionLayout.h"
#include "compiler/target/cpu/Kernels.h"
#include "compiler/target/cpu/Sweep.h"

using namespace mlir;
using namespace jepa;

namespace {

/// Rows of the per-thread statistics.
enum Statistic { Maximum, NewMaximum, Sum, Factor, numStatistics };

/// Emits the pieces of the kernel; the values are those of the kernel being built.
struct AttentionEmitter {
  const AttentionLayout &layout;
  const VisibleKeys &visible;
  Emit &e;
  Number thread = {};
  /// Results, operands, the packed keys [slots, panels, width, 32] and values [slots, keys, padded width].
  Value result = {}, logsumexp = {}, query = {}, key = {}, value = {}, packedKeys = {}, packedValues = {};
  ArrayRef<Value> keyLists = {};
  /// Per-thread scratch: packed queries and sums of values [queries, padded width], a strip of scores, statistics.
  Value queries = {}, sums = {}, scores = {}, statistics = {};

  HeadRows rowsOf(Value buffer, Number task) const {
    return {buffer, task / layout.heads, (task % layout.heads) * layout.width};
  }
  Number panelsOf(Number count) const { return (count + (Tile::columns - 1)) / Tile::columns; }

  void pack(Number task, Number slot);
  void attend(Number task, Number slot, Number block);

private:
  void start(Number task, Number first, Number rows, Number strips);
  void strip(Number slot, Number firstPanel, Number panels, Number count, Number row);
  void softmax(Number panels, Number row);
  void finish(Number task, Number first, Number rows, Number strips);
  Number statistic(Statistic which, Number row) {
    return e.loadVector(statistics, {thread, e.index(which), row}, Tile::rows);
  }
  void setStatistic(Number vector, Statistic which, Number row) {
    e.storeVector(vector, statistics, {thread, e.index(which), row});
  }
};

} // namespace

void AttentionEmitter::pack(Number task, Number slot) {
  HeadRows keys = rowsOf(key, task), values = rowsOf(value, task);
  Number count = visible.count(e, keyLists, keys.clip, layout);
  e.loop(e.index(0), count, 1, [&](Number position) {
    Number token = visible.key(e, keyLists, keys.clip, position);
    packColumn(e, layout.width, packedKeys, slot, position, keys, token);
    packRow(e, layout.width, packedValues, {slot, position}, values, token);
  });
  e.loop(count, panelsOf(count) * Tile::columns, 1, [&](Number position) {
    zeroColumn(e, layout.width, packedKeys, slot, position);
    zeroRow(e, layout.paddedWidth, packedValues, {slot, position});
  });
}

void AttentionEmitter::attend(Number task, Number slot, Number block) {
  Number first = block * layout.queriesPerBlock;
  Number rows = e.min(e.index(layout.queriesPerBlock), e.index(layout.queries) - first);
  Number strips = (rows + (Tile::rows - 1)) / Tile::rows;
  start(task, first, rows, strips);
  Number count = visible.count(e, keyLists, task / layout.heads, layout), panels = panelsOf(count);
  e.loop(e.index(0), panels, layout.panelsPerBlock, [&](Number firstPanel) {
    Number here = e.min(e.index(layout.panelsPerBlock), panels - firstPanel);
    e.loop(e.index(0), strips, 1, [&](Number s) { strip(slot, firstPanel, here, count, s * Tile::rows); });
  });
  finish(task, first, rows, strips);
}

void AttentionEmitter::start(Number task, Number first, Number rows, Number strips) {
  Number scale = e.constant(e.builder.getF32Type(), layout.scale);
  Number end = strips * Tile::rows;
  e.loop(e.index(0), rows, 1, [&](Number row) {
    packRow(e, layout.width, queries, {thread, row}, rowsOf(query, task), first + row, scale);
  });
  // Rows past the last query are computed as the others are, and not written.
  e.loop(rows, end, 1, [&](Number row) { zeroRow(e, layout.paddedWidth, queries, {thread, row}); });
  e.loop(e.index(0), end, 1, [&](Number row) { zeroRow(e, layout.paddedWidth, sums, {thread, row}); });
  e.loop(e.index(0), end, Tile::rows, [&](Number row) {
    VectorType type = Tile::vectorType(e, Tile::rows);
    setStatistic(e.constant(type, AttentionLayout::hiddenScore), Maximum, row);
    setStatistic(e.constant(type, 0), Sum, row);
  });
}

void AttentionEmitter::strip(Number slot, Number firstPanel, Number panels, Number count, Number row) {
  constexpr int64_t vectors = Tile::columns / Tile::lanes;
  e.loop(e.index(0), panels, 1, [&](Number p) {
    Number panel = firstPanel + p;
    SmallVector<Number> starts = scoreStart(e, panel * Tile::columns, count, visible.isRagged(layout)), tile;
    for (int64_t i = 0; i < Tile::rows * vectors; ++i)
      tile.push_back(starts[i % vectors]);
    tile = Tile::multiply(
        e, e.index(layout.width), vectors, tile,
        [&](Number depth, int64_t i) { return e.load(queries, {thread, row + i, depth}); },
        [&](Number depth, int64_t v) {
          return e.loadVector(packedKeys, {slot, panel, depth, e.index(v * Tile::lanes)}, Tile::lanes);
        });
    for (int64_t i = 0; i < Tile::rows * vectors; ++i)
      e.storeVector(tile[i], scores,
                    {thread, e.index(i / vectors), p * Tile::columns + i % vectors * Tile::lanes});
  });
  softmax(panels, row);
  Tile::forColumns(e, layout.paddedWidth, [&](Number column, int64_t vectors) {
    SmallVector<Number> tile;
    for (int64_t i = 0; i < Tile::rows; ++i) {
      Number factor = e.broadcast(e.load(statistics, {thread, e.index(Factor), row + i}), Tile::lanes);
      for (int64_t v = 0; v < vectors; ++v)
        tile.push_back(e.loadVector(sums, {thread, row + i, column + v * Tile::lanes}, Tile::lanes) * factor);
    }
    Number firstKey = firstPanel * Tile::columns;
    tile = Tile::multiply(
        e, panels * Tile::columns, vectors, tile,
        [&](Number depth, int64_t i) { return e.load(scores, {thread, e.index(i), depth}); },
        [&](Number depth, int64_t v) {
          return e.loadVector(packedValues, {slot, firstKey + depth, column + v * Tile::lanes}, Tile::lanes);
        });
    for (int64_t i = 0; i < Tile::rows * vectors; ++i)
      e.storeVector(tile[i], sums, {thread, row + i / vectors, column + i % vectors * Tile::lanes});
  });
}

void AttentionEmitter::softmax(Number panels, Number row) {
  VectorType type = Tile::vectorType(e, Tile::columns);
  auto scoresAt = [&](Number i, Number panel) { return SmallVector<Value>{thread, i, panel * Tile::columns}; };
  e.loop(0, Tile::rows, 1, [&](Number i) {
    Number highest = e.reduce(e.index(0), panels, 1, {e.constant(type, AttentionLayout::hiddenScore)},
                              [&](Number panel, ArrayRef<Number> before) {
      return SmallVector<Number>{e.max(before[0], e.loadVector(scores, scoresAt(i, panel), Tile::columns))};
    })[0];
    e.store(e.laneMax(highest), statistics, {thread, e.index(NewMaximum), row + i});
  });
  Number before = statistic(Maximum, row), now = e.max(before, statistic(NewMaximum, row));
  Number factor = e.exp(before - now);
  setStatistic(now, Maximum, row);
  setStatistic(factor, Factor, row);
  setStatistic(statistic(Sum, row) * factor, Sum, row);
  e.loop(0, Tile::rows, 1, [&](Number i) {
    Number maximum = e.broadcast(e.load(statistics, {thread, e.index(Maximum), row + i}), Tile::columns);
    Number sum = e.reduce(e.index(0), panels, 1, {e.constant(type, 0)}, [&](Number panel, ArrayRef<Number> before) {
      SmallVector<Value> place = scoresAt(i, panel);
      Number probability = e.exp(e.loadVector(scores, place, Tile::columns) - maximum);
      e.storeVector(probability, scores, place);
      return SmallVector<Number>{before[0] + probability};
    })[0];
    SmallVector<Value> place{thread, e.index(Sum), row + i};
    e.store(e.load(statistics, place) + e.laneSum(sum), statistics, place);
  });
}

void AttentionEmitter::finish(Number task, Number first, Number rows, Number strips) {
  // From here on, Maximum is the logarithm of the sum of exponentials and Factor the sum's reciprocal.
  e.loop(e.index(0), strips * Tile::rows, Tile::rows, [&](Number row) {
    Number sum = statistic(Sum, row);
    setStatistic(statistic(Maximum, row) + e.log(sum), Maximum, row);
    setStatistic(e.constant(sum.getType(), 1) / sum, Factor, row);
  });
  HeadRows results = rowsOf(result, task);
  e.loop(e.index(0), rows, 1, [&](Number row) {
    e.store(e.load(statistics, {thread, e.index(Maximum), row}), logsumexp,
            {results.clip, task % layout.heads, first + row});
    unpackRow(e, layout.width, results, first + row, sums, {thread, row},
              e.load(statistics, {thread, e.index(Factor), row}));
  });
}

LogicalResult AttentionCpu::emit(AttentionOp op, KernelContext &context) {
  auto query = cast<RankedTensorType>(op.getQuery().getType()), key = cast<RankedTensorType>(op.getKey().getType());
  AttentionLayout layout(query, key, op.getMask(), op.getHeads());
  VisibleKeys visible(context, op.getMask(), op.getLengths(), op.getSegments(), layout);
  Type f32 = query.getElementType();
  int64_t threads = context.getMaxThreads(), padded = layout.paddedWidth, block = layout.queriesPerBlock;
  // With many heads a task is one of them and packs its keys itself; with few, every block of queries is a task, and
  // the keys are packed before.
  bool perHead = layout.tasks() >= 2 * threads;
  int64_t slots = perHead ? threads : layout.tasks();
  Value packedKeys = context.temporary({slots, layout.panels, layout.width, Tile::columns}, f32);
  Value packedValues = context.temporary({slots, layout.panels * Tile::columns, padded}, f32);

  SmallVector<Value> sources{context.in(op.getKey()), context.in(op.getValue())};
  llvm::append_range(sources, visible.buffers);
  SmallVector<Value> writes{context.out(op.getResult()),
                            context.out(op.getLogsumexp()),
                            context.temporary({threads, block, padded}, f32),
                            context.temporary({threads, block, padded}, f32),
                            context.temporary({threads, Tile::rows, layout.keysPerBlock()}, f32),
                            context.temporary({threads, numStatistics, block}, f32)};
  SmallVector<Value> reads{context.in(op.getQuery())};
  auto emitter = [&](Kernel &k, Value keys, Value values, ArrayRef<Value> packed, ArrayRef<Value> lists) {
    AttentionEmitter emitter{layout, visible, k.e, k.thread, k.buffers[0], k.buffers[1]};
    emitter.key = keys;
    emitter.value = values;
    emitter.packedKeys = packed[0];
    emitter.packedValues = packed[1];
    emitter.keyLists = lists;
    emitter.queries = k.buffers[2];
    emitter.sums = k.buffers[3];
    emitter.scores = k.buffers[4];
    emitter.statistics = k.buffers[5];
    return emitter;
  };

  if (perHead) {
    llvm::append_values(writes, packedKeys, packedValues);
    llvm::append_range(reads, sources);
    context.launch("attention", writes, reads, layout.tasks(), 1, [&](Kernel &k) {
      ArrayRef<Value> all = k.buffers;
      AttentionEmitter head = emitter(k, all[9], all[10], all.slice(6, 2), all.drop_front(11));
      head.query = all[8];
      k.e.loop(k.begin, k.end, 1, [&](Number task) {
        head.pack(task, k.thread);
        k.e.loop(0, layout.queryBlocks, 1, [&](Number block) { head.attend(task, k.thread, block); });
      });
    });
    return success();
  }

  context.launch("attention_pack", {packedKeys, packedValues}, sources, layout.tasks(), 1, [&](Kernel &k) {
    ArrayRef<Value> all = k.buffers;
    AttentionEmitter packer{layout, visible, k.e, k.thread};
    packer.packedKeys = all[0];
    packer.packedValues = all[1];
    packer.key = all[2];
    packer.value = all[3];
    packer.keyLists = all.drop_front(4);
    k.e.loop(k.begin, k.end, 1, [&](Number task) { packer.pack(task, task); });
  });
  llvm::append_values(reads, packedKeys, packedValues);
  llvm::append_range(reads, visible.buffers);
  context.launch("attention", writes, reads, layout.tasks() * layout.queryBlocks, 1, [&](Kernel &k) {
    ArrayRef<Value> all = k.buffers;
    AttentionEmitter head = emitter(k, {}, {}, all.slice(7, 2), all.drop_front(9));
    head.query = all[6];
    k.e.loop(k.begin, k.end, 1, [&](Number part) {
      Number task = part / layout.queryBlocks;
      head.attend(task, task, part % layout.queryBlocks);
    });
  });
  return success();
}
