//===- Tile.h - a product's register tile ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The inner loop of attention's products: 8 rows by 16 or 32 columns of sums
// stay in registers while the loop over the depth broadcasts one word of each
// row and multiplies it with one or two vectors. Operands are padded to whole
// tiles where they are packed, so there is no other shape.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CPU_TILE_H
#define JEPA_COMPILER_TARGET_CPU_TILE_H

#include "compiler/target/cpu/VectorMath.h"

namespace jepa {

/// The 32-bit words that products take: an f32 each, or two bf16, neighbours along the depth, for the dot product
/// instruction. Sums are f32 in either case.
struct Words {
  bool pairs = false;

  /// Numbers to a word.
  int64_t each() const { return pairs ? 2 : 1; }
  /// Words that hold `numbers`; the last may be half empty.
  int64_t count(int64_t numbers) const { return (numbers + each() - 1) / each(); }
  Number count(Number numbers) const { return pairs ? (numbers + 1) / 2 : numbers; }
  /// f32 or i32, and the type of the numbers.
  mlir::Type type(Emit &e) const;
  mlir::Type numberType(Emit &e) const;
  /// sum + left * right, 16 words each.
  Number multiply(Emit &e, Number left, Number right, Number sum) const;
  /// From vectors of 16 f32: words whose numbers stand in first's and in second's lane (floats: `first` itself).
  Number zip(Emit &e, Number first, Number second) const;
  /// 2^x, as exactly as numbers of a word hold it.
  Number exp2(Emit &e, Number x) const { return pairs ? coarseExp2(e, x) : jepa::exp2(e, x, Precision::Float); }
  /// From 16 * each() numbers in consecutive vectors of 16 f32: the words that hold them one after the other.
  Number join(Emit &e, llvm::ArrayRef<Number> vectors) const;
};

struct Tile {
  static constexpr int64_t rows = 8, lanes = 16, columns = 32, vectors = columns / lanes;

  /// sums[row * vectors + v] += sum over i in [0, depth) of a(i, row) * b(i, v); a gives words, b vectors of 16 words.
  static llvm::SmallVector<Number> multiply(Emit &e, Words words, Number depth, int64_t vectors,
                                            llvm::ArrayRef<Number> sums, llvm::function_ref<Number(Number, int64_t)> a,
                                            llvm::function_ref<Number(Number, int64_t)> b);
  /// Sums to start from.
  static llvm::SmallVector<Number> zeros(Emit &e, int64_t vectors = Tile::vectors);
  /// Cuts `width`, a multiple of 16, into tiles: body(first column, vectors of 16).
  static void forColumns(Emit &e, int64_t width, llvm::function_ref<void(Number, int64_t)> body);
  /// 16 vectors of 16 words, rows and columns exchanged.
  static llvm::SmallVector<Number> transpose(Emit &e, llvm::ArrayRef<Number> rows);
  static mlir::VectorType vectorType(Emit &e, int64_t lanes = Tile::lanes);
  /// `size`, rounded up to a multiple of `unit`.
  static int64_t padded(int64_t size, int64_t unit) { return (size + unit - 1) / unit * unit; }
};

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CPU_TILE_H
