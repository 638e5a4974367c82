//===- Partial.h - sums over rows, cut into chunks of fixed length ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A sum over many rows runs in two launches: each chunk of rows adds up its
// own partial sum, then the partial sums are added in order. The chunks follow
// from the number of rows alone, so threads never change the result.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CPU_PARTIAL_H
#define JEPA_COMPILER_TARGET_CPU_PARTIAL_H

#include "compiler/target/cpu/Sweep.h"

#include "llvm/Support/MathExtras.h"

namespace jepa {

/// Columns to a chunk where the threads share columns: a multiple of every vector width.
inline constexpr int64_t columnGrain = 256;

struct RowChunks {
  explicit RowChunks(int64_t rows)
      : rows(rows), length(std::max<int64_t>(32, llvm::divideCeil(rows, 128))),
        count(llvm::divideCeil(rows, length)) {}

  /// For each of the kernel's chunks, body(chunk, first row, end of its rows).
  void forEach(Kernel &k, llvm::function_ref<void(Number, Number, Number)> body) const {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number chunk) {
      Number begin = (chunk % count) * length;
      body(chunk, begin, e.min(begin + length, e.index(rows)));
    });
  }

  int64_t rows, length, count;
};

/// Sum over r in [0, rows) of the span's places in memref[row..., r].
inline Number sumRows(Span &span, mlir::Value memref, llvm::ArrayRef<mlir::Value> row, int64_t rows) {
  Emit &e = span.e;
  return e.sum(0, rows, span.constant(0).getType(), [&](Number r) {
    llvm::SmallVector<mlir::Value> indices(row);
    indices.push_back(r);
    return span.load(memref, indices);
  });
}

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CPU_PARTIAL_H
