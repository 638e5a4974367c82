//===- Flops.cpp - model FLOPs of a piece of IR ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/analysis/Flops.h"

#include "compiler/dialect/Dialect.h"

using namespace mlir;

int64_t jepa::countFlops(Operation *root) {
  int64_t flops = 0;
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op->hasAttr(recomputedAttr))
      return WalkResult::skip();
    if (auto cost = dyn_cast<CostOpInterface>(op))
      flops += cost.getFlops();
    // Outlined functions never recurse, so following calls ends.
    if (auto call = dyn_cast<func::CallOp>(op))
      if (Operation *callee = SymbolTable::lookupNearestSymbolFrom(op, call.getCalleeAttr()))
        flops += countFlops(callee);
    return WalkResult::advance();
  });
  return flops;
}
