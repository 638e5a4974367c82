//===- PlanMemory.h - one arena, every offset known ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_PLANMEMORY_H
#define JEPA_PASSES_PLANMEMORY_H

#include "mlir/Pass/Pass.h"

namespace jepa {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/PlanMemory/PlanMemory.h.inc"

} // namespace jepa

#endif // JEPA_PASSES_PLANMEMORY_H
