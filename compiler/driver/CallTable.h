//===- CallTable.h - what a run calls, in order ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DRIVER_CALLTABLE_H
#define JEPA_COMPILER_DRIVER_CALLTABLE_H

#include "mlir/IR/BuiltinOps.h"

#include "runtime/core/Json.h"

namespace jepa {

/// The functions of a module at Phase::Kernels with their launches, products and calls, in order, as `functions` of
/// the plan: `jepa_run` first, callers before callees. The code is straight-line, so the n-th call into the runtime is
/// the same in every run, and a profile needs nothing but clocks in the runtime and this table.
rt::Json describeCalls(mlir::ModuleOp module);

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_CALLTABLE_H
