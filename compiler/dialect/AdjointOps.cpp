//===- AdjointOps.cpp - verifiers of sums and of the optimiser ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/dialect/Verify.h"

using namespace mlir;
using namespace jepa;

LogicalResult SumToOp::verify() {
  auto x = tensorType(getX()), result = cast<RankedTensorType>(getType());
  int64_t missing = x.getRank() - result.getRank();
  bool fits = missing >= 0;
  for (int64_t dim = 0; fits && dim < result.getRank(); ++dim)
    fits = result.getDimSize(dim) == 1 || result.getDimSize(dim) == x.getDimSize(dim + missing);
  if (!fits)
    return emitOpError("cannot sum ") << describeType(x) << " to " << describeType(result)
                                      << ": each axis, counted from the last, must be kept or become 1";
  return success();
}

static LogicalResult verifyHyper(Operation *op, Value hyper) {
  return verifyShape(op, hyper.getType(), "the vector of hyper-parameters", {9});
}

LogicalResult AdamWOp::verify() { return verifyHyper(*this, getHyper()); }

LogicalResult EmaOp::verify() {
  if (getTeacher() == getStudent())
    return emitOpError("'") << getTeacher() << "' cannot follow itself";
  return verifyHyper(*this, getHyper());
}
