//===- RowKernels.h - ops on rows, alone or fused ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// An op on rows says how it computes one row (CpuRowOpInterface). A group of
// them becomes one loop over rows: what only the next op reads is never
// written to memory.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CPU_ROWKERNELS_H
#define JEPA_COMPILER_TARGET_CPU_ROWKERNELS_H

#include "compiler/target/cpu/Sweep.h"

namespace jepa {

/// A tensor's row at some places: f32, rounded to what the tensor holds.
using RowFunction = std::function<Number(Span &)>;

/// The row that a kernel is at, as one op sees it.
struct RowKernel {
  Emit &e;
  Number row;
  int64_t width;
  /// By operand: a row operand's row, or nothing.
  llvm::SmallVector<RowFunction> rows;
  /// By operand: the buffer of an operand that is read whole, of rank 1 or as a matrix [rows, features].
  llvm::SmallVector<mlir::Value> whole;

  Number operand(unsigned index, Span &span) const { return rows[index](span); }
  /// The places of a whole operand of rank 1.
  Number weight(unsigned index, Span &span) const { return span.load(whole[index], {}); }
};

/// Whether the cpu target can compute the op row by row.
bool isRowOp(mlir::Operation *op);

/// Launches what computes `ops`, all of them row ops on rows of one width and number, in order. Of their results only
/// `results` are written to buffers (KernelContext::out); the others are read by `ops` alone.
void emitRowOps(KernelContext &context, llvm::ArrayRef<mlir::Operation *> ops, mlir::ValueRange results);
/// As emitRowOps, for what follows the product that `emitProduct` emits: inside it, while its result `product` is in
/// the cache. One that only `ops` read gets no memory of its own, where one of `results` can take its place in the end.
mlir::LogicalResult emitRowOpsInside(KernelContext &context, llvm::ArrayRef<mlir::Operation *> ops,
                                     mlir::ValueRange results, mlir::Value product,
                                     llvm::function_ref<mlir::LogicalResult()> emitProduct);

} // namespace jepa

#include "compiler/target/cpu/RowInterface.h.inc"

#endif // JEPA_COMPILER_TARGET_CPU_ROWKERNELS_H
