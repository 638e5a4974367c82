//===- Tile.cpp - a product's register tile ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/Tile.h"

using namespace mlir;
using namespace jepa;

VectorType Tile::vectorType(Emit &e, int64_t lanes) { return VectorType::get({lanes}, e.builder.getF32Type()); }

SmallVector<Number> Tile::multiply(Emit &e, Number depth, int64_t vectors, ArrayRef<Number> sums,
                                   function_ref<Number(Number, int64_t)> a, function_ref<Number(Number, int64_t)> b) {
  return e.reduce(e.index(0), depth, 1, sums, [&](Number i, ArrayRef<Number> before) {
    SmallVector<Number> columns, after;
    for (int64_t v = 0; v < vectors; ++v)
      columns.push_back(b(i, v));
    for (int64_t row = 0; row < rows; ++row) {
      Number factor = e.broadcast(a(i, row), lanes);
      for (int64_t v = 0; v < vectors; ++v)
        after.push_back(e.fma(factor, columns[v], before[row * vectors + v]));
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
