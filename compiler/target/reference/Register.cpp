//===- Register.cpp - attach the reference kernels ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/Targets.h"
#include "compiler/target/reference/Kernels.h"

void jepa::registerReferenceKernels(mlir::DialectRegistry &registry) {
  registry.addExtension(+[](mlir::MLIRContext *context, JepaDialect *) {
#define JEPA_REFERENCE_KERNELS(NAME) NAME##Op::attachInterface<NAME##Reference>(*context);
#include "compiler/target/reference/Kernels.def"
#undef JEPA_REFERENCE_KERNELS
  });
}
