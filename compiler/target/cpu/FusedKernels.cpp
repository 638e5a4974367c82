//===- FusedKernels.cpp - cpu: groups of ops on the same rows ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/Kernels.h"
#include "compiler/target/cpu/RowKernels.h"

using namespace mlir;
using namespace jepa;

static LogicalResult emitAlone(Operation *op, KernelContext &context) {
  context.op = op;
  if (auto kernels = dyn_cast<CpuKernelOpInterface>(op))
    return kernels.emitKernels(context);
  return emitReferenceKernels(op, context);
}

// The product, then the others in one sweep over its rows. An op that knows no rows here runs alone, and so do those
// after it.
LogicalResult FusedCpu::emit(FusedOp op, KernelContext &context) {
  context.enter(op);
  SmallVector<Operation *> ops =
      llvm::map_to_vector(op.getBody().front().without_terminator(), [](Operation &inner) { return &inner; });
  ArrayRef<Operation *> rest(ops);
  if (!rest.empty() && cast<FusibleOpInterface>(rest.front()).isProduct()) {
    if (failed(emitAlone(rest.front(), context)))
      return failure();
    rest = rest.drop_front();
  }
  if (rest.size() > 1 && llvm::all_of(rest, isRowOp)) {
    context.op = op;
    emitRowOps(context, rest, op.getBody().front().getTerminator()->getOperands());
  } else {
    for (Operation *inner : rest)
      if (failed(emitAlone(inner, context)))
        return failure();
  }
  context.leave(op);
  return success();
}
