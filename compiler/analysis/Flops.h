//===- Flops.h - model FLOPs of a piece of IR ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_ANALYSIS_FLOPS_H
#define JEPA_COMPILER_ANALYSIS_FLOPS_H

#include "mlir/IR/Operation.h"

namespace jepa {

/// Op attribute: computed a second time to save memory. It costs no model FLOPs, and is never merged with its original.
inline constexpr llvm::StringLiteral recomputedAttr = "jepa.recomputed";

/// Model FLOPs of one execution of `root` and all that is nested in it, over the whole batch. A call counts what it calls.
int64_t countFlops(mlir::Operation *root);

} // namespace jepa

#endif // JEPA_COMPILER_ANALYSIS_FLOPS_H
