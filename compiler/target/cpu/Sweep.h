//===- Sweep.h - walk over floats by vectors ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Kernels compute in f32: load and store of a span convert from and to bf16
// buffers. Rows have any width. A sweep visits a row in full vectors and, where the
// vector does not divide the width, one masked one at its end. The vector's
// width follows from the row's width alone, so a sum has the same order of
// additions on every processor and with any number of threads.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CPU_SWEEP_H
#define JEPA_COMPILER_TARGET_CPU_SWEEP_H

#include "compiler/target/KernelContext.h"

namespace jepa {

/// Some consecutive places of a row: all lanes of a vector, or those that `mask` shows.
struct Span {
  Emit &e;
  int64_t lanes;
  /// The first place.
  Number at;
  /// Null where all lanes count.
  Number mask;
  /// The indices before the last one, for load and store without a row.
  llvm::SmallVector<mlir::Value> row;

  /// f32, whatever the buffer holds.
  Number load(mlir::Value memref) const { return load(memref, row); }
  Number load(mlir::Value memref, llvm::ArrayRef<mlir::Value> inRow) const;
  void store(Number vector, mlir::Value memref) const { store(vector, memref, row); }
  void store(Number vector, mlir::Value memref, llvm::ArrayRef<mlir::Value> inRow) const;
  /// As load and store, of the buffer's own elements.
  Number loadRaw(mlir::Value memref, llvm::ArrayRef<mlir::Value> inRow) const;
  void storeRaw(Number vector, mlir::Value memref, llvm::ArrayRef<mlir::Value> inRow) const;
  /// The same places, moved by `by`.
  Span shifted(Number by) const;
  Number constant(double value) const;
  Number broadcast(Number scalar) const { return e.broadcast(scalar, lanes); }
  /// `vector` with zero in the lanes that do not count.
  Number keep(Number vector) const;
};

/// The vector width for rows of `width` floats.
int64_t lanesFor(int64_t width);

/// Visits the places [0, width).
void sweep(Emit &e, int64_t width, llvm::function_ref<void(Span &)> body);
/// Visits the places [begin, end) of `total`; begin is a multiple of lanesFor(total), and end one too or `total`.
void sweep(Emit &e, Number begin, Number end, int64_t total, llvm::function_ref<void(Span &)> body);
/// The sums over [0, width) of `count` terms.
llvm::SmallVector<Number> sumRow(Emit &e, int64_t width, unsigned count,
                                 llvm::function_ref<llvm::SmallVector<Number>(Span &)> terms);
/// Sum over [0, width) of one term.
Number sumRow(Emit &e, int64_t width, llvm::function_ref<Number(Span &)> term);
/// Copies `width` elements, converting where the buffers differ, between rows given by all indices but the last, from
/// `fromAt` on to `toAt` on.
void copyRow(Emit &e, int64_t width, mlir::Value to, llvm::ArrayRef<mlir::Value> toRow, Number toAt, mlir::Value from,
             llvm::ArrayRef<mlir::Value> fromRow, Number fromAt);
/// Zeros in to[row..., 0..width).
void zeroRow(Emit &e, int64_t width, mlir::Value to, llvm::ArrayRef<mlir::Value> row);

/// Whether the buffer is row-major without gaps.
bool isPlain(mlir::Value buffer);
/// `buffer`, or a plain copy of it where it is a view.
mlir::Value plain(KernelContext &context, mlir::Value buffer);
/// A buffer [slots, shape...] for threads of which each writes its own slot: the first dimension of `shape` is larger
/// than asked for by a page, as far as processors fetch ahead of where they are, so that none takes lines from another.
mlir::Value slotBuffer(KernelContext &context, int64_t slots, llvm::ArrayRef<int64_t> shape, mlir::Type element);
/// Rows to a chunk, such that it has about `elements` elements.
int64_t rowGrain(int64_t width, int64_t elements = 16384);

/// Buffers of equal shape for an elementwise kernel: flat vectors where all are plain, rows otherwise.
struct Elements {
  Elements(KernelContext &context, llvm::ArrayRef<mlir::Value> buffers);
  /// Visits the kernel's chunk; load and store of the span take the kernel's views of these buffers.
  void sweep(Kernel &k, llvm::function_ref<void(Span &)> body) const;
  /// The sum of a term over the kernel's chunk.
  Number sum(Kernel &k, llvm::function_ref<Number(Span &)> term) const;

  llvm::SmallVector<mlir::Value> views;
  int64_t count, grain;

private:
  int64_t width;
  bool flat;
};

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CPU_SWEEP_H
