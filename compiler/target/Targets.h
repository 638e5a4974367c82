//===- Targets.h - register the targets' kernels ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_TARGETS_H
#define JEPA_COMPILER_TARGET_TARGETS_H

#include "mlir/IR/DialectRegistry.h"

namespace jepa {

/// Attaches ReferenceKernelOpInterface to the ops that the reference target knows.
void registerReferenceKernels(mlir::DialectRegistry &registry);
/// Attaches CpuKernelOpInterface to the ops that have kernels of their own on the CPU.
void registerCpuKernels(mlir::DialectRegistry &registry);
/// Attaches CudaKernelOpInterface to the ops that have kernels of their own on NVIDIA's devices.
void registerCudaKernels(mlir::DialectRegistry &registry);

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_TARGETS_H
