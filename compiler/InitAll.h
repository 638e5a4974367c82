//===- InitAll.h - register what the project has ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_INITALL_H
#define JEPA_COMPILER_INITALL_H

#include "mlir/IR/DialectRegistry.h"

namespace jepa {

/// The jepa dialect and the upstream ones that its lowerings write.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Every pass of passes/ and compiler/, under its command line name, and the upstream canonicalize and cse.
void registerAllPasses();

} // namespace jepa

#endif // JEPA_COMPILER_INITALL_H
