//===- SumKernels.cpp - cpu: sums over rows and over everything ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/Kernels.h"
#include "compiler/target/cpu/Partial.h"

using namespace mlir;
using namespace jepa;

namespace {

/// A tensor as [outer, summed, inner], row-major.
struct SumShape {
  int64_t outer = 1, summed = 1, inner = 1;
};

} // namespace

/// Nothing where the summed dimensions are not neighbours, or where the innermost is one of them.
static std::optional<SumShape> sumShape(ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  SumShape shape;
  enum { Inner, Summed, Outer } part = Inner;
  for (int64_t dim = from.size() - 1, missing = from.size() - to.size(); dim >= 0; --dim) {
    bool kept = dim >= missing && to[dim - missing] == from[dim];
    if (from[dim] == 1)
      continue;
    if (!kept && part == Outer)
      return std::nullopt;
    if (!kept)
      part = Summed;
    else if (part == Summed)
      part = Outer;
    (part == Inner ? shape.inner : part == Summed ? shape.summed : shape.outer) *= from[dim];
  }
  if (shape.inner == 1)
    return std::nullopt;
  return shape;
}

/// Sums groups of `summed` rows of x into the rows of y, every thread its columns.
static void sumByColumns(KernelContext &context, Value y, Value x, int64_t summed) {
  auto type = cast<MemRefType>(y.getType());
  int64_t width = type.getDimSize(1);
  context.launch("sum_columns", {y}, {x}, width, columnGrain, [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(0, type.getDimSize(0), 1, [&](Number group) {
      sweep(e, k.begin, k.end, width, [&](Span &span) {
        Number sum = e.sum(0, summed, span.constant(0).getType(),
                           [&](Number r) { return span.load(k.buffers[1], {group * summed + r}); });
        span.store(sum, k.buffers[0], {group});
      });
    });
  });
}

SmallVector<RowFunction> SumToCpuRows::emit(SumToOp, const RowKernel &row) { return {row.rows[0]}; }

LogicalResult SumToCpu::emit(SumToOp op, KernelContext &context) {
  auto from = op.getX().getType(), to = op.getType();
  std::optional<SumShape> shape = sumShape(from.getShape(), to.getShape());
  if (!shape)
    return emitReferenceKernels(op, context);
  Value x = context.matrix(plain(context, context.in(op.getX())), shape->inner);
  Value y = context.matrix(context.out(op.getResult()), shape->inner);
  RowChunks chunks(shape->summed);
  if (chunks.count == 1 || shape->inner >= 16 * columnGrain) {
    sumByColumns(context, y, x, shape->summed);
    return success();
  }

  Value partial = context.temporary({shape->outer * chunks.count, shape->inner}, Float32Type::get(op.getContext()));
  context.launch("sum_rows", {partial}, {x}, shape->outer * chunks.count, 1, [&](Kernel &k) {
    Emit &e = k.e;
    chunks.forEach(k, [&](Number chunk, Number begin, Number end) {
      Number first = chunk / chunks.count * shape->summed;
      sweep(e, shape->inner, [&](Span &span) { span.store(span.constant(0), k.buffers[0], {chunk}); });
      e.loop(first + begin, first + end, 1, [&](Number row) {
        sweep(e, shape->inner, [&](Span &span) {
          span.store(span.load(k.buffers[0], {chunk}) + span.load(k.buffers[1], {row}), k.buffers[0], {chunk});
        });
      });
    });
  });
  sumByColumns(context, y, partial, chunks.count);
  return success();
}

LogicalResult SquaredNormCpu::emit(SquaredNormOp op, KernelContext &context) {
  Value result = context.flat(context.out(op.getResult()));
  context.launch("squared_norm_zero", {result}, {}, 1, 1, [](Kernel &k) {
    k.e.store(k.e.constant(k.e.builder.getF32Type(), 0), k.buffers[0], {k.e.index(0)});
  });
  for (Value gradient : op.getGradients()) {
    Elements all(context, {context.in(gradient)});
    int64_t chunks = llvm::divideCeil(all.count, all.grain);
    Value partial = context.temporary({chunks}, Float32Type::get(op.getContext()));
    context.launch("squared_norm", {partial}, all.views, all.count, all.grain, [&](Kernel &k) {
      k.e.store(all.sum(k, [&](Span &span) {
        Number x = span.load(k.buffers[1]);
        return x * x;
      }), k.buffers[0], {k.begin / all.grain});
    });
    context.launch("squared_norm_add", {result}, {partial}, 1, 1, [&](Kernel &k) {
      Emit &e = k.e;
      Number sum = e.sum(0, chunks, e.builder.getF32Type(), [&](Number i) { return e.load(k.buffers[1], {i}); });
      e.store(e.load(k.buffers[0], {e.index(0)}) + sum, k.buffers[0], {e.index(0)});
    });
  }
  return success();
}
