//===- ReadMasters.h - let products round weights themselves ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_READMASTERS_H
#define JEPA_PASSES_READMASTERS_H

#include "compiler/dialect/Dialect.h"
#include "mlir/Pass/Pass.h"

namespace jepa {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/ReadMasters/ReadMasters.h.inc"

} // namespace jepa

#endif // JEPA_PASSES_READMASTERS_H
