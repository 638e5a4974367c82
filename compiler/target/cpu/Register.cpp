//===- Register.cpp - attach the cpu kernels ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/Targets.h"
#include "compiler/target/cpu/Kernels.h"

using namespace mlir;
using namespace jepa;

void jepa::registerCpuKernels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, JepaDialect *) {
#define JEPA_CPU_KERNELS(NAME) NAME##Op::attachInterface<NAME##Cpu>(*context);
#define JEPA_CPU_ROWS(NAME, REREADS) NAME##Op::attachInterface<NAME##CpuRows>(*context);
#include "compiler/target/cpu/Kernels.def"
#undef JEPA_CPU_KERNELS
#undef JEPA_CPU_ROWS
  });
}

LogicalResult jepa::checkElements(Operation *op) {
  auto isOther = [](Type type) {
    Type element = getElementTypeOrSelf(type);
    return isa<FloatType>(element) && !element.isF32() && !element.isBF16();
  };
  if (llvm::any_of(op->getOperandTypes(), isOther) || llvm::any_of(op->getResultTypes(), isOther))
    return op->emitOpError("the cpu target takes f32 and bf16; use --target reference for f64");
  return success();
}

LogicalResult jepa::emitReferenceKernels(Operation *op, KernelContext &context) {
  if (auto reference = dyn_cast<ReferenceKernelOpInterface>(op))
    return reference.emitKernels(context);
  return op->emitOpError("has no kernels for this case on the cpu target");
}
