//===- MixedPrecision.h - compute in bf16 where that is enough ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_MIXEDPRECISION_H
#define JEPA_PASSES_MIXEDPRECISION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace jepa {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/MixedPrecision/MixedPrecision.h.inc"
} // namespace jepa

#endif // JEPA_PASSES_MIXEDPRECISION_H
