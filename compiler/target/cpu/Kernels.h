//===- Kernels.h - cpu kernels, one class per op ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CPU_KERNELS_H
#define JEPA_COMPILER_TARGET_CPU_KERNELS_H

#include "compiler/target/cpu/RowKernels.h"

namespace jepa {

/// Fails, with a diagnostic at the op, where one of its tensors holds reals other than f32 and bf16.
mlir::LogicalResult checkElements(mlir::Operation *op);
/// The op's reference kernels, for a case that is not worth vectorising.
mlir::LogicalResult emitReferenceKernels(mlir::Operation *op, KernelContext &context);

/// Each op's emitter is `<Op>Cpu::emit`; it sees f32 and bf16 only.
#define JEPA_CPU_KERNELS(NAME)                                                                                         \
  struct NAME##Cpu : CpuKernelOpInterface::ExternalModel<NAME##Cpu, NAME##Op> {                                        \
    mlir::LogicalResult emitKernels(mlir::Operation *operation, KernelContext &context) const {                        \
      return mlir::failed(checkElements(operation)) ? mlir::failure() : emit(mlir::cast<NAME##Op>(operation), context);   \
    }                                                                                                                  \
    static mlir::LogicalResult emit(NAME##Op op, KernelContext &context);                                              \
  };
/// Each op on rows says in `<Op>CpuRows::emit` how to compute one; REREADS is whether it reads its rows more than once.
#define JEPA_CPU_ROWS(NAME, REREADS)                                                                                   \
  struct NAME##CpuRows : CpuRowOpInterface::ExternalModel<NAME##CpuRows, NAME##Op> {                                   \
    llvm::SmallVector<RowFunction> emitRow(mlir::Operation *operation, const RowKernel &row) const {                   \
      return emit(mlir::cast<NAME##Op>(operation), row);                                                               \
    }                                                                                                                  \
    bool rereadsRow(mlir::Operation *) const { return REREADS; }                                                       \
    static llvm::SmallVector<RowFunction> emit(NAME##Op op, const RowKernel &row);                                     \
  };
#include "compiler/target/cpu/Kernels.def"
#undef JEPA_CPU_KERNELS
#undef JEPA_CPU_ROWS

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CPU_KERNELS_H
