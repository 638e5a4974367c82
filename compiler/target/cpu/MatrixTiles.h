//===- MatrixTiles.h - products in AMX's tile registers ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A tile is 16 rows of 16 words, in a register and in memory, where it is 1 KiB
// without gaps, so that loads never meet in few sets of the cache. A word is an
// f32 of sums, or two bf16 that are neighbours along the contraction. Operands
// are packed to whole tiles, so there is no other shape.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CPU_MATRIXTILES_H
#define JEPA_COMPILER_TARGET_CPU_MATRIXTILES_H

#include "compiler/target/Emit.h"

namespace jepa {

/// Tiles in memory: a buffer [..., 16, 16], and which of its tiles an operand's tile `i` (along rows or columns of the
/// result, or (i, j) of the result itself) is, at the step `depth` of the contraction.
struct TileOperand {
  mlir::Value buffer;
  llvm::function_ref<llvm::SmallVector<mlir::Value>(int64_t i, Number depth)> place;
};
struct TileSums {
  mlir::Value buffer;
  llvm::function_ref<llvm::SmallVector<mlir::Value>(int64_t i, int64_t j)> place;
};

class MatrixTiles {
public:
  /// Rows of a tile, and words of a row; numbers of bf16 along a row that is contracted.
  static constexpr int64_t size = 16, depth = 32;

  explicit MatrixTiles(Emit &e) : e(e) {}

  /// Makes the registers usable on this thread until `release`. Between the two nothing else that uses them may run.
  void configure() const;
  void release() const;

  /// sums(i, j) = sum over d in [0, depth) of left(i, d) * right(j, d), for i below `rows` and j below `columns`, each
  /// 1 or 2; with `accumulate` added to what is there. Left holds rows of words, right words of rows.
  void multiply(int64_t rows, int64_t columns, Number depth, bool accumulate, TileSums sums, TileOperand left,
                TileOperand right) const;
  /// The same in two halves: `begin` leaves the sums (of `before`, if any, and the products) in registers, from which
  /// `store` takes them. What is between the two runs while the unit multiplies, and may be anything but another product.
  void begin(int64_t rows, int64_t columns, Number depth, const TileSums *before, TileOperand left,
             TileOperand right) const;
  void store(int64_t rows, int64_t columns, TileSums sums) const;

  /// Calls body(first, 2) for the pairs of [0, count), and body(count - 1, 1) where one is left.
  void forPairs(int64_t count, llvm::function_ref<void(Number first, int64_t number)> body) const;

private:
  mlir::Value address(mlir::Value buffer, llvm::ArrayRef<mlir::Value> tile) const;
  void call(llvm::StringRef intrinsic, llvm::ArrayRef<mlir::Value> operands) const;
  mlir::Value number(int64_t value) const;

  Emit &e;
};

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CPU_MATRIXTILES_H
