//===- AttentionTiles.h - a head's rows as tiles of products ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rows of tokens as tiles (MatrixTiles.h), by which of their axes a product
// contracts and on which side of it they stand:
//   left, features    [tokens / 16, features / 32] tiles of [token, word of features]
//   right, features   [features / 32, tokens / 16] tiles of [word of features, token]
//   left, tokens      [features / 16, tokens / 32] tiles of [feature, word of tokens]
//   right, tokens     [tokens / 32, features / 16] tiles of [word of tokens, feature]
// Features past the width are zeros. Tokens past the last one repeat it where
// features are contracted, and are zeros where tokens are.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CPU_ATTENTIONTILES_H
#define JEPA_COMPILER_TARGET_CPU_ATTENTIONTILES_H

#include "compiler/target/cpu/AttentionPack.h"
#include "compiler/target/cpu/MatrixTiles.h"

namespace jepa {

class AttentionTiles {
public:
  AttentionTiles(Emit &e, int64_t width, Number slot) : e(e), slot(slot), pack{e, {true}, width, slot} {}

  /// Tiles of a head's features where they are contracted, and where they are not.
  static int64_t deepTiles(int64_t width) { return llvm::divideCeil(width, MatrixTiles::depth); }
  static int64_t wideTiles(int64_t width) { return llvm::divideCeil(width, MatrixTiles::size); }

  /// Packs the group's tokens [first, first + count) from tile 0 of `to` on; what is left of the last 32 as said above.
  void leftFeatures(mlir::Value to, const HeadRows &from, const GroupTokens &tokens, Number first, Number count) const;
  void rightFeatures(mlir::Value to, const HeadRows &from, const GroupTokens &tokens, Number first, Number count) const;
  void leftTokens(mlir::Value to, const HeadRows &from, const GroupTokens &tokens, Number first, Number count) const;
  void rightTokens(mlir::Value to, const HeadRows &from, const GroupTokens &tokens, Number first, Number count) const;

  /// Zeros in the tiles to[slot, place..., :, :].
  void clear(mlir::Value to, llvm::ArrayRef<mlir::Value> place) const;
  /// The place of a row of a tile.
  llvm::SmallVector<mlir::Value> row(llvm::ArrayRef<mlir::Value> tile, Number row) const;
  /// The tile's sixteen rows with rows and columns exchanged.
  llvm::SmallVector<Number> transposed(mlir::Value from, llvm::ArrayRef<mlir::Value> tile) const;

private:
  void forBlocks(Number count, llvm::function_ref<void(Number block)> body) const;
  llvm::SmallVector<Number> pairs(const HeadRows &from, const GroupTokens &tokens, Number first, Number end, Number at,
                                  int64_t valid) const;
  void store(llvm::ArrayRef<Number> rows, mlir::Value to, llvm::ArrayRef<mlir::Value> tile) const;

  Emit &e;
  Number slot;
  AttentionPack pack;
};

/// Whether attention on those operands runs in tile registers.
bool usesMatrixTiles(KernelContext &context, llvm::ArrayRef<mlir::Value> operands);

/// Attention and its adjoint in tile registers.
mlir::LogicalResult emitTiledAttention(AttentionOp op, KernelContext &context);
mlir::LogicalResult emitTiledAttentionGrad(AttentionGradOp op, KernelContext &context);

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CPU_ATTENTIONTILES_H
