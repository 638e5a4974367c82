//===- FreezeParameters.h - train a part of a model ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef FREEZEPARAMETERS_H
#define FREEZEPARAMETERS_H

#include "compiler/dialect/Dialect.h"
#include "mlir/Pass/Pass.h"

namespace jepa {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "FreezeParameters.h.inc"

} // namespace jepa

#endif // FREEZEPARAMETERS_H
