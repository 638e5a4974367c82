//===- OptimiserKernels.cpp - reference: AdamW and the teacher's moving average ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/reference/Kernels.h"

using namespace mlir;
using namespace jepa;
using namespace jepa::reference;

namespace {
/// Places in the vector of hyper-parameters.
enum Hyper : int64_t { LearningRate, WeightDecay, Momentum, Correction1, Correction2, Clip, Beta1, Beta2, Eps };
} // namespace

static Number hyper(Emit &e, Value buffer, Hyper which) { return get(e, buffer, {e.index(which)}); }

/// g is scaled by min(1, clip / (norm + 1e-6)) where clip is positive; then p *= 1 - lr wd, m = b1 m + (1 - b1) g,
/// v = b2 v + (1 - b2) g^2, p -= lr (m / c1) / (sqrt(v / c2) + eps)
void AdamWReference::emit(AdamWOp op, KernelContext &context) {
  auto tensor = op.getGradient().getType();
  auto type = MemRefType::get(tensor.getShape(), tensor.getElementType());
  Value p = context.rows(context.named("parameter", op.getName(), type));
  Value m = context.rows(context.named("moment", ("m:" + op.getName()).str(), type));
  Value v = context.rows(context.named("moment", ("v:" + op.getName()).str(), type));
  Value g = context.rows(context.in(op.getGradient()));
  int64_t rows = shapeOf(p)[0], width = shapeOf(p)[1];
  SmallVector<Value> reads = {g, context.in(op.getHyper()), context.in(op.getNorm())};
  context.launch("adamw", {p, m, v}, reads, rows, grainFor(16 * width), [&](Kernel &k) {
    Emit &e = k.e;
    Value h = k.buffers[4];
    Number rate = hyper(e, h, LearningRate), beta1 = hyper(e, h, Beta1), beta2 = hyper(e, h, Beta2);
    Number one = real(e, 1.0), clip = hyper(e, h, Clip);
    Number clipped = e.min(one, clip / (e.sqrt(get(e, k.buffers[5], {})) + 1e-6));
    Number scale = e.select(e.less(real(e, 0.0), clip), clipped, one);
    Number keep = op.getDecay() ? one - rate * hyper(e, h, WeightDecay) : one;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      e.loop(0, width, 1, [&](Number i) {
        Number gradient = get(e, k.buffers[3], {row, i}) * scale;
        Number first = get(e, k.buffers[1], {row, i}) * beta1 + gradient * (one - beta1);
        Number second = get(e, k.buffers[2], {row, i}) * beta2 + gradient * gradient * (one - beta2);
        Number size = e.sqrt(second / hyper(e, h, Correction2)) + hyper(e, h, Eps);
        Number step = rate * (first / hyper(e, h, Correction1)) / size;
        put(e, get(e, k.buffers[0], {row, i}) * keep - step, k.buffers[0], {row, i});
        put(e, first, k.buffers[1], {row, i});
        put(e, second, k.buffers[2], {row, i});
      });
    });
  });
}

void EmaReference::emit(EmaOp op, KernelContext &context) {
  auto type = MemRefType::get(op.getShape(), op.getHyper().getType().getElementType());
  Value teacher = context.rows(context.named("parameter", op.getTeacher(), type));
  Value student = context.rows(context.named("parameter", op.getStudent(), type));
  int64_t rows = shapeOf(teacher)[0], width = shapeOf(teacher)[1];
  context.launch("ema", {teacher}, {student, context.in(op.getHyper())}, rows, grainFor(4 * width), [&](Kernel &k) {
    Emit &e = k.e;
    Number momentum = hyper(e, k.buffers[2], Momentum);
    Number rest = real(e, 1.0) - momentum;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      e.loop(0, width, 1, [&](Number i) {
        put(e, get(e, k.buffers[0], {row, i}) * momentum + get(e, k.buffers[1], {row, i}) * rest, k.buffers[0],
            {row, i});
      });
    });
  });
}
