//===- AttentionTileGradKernels.cpp - cpu: adjoint of attention in tile registers ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The loops of AttentionGradKernels.cpp, with products from memory to memory by
// tiles. For 32 queries and 32 keys: their scores and slopes, then, by vectors,
// probabilities and gradients of scores as words for the three products that
// follow for the whole block.
//
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/AttentionGradTasks.h"
#include "compiler/target/cpu/AttentionTiles.h"
#include "compiler/target/cpu/Kernels.h"

#include <cmath>

using namespace mlir;
using namespace jepa;

/// Keys and queries to a block at most.
static constexpr int64_t maxKeys = 128, maxQueries = 256;
static constexpr int64_t size = MatrixTiles::size, depth = MatrixTiles::depth;

namespace {

/// The launch's buffers, in their order.
enum Buffer {
  // [clip, token, features]; with several parts the query's gradient is [part * clips + clip, token, features].
  DQuery,
  DKey,
  DValue,
  // Scratch of a slot. All queries: queries and dO as left operands by either axis, statistics [2, queries], dQ
  // [queries
  // / 16, features / 16].
  QueryRows,
  QueryColumns,
  DResultRows,
  DResultColumns,
  Statistics,
  DQueries,
  // A block of keys as right operands, its gradients [features / 16, keys / 16], and 16 rows of them.
  KeyPanels,
  ValuePanels,
  KeyPairs,
  DKeys,
  DValues,
  GradientRows,
  // 32 queries and keys: two by two tiles each.
  Scores,
  Slopes,
  // A block of queries and keys: words of two queries [queries / 32, keys / 16], and of two keys [queries / 16, keys /
  // 32].
  Probabilities,
  DScores,
  DScoreRows
};
enum Statistic { LogSum, Delta };

struct TiledAttentionGrad {
  const AttentionLayout &layout;
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
  Value buffer(Buffer which) const { return k.buffers[which]; }
  HeadRows rowsOf(Value buffer) const { return HeadRows(buffer, task, layout.width); }
  AttentionTiles tiles() const { return AttentionTiles(e, layout.width, slot); }
  AttentionPack pack() const { return {e, {true}, layout.width, slot}; }
  int64_t wideTiles() const { return AttentionTiles::wideTiles(layout.width); }
  static Number blocksOf32(Number count) { return (count + (depth - 1)) / depth; }

  void packQueries();
  void packKeys(Number first, Number count);
  void scoreTiles(Number firstQuery, Number queryPair, Number keyPair);
  void scoreWords(Number firstQuery, Number queryPair, Number keyPair, int64_t half, Number word);
  void addKeyGradients(Number firstQuery, Number queryPairs, Number keyPair);
  void addQueryGradients(Number firstQuery, Number queryPair, Number keyPairs);
  void writeQueryGradients(int64_t parts);
  void writeKeyGradients(Number first, Number count);
  void writeRows(const HeadRows &to, const GroupTokens &tokens, Number first, Number count, double factor) const;
};

} // namespace

void TiledAttentionGrad::run(int64_t parts) {
  packQueries();
  Number keyBlocks = (keys.count + (blocks.keys - 1)) / blocks.keys;
  Number begin = task.part * keyBlocks / e.index(parts), end = (task.part + 1) * keyBlocks / e.index(parts);
  e.loop(begin, end, 1, [&](Number keyBlock) {
    Number firstKey = keyBlock * blocks.keys, keysHere = e.min(e.index(blocks.keys), keys.count - firstKey);
    Number keyPairs = blocksOf32(keysHere);
    packKeys(firstKey, keysHere);
    e.loop(e.index(0), queries.count, blocks.queries, [&](Number firstQuery) {
      Number queryPairs = blocksOf32(e.min(e.index(blocks.queries), queries.count - firstQuery));
      e.loop(e.index(0), keyPairs, 1, [&](Number keyPair) {
        e.loop(e.index(0), queryPairs, 1, [&](Number queryPair) { scoreTiles(firstQuery, queryPair, keyPair); });
        addKeyGradients(firstQuery, queryPairs, keyPair);
      });
      e.loop(e.index(0), queryPairs, 1, [&](Number queryPair) { addQueryGradients(firstQuery, queryPair, keyPairs); });
    });
    writeKeyGradients(firstKey, keysHere);
  });
  writeQueryGradients(parts);
}

void TiledAttentionGrad::packQueries() {
  HeadRows query = rowsOf(operands[Query]), dresult = rowsOf(operands[DResult]), output = rowsOf(operands[Output]);
  tiles().leftFeatures(buffer(QueryRows), query, queries, e.index(0), queries.count);
  tiles().leftTokens(buffer(QueryColumns), query, queries, e.index(0), queries.count);
  tiles().leftFeatures(buffer(DResultRows), dresult, queries, e.index(0), queries.count);
  tiles().leftTokens(buffer(DResultColumns), dresult, queries, e.index(0), queries.count);
  e.loop(e.index(0), blocksOf32(queries.count) * depth, 1, [&](Number row) {
    Number token = queries.at(row);
    e.store(pack().dot(dresult, output, token), buffer(Statistics), {slot, e.index(Delta), row});
    Number logarithm = e.load(operands[Logsumexp], {task.clip, task.head, token});
    e.store(logarithm * M_LOG2E, buffer(Statistics), {slot, e.index(LogSum), row});
  });
  e.loop(e.index(0), blocksOf32(queries.count) * (depth / size), 1, [&](Number tile) {
    e.loop(0, wideTiles(), 1, [&](Number feature) { tiles().clear(buffer(DQueries), {tile, feature}); });
  });
}

void TiledAttentionGrad::packKeys(Number first, Number count) {
  HeadRows key = rowsOf(operands[Key]), value = rowsOf(operands[ValueOperand]);
  tiles().rightFeatures(buffer(KeyPanels), key, keys, first, count);
  tiles().rightFeatures(buffer(ValuePanels), value, keys, first, count);
  tiles().rightTokens(buffer(KeyPairs), key, keys, first, count);
  e.loop(0, wideTiles(), 1, [&](Number feature) {
    e.loop(e.index(0), blocksOf32(count) * (depth / size), 1, [&](Number tile) {
      tiles().clear(buffer(DKeys), {feature, tile});
      tiles().clear(buffer(DValues), {feature, tile});
    });
  });
}

/// Probabilities and score gradients of 32 queries and 32 keys.
void TiledAttentionGrad::scoreTiles(Number firstQuery, Number queryPair, Number keyPair) {
  MatrixTiles registers(e);
  Number firstTile = firstQuery / size + queryPair * 2;
  auto product = [&](Buffer to, Buffer left, Buffer right) {
    registers.multiply(2, 2, e.index(AttentionTiles::deepTiles(layout.width)), /*accumulate=*/false,
                       {buffer(to),
                        [&](int64_t i, int64_t j) {
                          return SmallVector<Value>{slot, e.index(i), e.index(j)};
                        }},
                       {buffer(left),
                        [&](int64_t i, Number d) {
                          return SmallVector<Value>{slot, firstTile + i, d};
                        }},
                       {buffer(right), [&](int64_t j, Number d) {
                          return SmallVector<Value>{slot, d, keyPair * 2 + j};
                        }});
  };
  product(Scores, QueryRows, KeyPanels);
  product(Slopes, DResultRows, ValuePanels);
  for (int64_t half = 0; half < 2; ++half)
    e.loop(0, size / 2, 1, [&](Number word) { scoreWords(firstQuery, queryPair, keyPair, half, word); });
}

/// Of two queries, rows 2 * word and the next of tile `half`, and 32 keys.
void TiledAttentionGrad::scoreWords(Number firstQuery, Number queryPair, Number keyPair, int64_t half, Number word) {
  constexpr int64_t vectors = 2;
  Words words{true};
  Number scale = e.constant(Tile::vectorType(e), layout.scale * M_LOG2E);
  SmallVector<Number> probabilities, gradients;
  for (int64_t i = 0; i < 2; ++i) {
    Number row = word * 2 + i, query = firstQuery + queryPair * depth + half * size + row;
    auto statistic = [&](Statistic which) {
      return e.broadcast(e.load(buffer(Statistics), {slot, e.index(which), query}), Tile::lanes);
    };
    Number logarithm = statistic(LogSum), delta = statistic(Delta);
    for (int64_t v = 0; v < vectors; ++v) {
      auto at = [&](Buffer which) {
        return e.loadVector(buffer(which), tiles().row({slot, e.index(half), e.index(v)}, row), Tile::lanes);
      };
      Number probability = coarseExp2(e, at(Scores) * scale - logarithm);
      probabilities.push_back(probability);
      gradients.push_back(probability * (at(Slopes) - delta));
    }
    Number joined = words.join(e, ArrayRef(gradients).take_back(vectors));
    e.storeVector(joined, buffer(DScoreRows), tiles().row({slot, queryPair * 2 + half, keyPair}, row));
  }
  for (int64_t v = 0; v < vectors; ++v) {
    SmallVector<Value> place = tiles().row({slot, queryPair, keyPair * 2 + v}, word + half * (size / 2));
    e.storeVector(words.zip(e, probabilities[v], probabilities[vectors + v]), buffer(Probabilities), place);
    e.storeVector(words.zip(e, gradients[v], gradients[vectors + v]), buffer(DScores), place);
  }
}

/// dV^T += dO^T P and dK^T += Q^T dS for 32 keys, over the queries of a block.
void TiledAttentionGrad::addKeyGradients(Number firstQuery, Number queryPairs, Number keyPair) {
  MatrixTiles registers(e);
  Number firstPair = firstQuery / depth;
  auto add = [&](Buffer sums, Buffer left, Buffer right) {
    registers.forPairs(wideTiles(), [&](Number feature, int64_t number) {
      registers.multiply(number, 2, queryPairs, /*accumulate=*/true,
                         {buffer(sums),
                          [&](int64_t i, int64_t j) {
                            return SmallVector<Value>{slot, feature + i, keyPair * 2 + j};
                          }},
                         {buffer(left),
                          [&](int64_t i, Number d) {
                            return SmallVector<Value>{slot, feature + i, firstPair + d};
                          }},
                         {buffer(right), [&](int64_t j, Number d) {
                            return SmallVector<Value>{slot, d, keyPair * 2 + j};
                          }});
    });
  };
  add(DValues, DResultColumns, Probabilities);
  add(DKeys, QueryColumns, DScores);
}

/// dQ += dS K for 32 queries, over the keys of a block.
void TiledAttentionGrad::addQueryGradients(Number firstQuery, Number queryPair, Number keyPairs) {
  MatrixTiles registers(e);
  Number firstTile = firstQuery / size + queryPair * 2;
  registers.forPairs(wideTiles(), [&](Number feature, int64_t number) {
    registers.multiply(2, number, keyPairs, /*accumulate=*/true,
                       {buffer(DQueries),
                        [&](int64_t i, int64_t j) {
                          return SmallVector<Value>{slot, firstTile + i, feature + j};
                        }},
                       {buffer(DScoreRows),
                        [&](int64_t i, Number d) {
                          return SmallVector<Value>{slot, queryPair * 2 + i, d};
                        }},
                       {buffer(KeyPairs), [&](int64_t j, Number d) {
                          return SmallVector<Value>{slot, d, feature + j};
                        }});
  });
}

/// The rows of GradientRows [16, features] to `tokens` [first, first + count), of which there may be fewer than 16.
void TiledAttentionGrad::writeRows(const HeadRows &to, const GroupTokens &tokens, Number first, Number count,
                                   double factor) const {
  Number scale = e.constant(e.builder.getF32Type(), factor);
  e.loop(e.index(0), e.min(e.index(size), count), 1,
         [&](Number row) { pack().writeRow(to, tokens.at(first + row), buffer(GradientRows), row, scale); });
}

void TiledAttentionGrad::writeQueryGradients(int64_t parts) {
  HeadRows gradient = rowsOf(buffer(DQuery));
  if (parts > 1)
    gradient.clip = task.part * static_cast<double>(layout.clips) + task.clip;
  e.loop(e.index(0), queries.count, size, [&](Number first) {
    e.loop(0, size, 1, [&](Number row) {
      for (int64_t feature = 0; feature < wideTiles(); ++feature) {
        SmallVector<Value> place = tiles().row({slot, first / size, e.index(feature)}, row);
        e.storeVector(e.loadVector(buffer(DQueries), place, size), buffer(GradientRows),
                      {slot, row, e.index(feature * size)});
      }
    });
    writeRows(gradient, queries, first, queries.count - first, parts > 1 ? 1 : layout.scale);
  });
}

void TiledAttentionGrad::writeKeyGradients(Number first, Number count) {
  auto write = [&](Buffer to, Buffer from, double factor) {
    e.loop(e.index(0), count, size, [&](Number inBlock) {
      for (int64_t feature = 0; feature < wideTiles(); ++feature) {
        SmallVector<Number> rows = tiles().transposed(buffer(from), {slot, e.index(feature), inBlock / size});
        for (auto [i, vector] : llvm::enumerate(rows))
          e.storeVector(vector, buffer(GradientRows), {slot, e.index(i), e.index(feature * size)});
      }
      writeRows(rowsOf(buffer(to)), keys, first + inBlock, count - inBlock, factor);
    });
  };
  write(DKey, DKeys, layout.scale);
  write(DValue, DValues, 1);
}

LogicalResult jepa::emitTiledAttentionGrad(AttentionGradOp op, KernelContext &context) {
  AttentionGradTasks tasks(op, context, {maxKeys, depth}, {maxQueries, depth});
  const AttentionLayout &layout = tasks.layout;
  AttentionScratch scratch(context, {true}, tasks.slots());
  int64_t deep = AttentionTiles::deepTiles(layout.width), wide = AttentionTiles::wideTiles(layout.width);
  int64_t queryPairs = llvm::divideCeil(layout.queries.capacity, depth);
  int64_t keyPairs = tasks.blocks.keys / depth, blockPairs = tasks.blocks.queries / depth;
  SmallVector<Value> writes = tasks.outputs;
  llvm::append_values(
      writes, scratch.words({2 * queryPairs, deep, size, size}), scratch.words({wide, queryPairs, size, size}),
      scratch.words({2 * queryPairs, deep, size, size}), scratch.words({wide, queryPairs, size, size}),
      scratch.floats({2, queryPairs * depth}), scratch.floats({2 * queryPairs, wide, size, size}),
      scratch.words({deep, 2 * keyPairs, size, size}), scratch.words({deep, 2 * keyPairs, size, size}),
      scratch.words({keyPairs, wide, size, size}), scratch.floats({wide, 2 * keyPairs, size, size}),
      scratch.floats({wide, 2 * keyPairs, size, size}), scratch.floats({size, wide * size}),
      scratch.floats({2, 2, size, size}), scratch.floats({2, 2, size, size}),
      scratch.words({blockPairs, 2 * keyPairs, size, size}), scratch.words({blockPairs, 2 * keyPairs, size, size}),
      scratch.words({2 * blockPairs, keyPairs, size, size}));
  tasks.launch(
      "attention_grad_tiles", writes,
      [&](const AttentionWork &work) {
        TiledAttentionGrad{layout,        tasks.blocks, work.k,       work.e,   work.slot,
                           work.operands, work.task,    work.queries, work.keys}
            .run(tasks.parts);
      },
      [](Emit &e) { MatrixTiles(e).configure(); }, [](Emit &e) { MatrixTiles(e).release(); });
  return success();
}
