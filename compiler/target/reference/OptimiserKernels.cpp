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
/// v = b2 v + (1 - b2) g^2, p -= lr (m / c1) / (sqrt(v / c2) + eps); the teacher t = momentum t + (1 - momentum) p
void AdamWReference::emit(AdamWOp op, KernelContext &context) {
  auto tensor = op.getGradient().getType();
  auto type = MemRefType::get(tensor.getShape(), tensor.getElementType());
  SmallVector<Value> writes = {context.rows(context.named("parameter", op.getName(), type)),
                               context.rows(context.named("moment", ("m:" + op.getName()).str(), type)),
                               context.rows(context.named("moment", ("v:" + op.getName()).str(), type))};
  bool hasTeacher = op.getTeacher().has_value();
  if (hasTeacher)
    writes.push_back(context.rows(context.named("parameter", *op.getTeacher(), type)));
  if (op.getCopy())
    writes.push_back(context.rows(context.copyOf(op.getName(), type.getShape())));
  if (op.getTeacherCopy())
    writes.push_back(context.rows(context.copyOf(*op.getTeacher(), type.getShape())));
  Value g = context.rows(context.in(op.getGradient()));
  int64_t rows = shapeOf(g)[0], width = shapeOf(g)[1];
  SmallVector<Value> reads = {g, context.in(op.getHyper()), context.in(op.getNorm())};
  context.launch("adamw", writes, reads, rows, grainFor(16 * width), [&](Kernel &k) {
    Emit &e = k.e;
    Value gradients = k.buffers[writes.size()], h = k.buffers[writes.size() + 1];
    Number rate = hyper(e, h, LearningRate), beta1 = hyper(e, h, Beta1), beta2 = hyper(e, h, Beta2);
    Number one = real(e, 1.0), clip = hyper(e, h, Clip), momentum = hyper(e, h, Momentum);
    Number clipped = e.min(one, clip / (e.sqrt(get(e, k.buffers.back(), {})) + 1e-6));
    Number scale = e.select(e.less(real(e, 0.0), clip), clipped, one);
    Number keep = op.getDecay() ? one - rate * hyper(e, h, WeightDecay) : one;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      e.loop(0, width, 1, [&](Number i) {
        Number gradient = get(e, gradients, {row, i}) * scale;
        Number first = get(e, k.buffers[1], {row, i}) * beta1 + gradient * (one - beta1);
        Number second = get(e, k.buffers[2], {row, i}) * beta2 + gradient * gradient * (one - beta2);
        Number size = e.sqrt(second / hyper(e, h, Correction2)) + hyper(e, h, Eps);
        Number step = rate * (first / hyper(e, h, Correction1)) / size;
        // Teacher and copies follow the parameter as it is stored.
        Type stored = getElementTypeOrSelf(k.buffers[0].getType());
        Number next = e.convert(e.convert(get(e, k.buffers[0], {row, i}) * keep - step, stored), one.getType());
        SmallVector<Number> results = {next, first, second};
        if (hasTeacher)
          results.push_back(get(e, k.buffers[3], {row, i}) * momentum + next * (one - momentum));
        Number teacher = e.convert(e.convert(results.back(), stored), one.getType());
        if (op.getCopy())
          results.push_back(next);
        if (op.getTeacherCopy())
          results.push_back(teacher);
        for (auto [result, buffer] : llvm::zip(results, k.buffers))
          put(e, result, buffer, {row, i});
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
