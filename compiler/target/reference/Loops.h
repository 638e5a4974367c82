//===- Loops.h - what reference kernels have in common ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_REFERENCE_LOOPS_H
#define JEPA_COMPILER_TARGET_REFERENCE_LOOPS_H

#include "compiler/target/KernelContext.h"

namespace jepa::reference {

inline llvm::ArrayRef<int64_t> shapeOf(mlir::Value buffer) {
  return mlir::cast<mlir::MemRefType>(buffer.getType()).getShape();
}

/// Items per chunk when one takes `work` operations: a chunk is some ten thousand of them, on any number of threads.
int64_t grainFor(int64_t work);

/// An element as f64, whatever the buffer holds: all arithmetic is done in f64 and rounded once, by `put`.
Number get(Emit &e, mlir::Value buffer, llvm::ArrayRef<mlir::Value> indices);
void put(Emit &e, Number value, mlir::Value buffer, llvm::ArrayRef<mlir::Value> indices);
/// An entry of an index list, or a run-time length, as index.
Number getIndex(Emit &e, mlir::Value buffer, llvm::ArrayRef<mlir::Value> indices);
Number getLength(Emit &e, mlir::Value buffer);
/// An f64 constant.
Number real(Emit &e, double value);
/// The sum over [0, end) of term(i), in order, in f64.
Number sumOf(Emit &e, Number end, llvm::function_ref<Number(Number)> term);
Number sumOf(Emit &e, int64_t end, llvm::function_ref<Number(Number)> term);
/// Whether begin <= x < end.
Number within(Emit &e, Number x, int64_t begin, int64_t end);

/// result[i] = body(operands[0][i], ...) for every element; all have the result's shape.
void elementwise(KernelContext &context, llvm::StringRef name, mlir::Value result,
                 llvm::ArrayRef<mlir::Value> operands,
                 llvm::function_ref<Number(Emit &, llvm::ArrayRef<Number>)> body);

/// A temporary [rows] of f64 that holds, for each row of x (as `rows` sees it), the sum of term(element).
mlir::Value sumRows(KernelContext &context, llvm::StringRef name, mlir::Value x,
                    llvm::function_ref<Number(Emit &, Number)> term);
/// The scalar `result` = finish(kernel, sum of all partial sums, in order); the kernel's last buffers are `others`. What
/// finish depends on must be among them, if only by its shape: partial sums of other shapes' rows look the same.
void finishSum(KernelContext &context, llvm::StringRef name, mlir::Value result, llvm::ArrayRef<mlir::Value> partials,
               llvm::ArrayRef<mlir::Value> others, llvm::function_ref<Number(Kernel &, Number)> finish);

} // namespace jepa::reference

#endif // JEPA_COMPILER_TARGET_REFERENCE_LOOPS_H
