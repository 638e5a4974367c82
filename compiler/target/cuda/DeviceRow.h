//===- DeviceRow.h - ops on rows, alone or fused ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// An op on rows says how it computes one row (CudaRowOpInterface). A group of
// them becomes one kernel, whose text has a line for each op: what only the next
// op reads stays in a warp's registers.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CUDA_DEVICEROW_H
#define JEPA_COMPILER_TARGET_CUDA_DEVICEROW_H

#include "compiler/target/cuda/DeviceKernel.h"

namespace jepa {

/// The row that a kernel is at, as one op sees it.
struct DeviceRow {
  DeviceKernel &k;
  /// By operand: its row, or the whole of a vector.
  llvm::SmallVector<mlir::Value> operands;
  /// What the results are called.
  std::string name;
  /// A row less its mean, divided by its deviation: once for all ops that need it of one row.
  std::function<mlir::Value(mlir::Value x, double eps)> normalize;

  /// `auto name = callee(arguments);`
  mlir::Value call(const llvm::Twine &callee, mlir::ValueRange arguments) { return k.call(callee, arguments, name); }
};

/// In the text of a load of rows of `width`, what follows the width: `, 4` where the buffer's rows begin at multiples of
/// fewer elements than the library's vectors have. And `storeRow`, or `storeRow<4>` there.
std::string narrowAlignment(mlir::Value buffer, int64_t width);
std::string storeRowText(mlir::Value buffer, int64_t width);

/// Whether the cuda target can compute the op row by row.
bool isDeviceRowOp(mlir::Operation *op);

/// Launches what computes `ops`, all of them row ops on rows of one width and number, in order. Of their results only
/// `results` are written to buffers (KernelContext::out); the others are read by `ops` alone.
void emitDeviceRows(KernelContext &context, llvm::ArrayRef<mlir::Operation *> ops, mlir::ValueRange results);

} // namespace jepa

#include "compiler/target/cuda/RowInterface.h.inc"

#endif // JEPA_COMPILER_TARGET_CUDA_DEVICEROW_H
