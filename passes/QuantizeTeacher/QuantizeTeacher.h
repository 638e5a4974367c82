//===- QuantizeTeacher.h - compute the teacher in e4m3 ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_QUANTIZETEACHER_H
#define JEPA_PASSES_QUANTIZETEACHER_H

#include "compiler/dialect/Dialect.h"
#include "mlir/Pass/Pass.h"

namespace jepa {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/QuantizeTeacher/QuantizeTeacher.h.inc"

} // namespace jepa

#endif // JEPA_PASSES_QUANTIZETEACHER_H
