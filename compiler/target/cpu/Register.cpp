//===- Register.cpp - attach the cpu kernels ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/Targets.h"
#include "compiler/target/cpu/Kernels.h"

void jepa::registerCpuKernels(mlir::DialectRegistry &registry) {
  registry.addExtension(+[](mlir::MLIRContext *context, JepaDialect *) {
#define JEPA_CPU_KERNELS(NAME) NAME##Op::attachInterface<NAME##Cpu>(*context);
#include "compiler/target/cpu/Kernels.def"
#undef JEPA_CPU_KERNELS
  });
}
