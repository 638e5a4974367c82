//===- Tile.h - a product's register tile ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The inner loop of attention's products: 8 rows by 16 or 32 columns of sums
// stay in registers while the loop over the depth broadcasts one number of
// each row and multiplies it with one or two vectors. Operands are padded to
// whole tiles where they are packed, so there is no other shape.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CPU_TILE_H
#define JEPA_COMPILER_TARGET_CPU_TILE_H

#include "compiler/target/Emit.h"

namespace jepa {

struct Tile {
  static constexpr int64_t rows = 8, lanes = 16, columns = 32;

  /// sums[row * vectors + v] += sum over i in [0, depth) of a(i, row) * b(i, v); a gives scalars, b vectors of 16.
  static llvm::SmallVector<Number> multiply(Emit &e, Number depth, int64_t vectors, llvm::ArrayRef<Number> sums,
                                            llvm::function_ref<Number(Number, int64_t)> a,
                                            llvm::function_ref<Number(Number, int64_t)> b);
  /// Cuts `width`, a multiple of 16, into tiles: body(first column, vectors of 16).
  static void forColumns(Emit &e, int64_t width, llvm::function_ref<void(Number, int64_t)> body);
  static mlir::VectorType vectorType(Emit &e, int64_t lanes = Tile::lanes);
  /// `size`, rounded up to a multiple of `unit`.
  static int64_t padded(int64_t size, int64_t unit) { return (size + unit - 1) / unit * unit; }
};

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CPU_TILE_H
