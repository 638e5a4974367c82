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

/// teacher = m * teacher + (1 - m) * student
static Number follow(Span &span, Number teacher, Number student, Number momentum, Number rest) {
  return span.e.fma(teacher, span.broadcast(momentum), student * span.broadcast(rest));
}

// Parameter, moments, teacher and low-precision copies pass through the cache once: the step is bound by memory.
LogicalResult AdamWCpu::emit(AdamWOp op, KernelContext &context) {
  auto tensor = cast<RankedTensorType>(op.getGradient().getType());
  auto type = MemRefType::get(tensor.getShape(), tensor.getElementType());
  bool decay = op.getDecay(), hasTeacher = op.getTeacher().has_value();
  SmallVector<Value> buffers{context.named("parameter", op.getName(), type),
                             context.named("moment", ("m:" + op.getName()).str(), type),
                             context.named("moment", ("v:" + op.getName()).str(), type)};
  if (hasTeacher)
    buffers.push_back(context.named("parameter", *op.getTeacher(), type));
  if (op.getCopy())
    buffers.push_back(context.copyOf(op.getName(), type.getShape()));
  if (op.getTeacherCopy())
    buffers.push_back(context.copyOf(*op.getTeacher(), type.getShape()));
  size_t writes = buffers.size();
  buffers.push_back(plain(context, context.in(op.getGradient())));
  Elements all(context, buffers);
  context.launch("adamw", ArrayRef<Value>(all.views).take_front(writes),
                 {all.views.back(), context.in(op.getHyper()), context.in(op.getNorm())}, all.count, all.grain,
                 [&](Kernel &k) {
    Emit &e = k.e;
    Value gradient = k.buffers[writes], values = k.buffers[writes + 1];
    Number one = e.constant(e.builder.getF32Type(), 1), zero = e.constant(one.getType(), 0);
    Number clip = hyper(e, values, Clip), beta1 = hyper(e, values, Beta1), beta2 = hyper(e, values, Beta2);
    Number fit = e.min(one, clip / (e.sqrt(e.load(k.buffers[writes + 2], {})) + 1e-6));
    Number shrink = e.select(e.less(zero, clip), fit, one);
    Number rate = hyper(e, values, LearningRate), epsilon = hyper(e, values, Epsilon);
    Number keep = one - rate * hyper(e, values, WeightDecay);
    Number step = rate / hyper(e, values, Correction1), correction2 = one / e.sqrt(hyper(e, values, Correction2));
    Number rest1 = one - beta1, rest2 = one - beta2;
    Number momentum = hyper(e, values, Momentum), rest = one - momentum;
    all.sweep(k, [&](Span &span) {
      Number g = span.load(gradient) * span.broadcast(shrink);
      Number m = e.fma(span.load(k.buffers[1]), span.broadcast(beta1), g * span.broadcast(rest1));
      Number v = e.fma(span.load(k.buffers[2]), span.broadcast(beta2), g * g * span.broadcast(rest2));
      Number p = span.load(k.buffers[0]);
      if (decay)
        p = p * span.broadcast(keep);
      Number root = e.fma(e.sqrt(v), span.broadcast(correction2), span.broadcast(epsilon));
      p = p - span.broadcast(step) * m / root;
      SmallVector<Number> results{p, m, v};
      if (hasTeacher)
        results.push_back(follow(span, span.load(k.buffers[3]), p, momentum, rest));
      Number teacher = results.back();
      if (op.getCopy())
        results.push_back(p);
      if (op.getTeacherCopy())
        results.push_back(teacher);
      for (auto [result, buffer] : llvm::zip(results, k.buffers))
        span.store(result, buffer);
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
      span.store(follow(span, span.load(k.buffers[0]), span.load(k.buffers[1]), momentum, rest), k.buffers[0]);
    });
  });
  return success();
}
