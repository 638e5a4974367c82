//===- BufferLifetimes.h - when each temporary buffer is in use ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_ANALYSIS_BUFFERLIFETIMES_H
#define JEPA_COMPILER_ANALYSIS_BUFFERLIFETIMES_H

#include "compiler/dialect/Dialect.h"

namespace jepa {

/// One buffer's time in use: the positions, in the function's only block, of the first and the last op that touches it or
/// a view of it. Buffers with a name live from before the first op to after the last.
struct BufferLifetime {
  BufferOp buffer;
  int64_t first, last;
  int64_t bytes;

  bool overlapsInTime(const BufferLifetime &other) const { return first <= other.last && other.first <= last; }
};

/// The lifetimes of a function's buffers, in the order in which the buffers are written down. A temporary that nothing
/// touches is left out.
llvm::SmallVector<BufferLifetime> computeBufferLifetimes(mlir::func::FuncOp function);

/// The buffer or argument that a view (or a view of a view) looks at.
mlir::Value getViewRoot(mlir::Value value);

/// Bytes of a memref of static shape and plain layout.
int64_t byteSize(mlir::MemRefType type);

} // namespace jepa

#endif // JEPA_COMPILER_ANALYSIS_BUFFERLIFETIMES_H
