//===- AttentionGradTasks.h - how the adjoint of attention is cut ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A task goes over blocks of a head's keys, whose gradients are complete at the
// end of each, and has those of its queries in scratch. Where there are few
// heads, a task does a part of the keys, and a second launch adds the parts'
// gradients of queries, in order. How many parts there are follows from shapes
// alone, so threads change nothing.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CPU_ATTENTIONGRADTASKS_H
#define JEPA_COMPILER_TARGET_CPU_ATTENTIONGRADTASKS_H

#include "compiler/target/cpu/AttentionPack.h"

namespace jepa {

/// Tokens to a block.
struct AttentionGradBlocks {
  int64_t keys, queries;
};

struct AttentionGradTasks {
  /// The most tokens of a block, and of what it is a multiple.
  struct Limit {
    int64_t most, unit;
  };
  /// Clears what no task writes.
  AttentionGradTasks(AttentionGradOp op, KernelContext &context, Limit keys, Limit queries);

  int64_t slots() const { return AttentionTasks(layout, context, parts).slots(); }
  /// Launches body for each task; its `writes` begin with `outputs`, its operands are dO, the query, key, value, output
  /// and logsumexp. A task's gradients of queries belong in the first of `writes` at clip part * clips + clip, and are
  /// still to be scaled if there are several parts.
  void launch(
      llvm::StringRef name, llvm::ArrayRef<mlir::Value> writes, llvm::function_ref<void(const AttentionWork &)> body,
      llvm::function_ref<void(Emit &)> begin = [](Emit &) {},
      llvm::function_ref<void(Emit &)> end = [](Emit &) {}) const;

  AttentionLayout layout;
  AttentionGradBlocks blocks;
  int64_t parts;
  /// Gradients of queries, keys and values.
  llvm::SmallVector<mlir::Value> outputs;

private:
  AttentionGradOp op;
  KernelContext &context;
};

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CPU_ATTENTIONGRADTASKS_H
