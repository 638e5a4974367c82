//===- NormKernels.cpp - cpu: layer norm and its adjoints ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/Kernels.h"

using namespace mlir;
using namespace jepa;

namespace {

/// A row's mean and the reciprocal of its deviation.
struct Statistics {
  Number mean, rstd;
  Number normalize(Span &span, Number x) const { return (x - span.broadcast(mean)) * span.broadcast(rstd); }
};

} // namespace

/// Two passes: the variance as the mean of squared distances keeps its digits where the mean is large.
static Statistics statistics(const RowKernel &row, const RowFunction &x, double eps) {
  Emit &e = row.e;
  Number mean = sumRow(e, row.width, [&](Span &span) { return x(span); }) * (1.0 / row.width);
  Number square = sumRow(e, row.width, [&](Span &span) {
    Number distance = x(span) - span.broadcast(mean);
    return distance * distance;
  });
  return {mean, e.constant(mean.getType(), 1) / e.sqrt(square * (1.0 / row.width) + eps)};
}

#define JEPA_NORM(NAME)                                                                                                \
  LogicalResult NAME##Cpu::emit(NAME##Op op, KernelContext &context) {                                                 \
    emitRowOps(context, {op}, op->getResults());                                                                       \
    return success();                                                                                                  \
  }
JEPA_NORM(LayerNorm)
JEPA_NORM(LayerNormGrad)
JEPA_NORM(LayerNormWeightGrad)
#undef JEPA_NORM

SmallVector<RowFunction> LayerNormCpuRows::emit(LayerNormOp op, const RowKernel &row) {
  RowFunction x = row.rows[0];
  Statistics stats = statistics(row, x, op.getEps().convertToDouble());
  if (!op.getWeight())
    return {[stats, x](Span &span) { return stats.normalize(span, x(span)); }};
  return {[stats, x, weight = row.whole[1], bias = row.whole[2]](Span &span) {
    return span.e.fma(stats.normalize(span, x(span)), span.load(weight, {}), span.load(bias, {}));
  }};
}

// With g = weight * dy and n the normalised x: dx = rstd * (g - mean(g) - n * mean(g * n)).
SmallVector<RowFunction> LayerNormGradCpuRows::emit(LayerNormGradOp op, const RowKernel &row) {
  RowFunction dy = row.rows[0], x = row.rows[1];
  Value weight = op.getWeight() ? row.whole[2] : Value();
  Statistics stats = statistics(row, x, op.getEps().convertToDouble());
  auto gradient = [dy, weight](Span &span) { return weight ? dy(span) * span.load(weight, {}) : dy(span); };
  SmallVector<Number> sums = sumRow(row.e, row.width, 2, [&](Span &span) {
    Number g = gradient(span);
    return SmallVector<Number>{g, g * stats.normalize(span, x(span))};
  });
  Number mean = sums[0] * (1.0 / row.width), slope = sums[1] * (1.0 / row.width);
  return {[stats, gradient, x, mean, slope](Span &span) {
    Number dx = gradient(span) - span.broadcast(mean) - stats.normalize(span, x(span)) * span.broadcast(slope);
    return dx * span.broadcast(stats.rstd);
  }};
}

SmallVector<RowFunction> LayerNormWeightGradCpuRows::emit(LayerNormWeightGradOp op, const RowKernel &row) {
  RowFunction dy = row.rows[0], x = row.rows[1];
  Statistics stats = statistics(row, x, op.getEps().convertToDouble());
  return {[stats, dy, x](Span &span) { return dy(span) * stats.normalize(span, x(span)); }, dy};
}
