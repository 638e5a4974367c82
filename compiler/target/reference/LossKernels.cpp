//===- LossKernels.cpp - reference: the power loss ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/reference/Kernels.h"

using namespace mlir;
using namespace jepa;
using namespace jepa::reference;

/// |difference|^exponent
static Number power(Emit &e, Number difference, double exponent) {
  if (exponent == 1.0)
    return e.abs(difference);
  if (exponent == 2.0)
    return difference * difference;
  return e.pow(e.abs(difference), real(e, exponent));
}

/// The derivative of |difference|^exponent / exponent; zero at zero.
static Number powerSlope(Emit &e, Number difference, double exponent) {
  if (exponent == 2.0)
    return difference;
  Number zero = real(e, 0.0);
  Number size = exponent == 1.0 ? real(e, 1.0) : e.pow(e.abs(difference), real(e, exponent - 1.0));
  return e.select(e.less(zero, difference), size, e.select(e.less(difference, zero), zero - size, zero));
}

/// How many elements the mean is over.
static Number countElements(Emit &e, ArrayRef<int64_t> shape, Number tokens) {
  return e.convert(tokens * (shape[0] * shape[2]), e.builder.getF64Type());
}

void PowerLossReference::emit(PowerLossOp op, KernelContext &context) {
  Value predicted = context.in(op.getPredicted());
  SmallVector<Value> reads = {predicted, context.in(op.getTarget())}, others = {predicted};
  if (op.getLength()) {
    reads.push_back(context.in(op.getLength()));
    others.push_back(reads.back());
  }
  ArrayRef<int64_t> shape = shapeOf(predicted);
  int64_t capacity = shape[1], width = shape[2];
  double exponent = op.getExponent().convertToDouble();
  Value partial = context.temporary({shape[0] * capacity}, Float64Type::get(op.getContext()));
  context.launch("power_loss_rows", {partial}, reads, shape[0] * capacity, grainFor(3 * width), [&](Kernel &k) {
    Emit &e = k.e;
    Number tokens = op.getLength() ? getLength(e, k.buffers[3]) : e.index(capacity);
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number clip = row / capacity, token = row % capacity;
      put(e, real(e, 0.0), k.buffers[0], {row});
      e.when(e.less(token, tokens), [&] {
        Number sum = sumOf(e, width, [&](Number i) {
          Number difference = get(e, k.buffers[1], {clip, token, i}) - get(e, k.buffers[2], {clip, token, i});
          return power(e, difference, exponent);
        });
        put(e, sum, k.buffers[0], {row});
      });
    });
  });
  finishSum(context, "power_loss", context.out(op.getResult()), {partial}, others, [&](Kernel &k, Number sum) {
    Number tokens = op.getLength() ? getLength(k.e, k.buffers.back()) : k.e.index(capacity);
    return sum / (countElements(k.e, shape, tokens) * exponent);
  });
}

void PowerLossGradReference::emit(PowerLossGradOp op, KernelContext &context) {
  Value result = context.out(op.getResult());
  SmallVector<Value> reads = {context.in(op.getDloss()), context.in(op.getPredicted()), context.in(op.getTarget())};
  if (op.getLength())
    reads.push_back(context.in(op.getLength()));
  ArrayRef<int64_t> shape = shapeOf(result);
  int64_t capacity = shape[1], width = shape[2];
  double exponent = op.getExponent().convertToDouble();
  context.launch("power_loss_grad", {result}, reads, shape[0] * capacity, grainFor(4 * width), [&](Kernel &k) {
    Emit &e = k.e;
    Number tokens = k.buffers.size() > 4 ? getLength(e, k.buffers[4]) : e.index(capacity);
    Number scale = get(e, k.buffers[1], {}) / countElements(e, shape, tokens);
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number clip = row / capacity, token = row % capacity;
      Number counts = e.less(token, tokens);
      e.loop(0, width, 1, [&](Number i) {
        Number difference = get(e, k.buffers[2], {clip, token, i}) - get(e, k.buffers[3], {clip, token, i});
        put(e, e.select(counts, powerSlope(e, difference, exponent) * scale, real(e, 0.0)), k.buffers[0],
            {clip, token, i});
      });
    });
  });
}
