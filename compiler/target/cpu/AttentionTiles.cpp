//===- AttentionTiles.cpp - a head's rows as tiles of products ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/AttentionTiles.h"

using namespace mlir;
using namespace jepa;

static constexpr int64_t size = MatrixTiles::size, depth = MatrixTiles::depth;

bool jepa::usesMatrixTiles(KernelContext &context, ArrayRef<Value> operands) {
  return context.hasMatrixTiles() && attentionWords(context, operands).pairs;
}

SmallVector<Value> AttentionTiles::row(ArrayRef<Value> tile, Number row) const {
  SmallVector<Value> place(tile);
  llvm::append_values(place, row.value, e.index(0).value);
  return place;
}

void AttentionTiles::store(ArrayRef<Number> rows, Value to, ArrayRef<Value> tile) const {
  for (auto [i, vector] : llvm::enumerate(rows))
    e.storeVector(vector, to, row(tile, e.index(i)));
}

void AttentionTiles::clear(Value to, ArrayRef<Value> place) const {
  SmallVector<Value> tile{slot};
  llvm::append_range(tile, place);
  Number zero = e.constant(VectorType::get({size}, cast<MemRefType>(to.getType()).getElementType()), 0);
  store(SmallVector<Number>(size, zero), to, tile);
}

SmallVector<Number> AttentionTiles::transposed(Value from, ArrayRef<Value> tile) const {
  SmallVector<Number> square;
  for (int64_t i = 0; i < size; ++i)
    square.push_back(e.loadVector(from, row(tile, e.index(i)), size));
  return Tile::transpose(e, square);
}

/// The blocks of 32 tokens that hold `count`.
void AttentionTiles::forBlocks(Number count, function_ref<void(Number)> body) const {
  e.loop(e.index(0), (count + (depth - 1)) / depth, 1, body);
}

void AttentionTiles::leftFeatures(Value to, const HeadRows &from, const GroupTokens &tokens, Number first,
                                  Number count) const {
  forBlocks(count, [&](Number block) {
    e.loop(0, depth, 1, [&](Number inBlock) {
      Number at = block * depth + inBlock, token = tokens.at(first + at);
      pack.forVectors(depth, [&](Number feature, int64_t valid) {
        e.storeVector(pack.rowAsWords(from, token, feature, valid), to,
                      row({slot, at / size, feature / depth}, at % size));
      });
    });
  });
}

void AttentionTiles::rightFeatures(Value to, const HeadRows &from, const GroupTokens &tokens, Number first,
                                   Number count) const {
  forBlocks(count, [&](Number block) {
    e.loop(0, depth / size, 1, [&](Number half) {
      Number tile = block * (depth / size) + half;
      SmallVector<Number> lanes;
      for (int64_t i = 0; i < size; ++i)
        lanes.push_back(tokens.at(first + tile * size + i));
      pack.forVectors(depth, [&](Number feature, int64_t valid) {
        SmallVector<Number> square;
        for (Number token : lanes)
          square.push_back(pack.rowAsWords(from, token, feature, valid));
        store(Tile::transpose(e, square), to, {slot, feature / depth, tile});
      });
    });
  });
}

/// The words of two tokens of a block of 32, by word: 16 features from `at` on.
SmallVector<Number> AttentionTiles::pairs(const HeadRows &from, const GroupTokens &tokens, Number first, Number end,
                                          Number at, int64_t valid) const {
  SmallVector<Number> words;
  for (int64_t word = 0; word < size; ++word)
    words.push_back(pack.pairAsWords(from, tokens, first + 2 * word, end, at, valid));
  return words;
}

void AttentionTiles::leftTokens(Value to, const HeadRows &from, const GroupTokens &tokens, Number first,
                                Number count) const {
  forBlocks(count, [&](Number block) {
    pack.forVectors(size, [&](Number at, int64_t valid) {
      store(Tile::transpose(e, pairs(from, tokens, first + block * depth, first + count, at, valid)), to,
            {slot, at / size, block});
    });
  });
}

void AttentionTiles::rightTokens(Value to, const HeadRows &from, const GroupTokens &tokens, Number first,
                                 Number count) const {
  forBlocks(count, [&](Number block) {
    pack.forVectors(size, [&](Number at, int64_t valid) {
      store(pairs(from, tokens, first + block * depth, first + count, at, valid), to, {slot, block, at / size});
    });
  });
}
