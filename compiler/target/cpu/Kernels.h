//===- Kernels.h - cpu kernels, one class per op ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CPU_KERNELS_H
#define JEPA_COMPILER_TARGET_CPU_KERNELS_H

#include "compiler/target/KernelContext.h"

namespace jepa {

#define JEPA_CPU_KERNELS(NAME)                                                                                     \
  struct NAME##Cpu : CpuKernelOpInterface::ExternalModel<NAME##Cpu, NAME##Op> {                            \
    mlir::LogicalResult emitKernels(mlir::Operation *operation, KernelContext &context) const;                         \
  };
#include "compiler/target/cpu/Kernels.def"
#undef JEPA_CPU_KERNELS

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CPU_KERNELS_H
