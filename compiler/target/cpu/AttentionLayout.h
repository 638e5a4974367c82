//===- AttentionLayout.h - which queries see which keys, and how they are cut into tasks ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A *group* is a set of queries and the set of keys that each of them sees: a
// clip, a sequence of a clip, or a packed sample's part of a sequence. One task
// is one head of one group, or a part of it where there are few of these.
//
// A token's *position* counts the tokens that belong to groups, group after
// group. With no mask, lengths or bounds the position is the token.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CPU_ATTENTIONLAYOUT_H
#define JEPA_COMPILER_TARGET_CPU_ATTENTIONLAYOUT_H

#include "compiler/target/KernelContext.h"

namespace jepa {

/// One group's tokens on one side, within a kernel.
struct GroupTokens {
  Emit &e;
  /// Tokens by position, or null.
  mlir::Value list;
  Number clip, begin, count;

  /// The group's token number `index`; past the last one, the last. The group must not be empty.
  Number at(Number index) const;
};

/// The queries or the keys of attention, by group.
struct TokenSide {
  /// Tokens per clip, and the most that a group has.
  int64_t tokens, capacity;
  /// Position at which each group of a clip starts, and the end; empty where that is known at run time alone.
  llvm::SmallVector<int64_t> starts;
  /// Buffers to pass to a kernel. The tokens by position [clips, positions] where these are not simply all, and the
  /// groups' starts [clips, groups + 1] where `starts` is empty.
  llvm::SmallVector<mlir::Value> buffers;

  /// Whether some token belongs to no group.
  bool hidesTokens() const { return !buffers.empty(); }
  /// In a kernel that got `buffers` as `arguments`.
  GroupTokens group(Emit &e, llvm::ArrayRef<mlir::Value> arguments, Number clip, Number group) const;
};

struct AttentionLayout {
  /// From an attention op or its adjoint; launches what makes the lists of tokens that are known at run time alone.
  AttentionLayout(AttentionOp op, KernelContext &context);
  AttentionLayout(AttentionGradOp op, KernelContext &context);

  int64_t clips, heads, width, groups;
  double scale;
  TokenSide queries, keys;

  /// Heads of groups, in all.
  int64_t units() const { return clips * heads * groups; }

private:
  template <typename Op> void init(Op op, KernelContext &context);
};

/// A task's number taken apart.
struct AttentionTask {
  AttentionTask(const AttentionLayout &layout, int64_t parts, Number task);
  Number clip, head, group, part;
};

/// What a kernel has of one task.
struct AttentionWork {
  Kernel &k;
  Emit &e;
  /// Of the scratch.
  Number slot;
  llvm::ArrayRef<mlir::Value> operands;
  AttentionTask task;
  GroupTokens queries, keys;
};

/// Each head of each group, in `parts`, as tasks of one launch.
struct AttentionTasks {
  AttentionTasks(const AttentionLayout &layout, KernelContext &context, int64_t parts)
      : layout(layout), context(context), parts(parts), count(layout.units() * parts),
        threads(context.getMaxThreads()) {}

  /// A task has scratch of its own where that is less than a thread's.
  int64_t slots() const { return std::min(count, threads); }
  /// Launches body(work) for each task, between `begin` and `end` of each chunk of them.
  void launch(
      llvm::StringRef name, llvm::ArrayRef<mlir::Value> writes, llvm::ArrayRef<mlir::Value> operands,
      llvm::function_ref<void(const AttentionWork &)> body, llvm::function_ref<void(Emit &)> begin = [](Emit &) {},
      llvm::function_ref<void(Emit &)> end = [](Emit &) {}) const;

  const AttentionLayout &layout;
  KernelContext &context;
  int64_t parts, count, threads;
};

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CPU_ATTENTIONLAYOUT_H
