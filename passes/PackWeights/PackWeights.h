//===- PackWeights.h - weights in the layout that products read fastest ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_PACKWEIGHTS_H
#define JEPA_PASSES_PACKWEIGHTS_H

#include "compiler/analysis/Products.h"
#include "compiler/dialect/Dialect.h"

#include "mlir/Pass/Pass.h"

namespace jepa {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/PackWeights/PackWeights.h.inc"

/// With what the GEMM library says; the registered pass takes a packed weight to be as large as a plain one.
std::unique_ptr<mlir::Pass> createPackWeights(ProductLibrary library);

} // namespace jepa

#endif // JEPA_PASSES_PACKWEIGHTS_H
