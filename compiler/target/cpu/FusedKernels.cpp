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

// What follows a product runs inside it, the others in one sweep over the rows. An op that knows no rows here runs alone,
// and so do those after it.
LogicalResult FusedCpu::emit(FusedOp op, KernelContext &context) {
  context.enter(op);
  SmallVector<Operation *> ops =
      llvm::map_to_vector(op.getBody().front().without_terminator(), [](Operation &inner) { return &inner; });
  ArrayRef<Operation *> rest(ops);
  ValueRange results = op.getBody().front().getTerminator()->getOperands();
  Operation *product = nullptr;
  if (!rest.empty() && cast<FusibleOpInterface>(rest.front()).isProduct()) {
    product = rest.front();
    rest = rest.drop_front();
  }
  context.op = op;
  if (llvm::all_of(rest, isRowOp) && rest.size() + (product ? 1 : 0) > 1) {
    if (product) {
      auto emitProduct = [&] {
        LogicalResult emitted = emitAlone(product, context);
        context.op = op;
        return emitted;
      };
      if (failed(emitRowOpsInside(context, rest, results, product->getResult(0), emitProduct)))
        return failure();
    } else {
      emitRowOps(context, rest, results);
    }
  } else {
    for (Operation *inner : ops)
      if (failed(emitAlone(inner, context)))
        return failure();
  }
  context.leave(op);
  return success();
}
