//===- OptimizerKernels.cpp - cpu: AdamW and the teacher's average ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/Kernels.h"
#include "compiler/target/cpu/Sweep.h"

using namespace mlir;
using namespace jepa;

/// Places in the vector of hyper-parameters.
enum Hyper { LearningRate, WeightDecay, Momentum, Correction1, Correction2, Clip, Beta1, Beta2, Epsilon };

static Number hyper(Emit &e, Value values, Hyper which) { return e.load(values, {e.index(which)}); }

LogicalResult AdamWCpu::emit(AdamWOp op, KernelContext &context) {
  auto tensor = cast<RankedTensorType>(op.getGradient().getType());
  auto type = MemRefType::get(tensor.getShape(), tensor.getElementType());
  Value parameter = context.named("parameter", op.getName(), type);
  Value m = context.named("moment", ("m:" + op.getName()).str(), type);
  Value v = context.named("moment", ("v:" + op.getName()).str(), type);
  Elements all(context, {parameter, m, v, plain(context, context.in(op.getGradient()))});
  bool decay = op.getDecay();
  context.launch("adamw", ArrayRef<Value>(all.views).take_front(3),
                 {all.views[3], context.in(op.getHyper()), context.in(op.getNorm())}, all.count, all.grain,
                 [&](Kernel &k) {
    Emit &e = k.e;
    Value values = k.buffers[4];
    Number one = e.constant(e.builder.getF32Type(), 1), zero = e.constant(one.getType(), 0);
    Number clip = hyper(e, values, Clip), beta1 = hyper(e, values, Beta1), beta2 = hyper(e, values, Beta2);
    Number fit = e.min(one, clip / (e.sqrt(e.load(k.buffers[5], {})) + 1e-6));
    Number shrink = e.select(e.less(zero, clip), fit, one);
    Number rate = hyper(e, values, LearningRate), epsilon = hyper(e, values, Epsilon);
    Number keep = one - rate * hyper(e, values, WeightDecay);
    Number step = rate / hyper(e, values, Correction1), correction2 = one / e.sqrt(hyper(e, values, Correction2));
    Number rest1 = one - beta1, rest2 = one - beta2;
    all.sweep(k, [&](Span &span) {
      Number g = span.load(k.buffers[3]) * span.broadcast(shrink);
      Number m = e.fma(span.load(k.buffers[1]), span.broadcast(beta1), g * span.broadcast(rest1));
      Number v = e.fma(span.load(k.buffers[2]), span.broadcast(beta2), g * g * span.broadcast(rest2));
      Number p = span.load(k.buffers[0]);
      if (decay)
        p = p * span.broadcast(keep);
      Number root = e.fma(e.sqrt(v), span.broadcast(correction2), span.broadcast(epsilon));
      span.store(p - span.broadcast(step) * m / root, k.buffers[0]);
      span.store(m, k.buffers[1]);
      span.store(v, k.buffers[2]);
    });
  });
  return success();
}

LogicalResult EmaCpu::emit(EmaOp op, KernelContext &context) {
  Type element = cast<RankedTensorType>(op.getHyper().getType()).getElementType();
  auto type = MemRefType::get(op.getShape(), element);
  Value teacher = context.named("parameter", op.getTeacher(), type);
  Value student = context.named("parameter", op.getStudent(), type);
  Elements all(context, {teacher, student});
  context.launch("ema", {all.views[0]}, {all.views[1], context.in(op.getHyper())}, all.count, all.grain,
                 [&](Kernel &k) {
    Emit &e = k.e;
    Number momentum = hyper(e, k.buffers[2], Momentum), rest = e.constant(momentum.getType(), 1) - momentum;
    all.sweep(k, [&](Span &span) {
      span.store(e.fma(span.load(k.buffers[0]), span.broadcast(momentum),
                       span.load(k.buffers[1]) * span.broadcast(rest)), k.buffers[0]);
    });
  });
  return success();
}
