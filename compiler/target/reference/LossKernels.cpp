//===- LossKernels.cpp - reference: the power loss ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/Packed.h"
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

/// What a token's elements are divided by: the elements of its clip, times the clips, where samples are packed those of
/// its sample, times the samples. Zero where the token does not count. `limit` is the length or the bounds, if there
/// are any.
static Number weightOf(Emit &e, ArrayRef<int64_t> shape, Number token, Value limit, bool isPacked) {
  auto inverse = [&](Number tokens, int64_t clips) {
    return real(e, 1.0) / e.convert(tokens * (clips * shape[2]), e.builder.getF64Type());
  };
  if (!limit)
    return inverse(e.index(shape[1]), shape[0]);
  if (!isPacked) {
    Number tokens = getLength(e, limit);
    return e.select(e.less(token, tokens), inverse(tokens, shape[0]), real(e, 0.0));
  }
  Sample sample = sampleOf(e, limit, token);
  return e.select(e.less(sample.begin, sample.end), inverse(sample.end - sample.begin, countSamples(limit)),
                  real(e, 0.0));
}

/// A row that does not count may hold anything, so it is not multiplied by zero but left out.
void PowerLossReference::emit(PowerLossOp op, KernelContext &context) {
  Value predicted = context.in(op.getPredicted()), limit = op.getLength() ? op.getLength() : op.getBounds();
  SmallVector<Value> reads = {predicted, context.in(op.getTarget())};
  if (limit)
    reads.push_back(context.in(limit));
  ArrayRef<int64_t> shape = shapeOf(predicted);
  int64_t capacity = shape[1], width = shape[2];
  double exponent = op.getExponent().convertToDouble();
  Value partial = context.temporary({shape[0] * capacity}, Float64Type::get(op.getContext()));
  context.launch("power_loss_rows", {partial}, reads, shape[0] * capacity, grainFor(3 * width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number clip = row / capacity, token = row % capacity;
      Number weight = weightOf(e, shape, token, limit ? k.buffers[3] : Value(), op.getBounds() != nullptr);
      put(e, real(e, 0.0), k.buffers[0], {row});
      e.when(e.less(real(e, 0.0), weight), [&] {
        Number sum = sumOf(e, width, [&](Number i) {
          Number difference = get(e, k.buffers[1], {clip, token, i}) - get(e, k.buffers[2], {clip, token, i});
          return power(e, difference, exponent);
        });
        put(e, sum * weight, k.buffers[0], {row});
      });
    });
  });
  finishSum(context, "power_loss", context.out(op.getResult()), {partial}, {},
            [&](Kernel &, Number sum) { return sum / exponent; });
}

void PowerLossGradReference::emit(PowerLossGradOp op, KernelContext &context) {
  Value result = context.out(op.getResult()), limit = op.getLength() ? op.getLength() : op.getBounds();
  SmallVector<Value> reads = {context.in(op.getDloss()), context.in(op.getPredicted()), context.in(op.getTarget())};
  if (limit)
    reads.push_back(context.in(limit));
  ArrayRef<int64_t> shape = shapeOf(result);
  int64_t capacity = shape[1], width = shape[2];
  double exponent = op.getExponent().convertToDouble();
  context.launch("power_loss_grad", {result}, reads, shape[0] * capacity, grainFor(4 * width), [&](Kernel &k) {
    Emit &e = k.e;
    Number dloss = get(e, k.buffers[1], {}), zero = real(e, 0.0);
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number clip = row / capacity, token = row % capacity;
      Number weight = weightOf(e, shape, token, limit ? k.buffers[4] : Value(), op.getBounds() != nullptr);
      Number counts = e.less(zero, weight), scale = dloss * weight;
      e.loop(0, width, 1, [&](Number i) {
        Number difference = get(e, k.buffers[2], {clip, token, i}) - get(e, k.buffers[3], {clip, token, i});
        put(e, e.select(counts, powerSlope(e, difference, exponent) * scale, zero), k.buffers[0], {clip, token, i});
      });
    });
  });
}
