//===- Register.cpp - attach the cuda kernels ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/Targets.h"
#include "compiler/target/cuda/Kernels.h"

using namespace mlir;
using namespace jepa;

void jepa::registerCudaKernels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, JepaDialect *) {
#define JEPA_CUDA_KERNELS(NAME) NAME##Op::attachInterface<NAME##Cuda>(*context);
#define JEPA_CUDA_ROWS(NAME, WHOLE) NAME##Op::attachInterface<NAME##CudaRow>(*context);
#include "compiler/target/cuda/Kernels.def"
#undef JEPA_CUDA_KERNELS
#undef JEPA_CUDA_ROWS
  });
}

LogicalResult jepa::checkDeviceElements(Operation *op) {
  auto isOther = [](Type type) {
    Type element = getElementTypeOrSelf(type);
    return isa<FloatType>(element) && !element.isF32() && !element.isBF16() && !isE4m3(element);
  };
  if (llvm::any_of(op->getOperandTypes(), isOther) || llvm::any_of(op->getResultTypes(), isOther))
    return op->emitOpError("the cuda target takes f32 and bf16; use --target reference for f64");
  return success();
}

LogicalResult jepa::emitLoops(Operation *op, KernelContext &context) {
  if (auto reference = dyn_cast<ReferenceKernelOpInterface>(op))
    return reference.emitKernels(context);
  return op->emitOpError("has no kernels for this case on the cuda target");
}

Value jepa::plainBuffer(KernelContext &context, Value buffer, Type element) {
  auto type = cast<MemRefType>(buffer.getType());
  if (type.getLayout().isIdentity() && type.getElementType() == element)
    return buffer;
  Value copy = context.temporary(type.getShape(), element);
  context.copy(copy, buffer);
  return copy;
}
