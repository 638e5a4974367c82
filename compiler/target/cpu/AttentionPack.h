//===- AttentionPack.h - a head's rows as operands of products ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rows of tokens are packed in three ways, by which of their axes a product
// contracts and on which side of it they stand:
//   rows    [token, word of features]      features, left
//   panels  [panel, word of features, 32]  features, right; 32 tokens each
//   pairs   [word of tokens, feature]      tokens, either side
// Packed buffers have a slot (of a thread or a task) as their first axis. With
// f32 words, rows and pairs are the same.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CPU_ATTENTIONPACK_H
#define JEPA_COMPILER_TARGET_CPU_ATTENTIONPACK_H

#include "compiler/target/cpu/AttentionLayout.h"
#include "compiler/target/cpu/Tile.h"

namespace jepa {

/// A head's rows in a [clip, token, features] buffer of f32 or bf16.
struct HeadRows {
  mlir::Value buffer;
  Number clip, feature;

  HeadRows(mlir::Value buffer, const AttentionTask &task, int64_t width)
      : buffer(buffer), clip(task.clip), feature(task.head * static_cast<double>(width)) {}
};

struct AttentionPack {
  Emit &e;
  Words words;
  /// Features of a head.
  int64_t width;
  Number slot;

  /// Words or features to a packed row, whole vectors.
  static int64_t rowWords(Words words, int64_t width) { return Tile::padded(words.count(width), Tile::lanes); }
  static int64_t rowFeatures(int64_t width) { return Tile::padded(width, Tile::lanes); }

  /// Packs the group's tokens [first, first + count); past its last token, that one again.
  void rows(mlir::Value to, const HeadRows &from, const GroupTokens &tokens, Number first, Number count) const;
  void panels(mlir::Value to, const HeadRows &from, const GroupTokens &tokens, Number first, Number count) const;
  /// Packs the group's tokens [first, first + count), which exist; a half empty word is filled with zeros.
  void pairs(mlir::Value to, const HeadRows &from, const GroupTokens &tokens, Number first, Number count) const;

  /// to[slot, lane, feature] = from[slot, panel, feature, lane] * factor(vector number in the panel), 32 lanes.
  void unpackPanel(mlir::Value to, mlir::Value from, Number panel, llvm::function_ref<Number(int64_t)> factor) const;
  /// The head's row of `token` = factor * from[slot, row, :].
  void writeRow(const HeadRows &to, Number token, mlir::Value from, Number row, Number factor) const;
  /// Cuts a row into vectors of `each` features; `valid` of them exist.
  void forVectors(int64_t each, llvm::function_ref<void(Number at, int64_t valid)> body) const;
  /// A token's features from `at` on as 16 words, zeros past the first `valid` features.
  Number rowAsWords(const HeadRows &from, Number token, Number at, int64_t valid) const;
  /// 16 features from `at` on of the group's tokens `index` and `index + 1`, as words of both; zeros past the first
  /// `valid` features and for tokens from `end` on.
  Number pairAsWords(const HeadRows &from, const GroupTokens &tokens, Number index, Number end, Number at,
                     int64_t valid) const;
  /// The product of two rows of the same token, summed over features.
  Number dot(const HeadRows &a, const HeadRows &b, Number token) const;

private:
  Number load(const HeadRows &from, Number token, Number at, int64_t lanes, int64_t valid, mlir::Type type) const;
};

/// Buffers with a slot for each thread or task.
struct AttentionScratch {
  AttentionScratch(KernelContext &context, Words words, int64_t slots) : context(context), kind(words), slots(slots) {}
  mlir::Value words(llvm::ArrayRef<int64_t> shape);
  mlir::Value floats(llvm::ArrayRef<int64_t> shape);

private:
  mlir::Value buffer(llvm::ArrayRef<int64_t> shape, mlir::Type type);
  KernelContext &context;
  Words kind;
  int64_t slots;
};

/// Pairs of bf16 where all of `operands` are bf16 and the machine has the dot product, floats otherwise.
Words attentionWords(KernelContext &context, llvm::ArrayRef<mlir::Value> operands);
/// The size of blocks, a multiple of `unit` and at most `limit`, that cut `size` most evenly.
int64_t evenBlock(int64_t size, int64_t limit, int64_t unit);
/// Parts of each head's queries in the forward pass, by panels of `panel`: more than one with few heads. A part packs
/// all keys again, which is a hundredth of the work.
int64_t forwardParts(const AttentionLayout &layout, KernelContext &context, int64_t panel);
/// Zeros in all of `buffers`' rows, each [clip, token, features] or [clip, head, token].
void clear(KernelContext &context, llvm::ArrayRef<mlir::Value> buffers);

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CPU_ATTENTIONPACK_H
