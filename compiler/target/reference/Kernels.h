//===- Kernels.h - reference kernels, one class per op ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_REFERENCE_KERNELS_H
#define JEPA_COMPILER_TARGET_REFERENCE_KERNELS_H

#include "compiler/target/reference/Loops.h"

namespace jepa {

#define JEPA_REFERENCE_KERNELS(NAME)                                                                                   \
  struct NAME##Reference : ReferenceKernelOpInterface::ExternalModel<NAME##Reference, NAME##Op> {                      \
    mlir::LogicalResult emitKernels(mlir::Operation *operation, KernelContext &context) const {                        \
      emit(mlir::cast<NAME##Op>(operation), context);                                                                  \
      return mlir::success();                                                                                          \
    }                                                                                                                  \
    static void emit(NAME##Op op, KernelContext &context);                                                             \
  };
#include "compiler/target/reference/Kernels.def"
#undef JEPA_REFERENCE_KERNELS

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_REFERENCE_KERNELS_H
