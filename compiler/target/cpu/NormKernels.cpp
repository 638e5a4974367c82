//===- NormKernels.cpp - cpu: layer norm and its adjoints ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/Kernels.h"
#include "compiler/target/cpu/Partial.h"
#include "compiler/target/cpu/Sweep.h"

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
static Statistics statistics(Emit &e, Value x, Number row, int64_t width, double eps) {
  Number mean = sumRow(e, width, [&](Span &span) { return span.load(x, {row}); }) * (1.0 / width);
  Number square = sumRow(e, width, [&](Span &span) {
    Number distance = span.load(x, {row}) - span.broadcast(mean);
    return distance * distance;
  });
  return {mean, e.constant(mean.getType(), 1) / e.sqrt(square * (1.0 / width) + eps)};
}

LogicalResult LayerNormCpu::emit(LayerNormOp op, KernelContext &context) {
  int64_t width = op.getType().getShape().back(), rows = countRows(op.getType());
  double eps = op.getEps().convertToDouble();
  bool affine = op.getWeight() != nullptr;
  SmallVector<Value> reads{context.rows(context.in(op.getX()))};
  if (affine)
    llvm::append_values(reads, context.in(op.getWeight()), context.in(op.getBias()));
  context.launch("layer_norm", {context.rows(context.out(op.getResult()))}, reads, rows, rowGrain(width),
                 [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Statistics stats = statistics(e, k.buffers[1], row, width, eps);
      sweep(e, width, [&](Span &span) {
        Number y = stats.normalize(span, span.load(k.buffers[1], {row}));
        if (affine)
          y = e.fma(y, span.load(k.buffers[2], {}), span.load(k.buffers[3], {}));
        span.store(y, k.buffers[0], {row});
      });
    });
  });
  return success();
}

// With g = weight * dy and n the normalised x: dx = rstd * (g - mean(g) - n * mean(g * n)).
LogicalResult LayerNormGradCpu::emit(LayerNormGradOp op, KernelContext &context) {
  int64_t width = op.getType().getShape().back(), rows = countRows(op.getType());
  double eps = op.getEps().convertToDouble();
  bool affine = op.getWeight() != nullptr;
  SmallVector<Value> reads{context.rows(context.in(op.getDy())), context.rows(context.in(op.getX()))};
  if (affine)
    reads.push_back(context.in(op.getWeight()));
  context.launch("layer_norm_grad", {context.rows(context.out(op.getResult()))}, reads, rows, rowGrain(width),
                 [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Statistics stats = statistics(e, k.buffers[2], row, width, eps);
      auto gradient = [&](Span &span) {
        Number dy = span.load(k.buffers[1], {row});
        return affine ? dy * span.load(k.buffers[3], {}) : dy;
      };
      auto normalized = [&](Span &span) { return stats.normalize(span, span.load(k.buffers[2], {row})); };
      SmallVector<Number> sums = sumRow(e, width, 2, [&](Span &span) {
        Number g = gradient(span);
        return SmallVector<Number>{g, g * normalized(span)};
      });
      Number mean = sums[0] * (1.0 / width), slope = sums[1] * (1.0 / width);
      sweep(e, width, [&](Span &span) {
        Number dx = gradient(span) - span.broadcast(mean) - normalized(span) * span.broadcast(slope);
        span.store(dx * span.broadcast(stats.rstd), k.buffers[0], {row});
      });
    });
  });
  return success();
}

LogicalResult LayerNormWeightGradCpu::emit(LayerNormWeightGradOp op, KernelContext &context) {
  auto type = cast<RankedTensorType>(op.getX().getType());
  int64_t width = type.getShape().back(), rows = countRows(type);
  double eps = op.getEps().convertToDouble();
  Value dy = context.rows(context.in(op.getDy())), x = context.rows(context.in(op.getX()));
  RowChunks chunks(rows);
  Value partial = context.temporary({2, chunks.count, width}, Float32Type::get(op.getContext()));
  context.launch("layer_norm_weight_grad", {partial}, {dy, x}, chunks.count, 1, [&](Kernel &k) {
    Emit &e = k.e;
    Value sums = k.buffers[0];
    chunks.forEach(k, [&](Number chunk, Number begin, Number end) {
      Number dweight = e.index(0), dbias = e.index(1);
      sweep(e, width, [&](Span &span) {
        span.store(span.constant(0), sums, {dweight, chunk});
        span.store(span.constant(0), sums, {dbias, chunk});
      });
      e.loop(begin, end, 1, [&](Number row) {
        Statistics stats = statistics(e, k.buffers[2], row, width, eps);
        sweep(e, width, [&](Span &span) {
          Number dy = span.load(k.buffers[1], {row});
          Number normalized = stats.normalize(span, span.load(k.buffers[2], {row}));
          span.store(e.fma(dy, normalized, span.load(sums, {dweight, chunk})), sums, {dweight, chunk});
          span.store(span.load(sums, {dbias, chunk}) + dy, sums, {dbias, chunk});
        });
      });
    });
  });
  Value dweight = context.out(op.getDweight()), dbias = context.out(op.getDbias());
  context.launch("layer_norm_weight_sums", {dweight, dbias}, {partial}, width, columnGrain, [&](Kernel &k) {
    sweep(k.e, k.begin, k.end, width, [&](Span &span) {
      for (int64_t which : {0, 1})
        span.store(sumRows(span, k.buffers[2], {k.e.index(which)}, chunks.count), k.buffers[which], {});
    });
  });
  return success();
}
