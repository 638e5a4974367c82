//===- Tile.cpp - a product's register tile ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/Tile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace jepa;

static Number bitcast(Emit &e, Number vector, Type element, int64_t lanes) {
  return e.wrap(vector::BitCastOp::create(e.builder, e.loc, VectorType::get({lanes}, element), vector));
}

static Number shuffle(Emit &e, Number a, Number b, ArrayRef<int64_t> lanes) {
  return e.wrap(vector::ShuffleOp::create(e.builder, e.loc, a, b, lanes));
}

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

Type Words::type(Emit &e) const { return pairs ? Type(e.builder.getI32Type()) : e.builder.getF32Type(); }

Type Words::numberType(Emit &e) const { return pairs ? e.builder.getBF16Type() : e.builder.getF32Type(); }

Number Words::multiply(Emit &e, Number left, Number right, Number sum) const {
  if (!pairs)
    return e.fma(left, right, sum);
  Type bf16 = e.builder.getBF16Type();
  Value operands[] = {sum, bitcast(e, left, bf16, 2 * Tile::lanes), bitcast(e, right, bf16, 2 * Tile::lanes)};
  return e.wrap(LLVM::CallIntrinsicOp::create(e.builder, e.loc, sum.getType(),
                                              e.builder.getStringAttr("llvm.x86.avx512bf16.dpbf16ps.512"), operands)
                    .getResult(0));
}

// Rounded to nearest, ties away from zero, by integers: fewer instructions than two conversions and an interleaving.
Number Words::zip(Emit &e, Number first, Number second) const {
  if (!pairs)
    return first;
  Type i32 = e.builder.getI32Type();
  auto rounded = [&](Number x) { return bitcast(e, x, i32, Tile::lanes) + 0x8000; };
  Number low = rounded(first), high = rounded(second);
  low = e.wrap(arith::ShRUIOp::create(e.builder, e.loc, low, e.constant(low.getType(), 16)));
  // Chosen by halves of words: with masks and an or, LLVM would make it a permutation, which takes twice as long.
  SmallVector<bool> isHigh;
  for (int64_t lane = 0; lane < Tile::lanes; ++lane)
    llvm::append_values(isHigh, false, true);
  auto halves = VectorType::get({2 * Tile::lanes}, e.builder.getI1Type());
  Value choice = arith::ConstantOp::create(e.builder, e.loc, DenseElementsAttr::get(halves, ArrayRef<bool>(isHigh)));
  Type i16 = e.builder.getI16Type();
  Number chosen =
      e.select(e.wrap(choice), bitcast(e, high, i16, 2 * Tile::lanes), bitcast(e, low, i16, 2 * Tile::lanes));
  return bitcast(e, chosen, i32, Tile::lanes);
}

Number Words::join(Emit &e, ArrayRef<Number> vectors) const {
  if (!pairs)
    return vectors[0];
  Number both = shuffle(e, vectors[0], vectors[1], llvm::to_vector(llvm::seq<int64_t>(0, 2 * Tile::lanes)));
  Number rounded = e.convert(both, VectorType::get({2 * Tile::lanes}, e.builder.getBF16Type()));
  return bitcast(e, rounded, e.builder.getI32Type(), Tile::lanes);
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

VectorType Tile::vectorType(Emit &e, int64_t lanes) { return VectorType::get({lanes}, e.builder.getF32Type()); }

SmallVector<Number> Tile::zeros(Emit &e, int64_t vectors) {
  return SmallVector<Number>(rows * vectors, e.constant(vectorType(e), 0));
}

SmallVector<Number> Tile::multiply(Emit &e, Words words, Number depth, int64_t vectors, ArrayRef<Number> sums,
                                   function_ref<Number(Number, int64_t)> a, function_ref<Number(Number, int64_t)> b) {
  return e.reduce(e.index(0), depth, 1, sums, [&](Number i, ArrayRef<Number> before) {
    SmallVector<Number> columns, after;
    for (int64_t v = 0; v < vectors; ++v)
      columns.push_back(b(i, v));
    for (int64_t row = 0; row < rows; ++row) {
      Number factor = e.broadcast(a(i, row), lanes);
      for (int64_t v = 0; v < vectors; ++v)
        after.push_back(words.multiply(e, factor, columns[v], before[row * vectors + v]));
    }
    return after;
  });
}

void Tile::forColumns(Emit &e, int64_t width, function_ref<void(Number, int64_t)> body) {
  int64_t whole = width / columns * columns;
  // A loop, not copies of the tile: the code stays small, the branch costs nothing beside the tile.
  if (whole)
    e.loop(0, whole, columns, [&](Number column) { body(column, columns / lanes); });
  if (whole != width)
    body(e.index(whole), (width - whole) / lanes);
}

/// Exchanges blocks of half the size across the diagonal, then within each block, and so on.
SmallVector<Number> Tile::transpose(Emit &e, ArrayRef<Number> original) {
  SmallVector<Number> vectors(original);
  for (int64_t half = lanes / 2; half; half /= 2) {
    SmallVector<int64_t> upper, lower;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      bool right = lane & half;
      upper.push_back(right ? lanes + lane - half : lane);
      lower.push_back(right ? lanes + lane : lane + half);
    }
    for (int64_t i = 0; i < lanes; ++i)
      if (!(i & half)) {
        Number a = vectors[i], b = vectors[i + half];
        vectors[i] = shuffle(e, a, b, upper);
        vectors[i + half] = shuffle(e, a, b, lower);
      }
  }
  return vectors;
}
