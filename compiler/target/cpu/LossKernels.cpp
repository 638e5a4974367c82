//===- LossKernels.cpp - cpu: the power loss and its adjoint ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/Kernels.h"
#include "compiler/target/cpu/Sweep.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace jepa;

/// Only the published losses, |d| and d squared, are worth vectors.
static bool isVectorised(double exponent) { return exponent == 1.0 || exponent == 2.0; }

/// Tokens of a clip that count, as an index.
static Number tokensThatCount(Emit &e, Value length, int64_t tokens) {
  if (!length)
    return e.index(tokens);
  SmallVector<Value> zeros(cast<MemRefType>(length.getType()).getRank(), e.index(0));
  return e.convert(e.load(length, zeros), e.builder.getIndexType());
}

/// The number of elements that count, as f32.
static Number elementsThatCount(Emit &e, Value length, RankedTensorType type) {
  int64_t tokens = type.getDimSize(type.getRank() - 2);
  Number count = tokensThatCount(e, length, tokens) * static_cast<double>(type.getNumElements() / tokens);
  return e.convert(count, e.builder.getF32Type());
}

LogicalResult PowerLossCpu::emit(PowerLossOp op, KernelContext &context) {
  auto type = cast<RankedTensorType>(op.getPredicted().getType());
  double exponent = op.getExponent().convertToDouble();
  if (!isVectorised(exponent) || type.getRank() < 2 || op.getBounds())
    return emitReferenceKernels(op, context);
  int64_t width = type.getShape().back(), tokens = type.getDimSize(type.getRank() - 2), rows = countRows(type);
  int64_t grain = rowGrain(width), chunks = llvm::divideCeil(rows, grain);
  SmallVector<Value> reads{context.rows(context.in(op.getPredicted())), context.rows(context.in(op.getTarget()))};
  SmallVector<Value> length;
  if (op.getLength())
    length.push_back(context.in(op.getLength()));
  llvm::append_range(reads, length);
  Value partial = context.temporary({chunks}, Float32Type::get(op.getContext()));
  context.launch("power_loss", {partial}, reads, rows, grain, [&](Kernel &k) {
    Emit &e = k.e;
    Number counted = tokensThatCount(e, length.empty() ? Value() : k.buffers[3], tokens);
    Number sum = e.sum(k.begin, k.end, e.builder.getF32Type(), [&](Number row) {
      Number distances = sumRow(e, width, [&](Span &span) {
        Number d = span.load(k.buffers[1], {row}) - span.load(k.buffers[2], {row});
        return exponent == 1.0 ? e.abs(d) : d * d;
      });
      if (length.empty())
        return distances;
      return e.select(e.less(row % tokens, counted), distances, e.constant(distances.getType(), 0));
    });
    e.store(sum, k.buffers[0], {k.begin / grain});
  });
  SmallVector<Value> finalReads{partial};
  llvm::append_range(finalReads, length);
  context.launch("power_loss_mean", {context.out(op.getResult())}, finalReads, 1, 1, [&](Kernel &k) {
    Emit &e = k.e;
    Number sum = e.sum(0, chunks, e.builder.getF32Type(), [&](Number i) { return e.load(k.buffers[1], {i}); });
    Number count = elementsThatCount(e, length.empty() ? Value() : k.buffers[2], type);
    e.store(sum / (count * exponent), k.buffers[0], {});
  });
  return success();
}

LogicalResult PowerLossGradCpu::emit(PowerLossGradOp op, KernelContext &context) {
  auto type = cast<RankedTensorType>(op.getPredicted().getType());
  double exponent = op.getExponent().convertToDouble();
  if (!isVectorised(exponent) || type.getRank() < 2 || op.getBounds())
    return emitReferenceKernels(op, context);
  int64_t width = type.getShape().back(), tokens = type.getDimSize(type.getRank() - 2);
  SmallVector<Value> reads{context.rows(context.in(op.getPredicted())), context.rows(context.in(op.getTarget())),
                           context.in(op.getDloss())};
  bool ragged = op.getLength() != nullptr;
  if (ragged)
    reads.push_back(context.in(op.getLength()));
  context.launch("power_loss_grad", {context.rows(context.out(op.getResult()))}, reads, countRows(type),
                 rowGrain(width), [&](Kernel &k) {
    Emit &e = k.e;
    Value length = ragged ? k.buffers[4] : Value();
    Number counted = tokensThatCount(e, length, tokens);
    Number slope = e.load(k.buffers[3], {}) / elementsThatCount(e, length, type);
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number factor = ragged ? e.select(e.less(row % tokens, counted), slope, e.constant(slope.getType(), 0)) : slope;
      sweep(e, width, [&](Span &span) {
        Number zero = span.constant(0), up = span.broadcast(factor);
        Number d = span.load(k.buffers[1], {row}) - span.load(k.buffers[2], {row});
        Number gradient = d * up;
        if (exponent == 1.0)
          gradient = e.select(e.less(zero, d), up, e.select(e.less(d, zero), zero - up, zero));
        span.store(gradient, k.buffers[0], {row});
      });
    });
  });
  return success();
}
