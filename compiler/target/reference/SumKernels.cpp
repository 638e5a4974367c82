//===- SumKernels.cpp - reference: sums over dimensions and over everything ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/reference/Kernels.h"

using namespace mlir;
using namespace jepa;
using namespace jepa::reference;

/// The sum of x over the dimensions from `dim` on that `reduced` names; the others are given in `indices`.
static Number sumDims(Emit &e, Value x, ArrayRef<bool> reduced, size_t dim, MutableArrayRef<Value> indices) {
  if (dim == reduced.size())
    return get(e, x, indices);
  if (!reduced[dim])
    return sumDims(e, x, reduced, dim + 1, indices);
  return sumOf(e, shapeOf(x)[dim], [&](Number i) {
    indices[dim] = i;
    return sumDims(e, x, reduced, dim + 1, indices);
  });
}

void SumToReference::emit(SumToOp op, KernelContext &context) {
  Value x = context.in(op.getX()), y = context.out(op.getResult());
  ArrayRef<int64_t> shape = shapeOf(x), kept = shapeOf(y);
  int64_t missing = shape.size() - kept.size();
  SmallVector<bool> reduced;
  for (int64_t dim = 0, rank = shape.size(); dim < rank; ++dim)
    reduced.push_back(dim < missing || kept[dim - missing] != shape[dim]);
  int64_t count = op.getType().getNumElements();
  int64_t terms = op.getX().getType().getNumElements() / count;
  context.launch("sum_to", {y}, {x}, count, grainFor(2 * terms), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number item) {
      SmallVector<Value> from(shape.size()), to(kept.size(), e.index(0));
      Number rest = item;
      for (int64_t dim = shape.size() - 1; dim >= 0; --dim)
        if (!reduced[dim]) {
          from[dim] = to[dim - missing] = rest % shape[dim];
          rest = rest / shape[dim];
        }
      put(e, sumDims(e, k.buffers[1], reduced, 0, from), k.buffers[0], to);
    });
  });
}

void MeanReference::emit(MeanOp op, KernelContext &context) {
  int64_t count = op.getX().getType().getNumElements();
  Value x = context.in(op.getX());
  Value partial = sumRows(context, "mean_rows", x, [](Emit &, Number element) { return element; });
  finishSum(context, "mean", context.out(op.getResult()), {partial}, {x},
            [&](Kernel &, Number sum) { return sum / count; });
}

void SquaredNormReference::emit(SquaredNormOp op, KernelContext &context) {
  SmallVector<Value> partials;
  for (Value gradient : op.getGradients())
    partials.push_back(
        sumRows(context, "squared_norm_rows", context.in(gradient), [](Emit &, Number x) { return x * x; }));
  finishSum(context, "squared_norm", context.out(op.getResult()), partials, {},
            [](Kernel &, Number sum) { return sum; });
}
