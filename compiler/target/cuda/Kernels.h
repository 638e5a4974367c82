//===- Kernels.h - cuda kernels, one class per op ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CUDA_KERNELS_H
#define JEPA_COMPILER_TARGET_CUDA_KERNELS_H

#include "compiler/target/cuda/DeviceRow.h"

namespace jepa {

/// Fails, with a diagnostic at the op, where one of its tensors holds reals other than f32 and bf16.
mlir::LogicalResult checkDeviceElements(mlir::Operation *op);
/// The op's reference kernels, for a case that the device library has no kernel for.
mlir::LogicalResult emitLoops(mlir::Operation *op, KernelContext &context);

/// KernelContext::copy, a warp to a row.
void copyOnDevice(KernelContext &context, mlir::Value to, mlir::Value from);
/// The buffer, or a copy of it without gaps and with such elements.
mlir::Value plainBuffer(KernelContext &context, mlir::Value buffer, mlir::Type element);
/// Whether the device library can move the buffer's tokens, [clips, tokens, features].
bool hasTokenRows(mlir::Value buffer);
/// Launch kernels on tokens (see tokens.cuh) of buffers with token rows: the tokens that a mask lists, those put back
/// among zeros, zeros.
void gatherTokens(KernelContext &context, mlir::Value to, mlir::Value from, mlir::Value mask, bool isCyclic = false);
void scatterTokens(KernelContext &context, mlir::Value to, mlir::Value from, mlir::Value mask);
void clearTokens(KernelContext &context, mlir::Value to);

/// A linear layer with x in e4m3.
mlir::LogicalResult emitE4m3Product(LinearOp op, KernelContext &context);
/// The product of a linear layer, or of its adjoint with respect to the input, into `result`.
void emitProduct(LinearOp op, KernelContext &context, mlir::Value result, const ProductEpilogue &epilogue);
void emitProduct(LinearInputGradOp op, KernelContext &context, mlir::Value result, const ProductEpilogue &epilogue);

/// Each op's emitter is `<Op>Cuda::emit`; it sees f32, bf16 and, where the op may have it, e4m3.
#define JEPA_CUDA_KERNELS(NAME)                                                                                        \
  struct NAME##Cuda : CudaKernelOpInterface::ExternalModel<NAME##Cuda, NAME##Op> {                                     \
    mlir::LogicalResult emitKernels(mlir::Operation *operation, KernelContext &context) const {                        \
      return mlir::failed(checkDeviceElements(operation)) ? mlir::failure()                                            \
                                                          : emit(mlir::cast<NAME##Op>(operation), context);            \
    }                                                                                                                  \
    static mlir::LogicalResult emit(NAME##Op op, KernelContext &context);                                              \
  };
/// Each op on rows says in `<Op>CudaRow::emit` how to compute one; WHOLE is whether it needs the whole row at once.
#define JEPA_CUDA_ROWS(NAME, WHOLE)                                                                                    \
  struct NAME##CudaRow : CudaRowOpInterface::ExternalModel<NAME##CudaRow, NAME##Op> {                                  \
    llvm::SmallVector<mlir::Value> emitRow(mlir::Operation *operation, DeviceRow &row) const {                         \
      return emit(mlir::cast<NAME##Op>(operation), row);                                                               \
    }                                                                                                                  \
    bool needsWholeRow(mlir::Operation *) const { return WHOLE; }                                                      \
    static llvm::SmallVector<mlir::Value> emit(NAME##Op op, DeviceRow &row);                                           \
  };
#include "compiler/target/cuda/Kernels.def"
#undef JEPA_CUDA_KERNELS
#undef JEPA_CUDA_ROWS

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CUDA_KERNELS_H
