//===- AttentionLayout.h - how attention's operands are cut and packed ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Keys come in panels of 32, stored [width, 32], so that a score tile reads
// consecutive vectors; rows of queries, values and gradients are padded to a
// multiple of 16. Only visible keys are packed: a mask or run-time lengths
// become a list of keys, and past its end stand zeros up to the whole panel.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CPU_ATTENTIONLAYOUT_H
#define JEPA_COMPILER_TARGET_CPU_ATTENTIONLAYOUT_H

#include "compiler/target/KernelContext.h"
#include "compiler/target/cpu/Tile.h"

namespace jepa {

struct AttentionLayout {
  /// `keys`: how many keys each clip has, `visible`: how many of them a mask shows.
  AttentionLayout(mlir::RankedTensorType query, mlir::RankedTensorType key, mlir::Value mask, int64_t heads);

  /// What a padding key scores: far below every real score, and so far that its probability is exactly zero.
  static constexpr double hiddenScore = -1.0e30;

  int64_t clips, heads, queries, keys, visible;
  /// A head's features, and those rounded up to whole vectors.
  int64_t width, paddedWidth;
  /// Panels of visible keys, and panels to a block: a block of keys, its values and scores fit into the second cache.
  int64_t panels, panelsPerBlock;
  /// Query rows to a block, a multiple of the tile's, and the blocks of a head.
  int64_t queriesPerBlock, queryBlocks;
  double scale;

  int64_t tasks() const { return clips * heads; }
  int64_t keysPerBlock() const { return panelsPerBlock * Tile::columns; }
  int64_t paddedQueries() const { return Tile::padded(queries, Tile::rows); }
};

/// The keys that each clip sees, where these are not simply all.
struct VisibleKeys {
  /// From the op's mask and lengths; launches what makes the list of the ragged case.
  VisibleKeys(KernelContext &context, mlir::Value mask, mlir::OperandRange lengths,
              std::optional<llvm::ArrayRef<int64_t>> segments, const AttentionLayout &layout);

  /// Buffers to pass to a kernel, none where all keys are visible.
  llvm::SmallVector<mlir::Value> buffers;
  /// In a kernel that got `buffers` at `arguments`: how many keys clip sees, and which key is the one at `position`.
  Number count(Emit &e, llvm::ArrayRef<mlir::Value> arguments, Number clip, const AttentionLayout &layout) const;
  Number key(Emit &e, llvm::ArrayRef<mlir::Value> arguments, Number clip, Number position) const;
  /// Whether some key of the op may not be visible.
  bool hidesKeys() const { return !buffers.empty(); }
  /// Whether the last panel may hold padding.
  bool isRagged(const AttentionLayout &layout) const { return buffers.size() == 2 || layout.visible % Tile::columns; }
};

/// A head's rows in a [clip, token, features] buffer.
struct HeadRows {
  mlir::Value buffer;
  Number clip, feature;
  llvm::SmallVector<mlir::Value> at(Number token) const { return {clip, token}; }
};

/// to[row...] = factor * a head's row of `width` floats, with zeros up to the next multiple of 16; factor may be null.
void packRow(Emit &e, int64_t width, mlir::Value to, llvm::ArrayRef<mlir::Value> row, const HeadRows &from,
             Number token, Number factor = {});
/// A head's row (its first `width` floats) = factor * from[row...].
void unpackRow(Emit &e, int64_t width, const HeadRows &to, Number token, mlir::Value from,
               llvm::ArrayRef<mlir::Value> row, Number factor);
/// to[row..., panel, feature, lane] = a head's row, as one column of a panel; `position` counts from the first panel.
void packColumn(Emit &e, int64_t width, mlir::Value to, Number slot, Number position, const HeadRows &from,
                Number token);
/// Zeros in that column.
void zeroColumn(Emit &e, int64_t width, mlir::Value to, Number slot, Number position);
/// What a score tile's sums start from: zero for keys before `count`, the hidden score from there on.
llvm::SmallVector<Number> scoreStart(Emit &e, Number firstKey, Number count, bool ragged);

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CPU_ATTENTIONLAYOUT_H
