//===- ElementwiseKernels.cpp - cpu: activations and sums of two ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/Kernels.h"
#include "compiler/target/cpu/Sweep.h"

#include <cmath>

using namespace mlir;
using namespace jepa;

/// result[i] = body(operands[0][i], operands[1][i], ...)
static LogicalResult elementwise(Operation *op, KernelContext &context, StringRef name,
                                 function_ref<Number(Span &, ArrayRef<Number>)> body) {
  SmallVector<Value> buffers{context.out(op->getResult(0))};
  for (Value operand : op->getOperands())
    buffers.push_back(context.in(operand));
  Elements all(context, buffers);
  context.launch(name, {all.views[0]}, ArrayRef<Value>(all.views).drop_front(), all.count, all.grain, [&](Kernel &k) {
    all.sweep(k, [&](Span &span) {
      SmallVector<Number> operands;
      for (Value buffer : ArrayRef<Value>(k.buffers).drop_front())
        operands.push_back(span.load(buffer));
      span.store(body(span, operands), k.buffers[0]);
    });
  });
  return success();
}

/// The normal distribution function.
static Number normalCdf(Span &span, Number x) {
  return (span.e.erf(x * M_SQRT1_2) + 1) * 0.5;
}

LogicalResult GeluCpu::emit(GeluOp op, KernelContext &context) {
  return elementwise(op, context, "gelu",
                     [](Span &span, ArrayRef<Number> x) { return x[0] * normalCdf(span, x[0]); });
}

LogicalResult GeluGradCpu::emit(GeluGradOp op, KernelContext &context) {
  return elementwise(op, context, "gelu_grad", [](Span &span, ArrayRef<Number> operands) {
    Number dy = operands[0], x = operands[1];
    Number density = span.e.exp(x * x * -0.5) * (0.5 * M_SQRT1_2 * M_2_SQRTPI);
    return dy * span.e.fma(x, density, normalCdf(span, x));
  });
}

LogicalResult ReluCpu::emit(ReluOp op, KernelContext &context) {
  return elementwise(op, context, "relu",
                     [](Span &span, ArrayRef<Number> x) { return span.e.max(x[0], span.constant(0)); });
}

LogicalResult ReluGradCpu::emit(ReluGradOp op, KernelContext &context) {
  return elementwise(op, context, "relu_grad", [](Span &span, ArrayRef<Number> operands) {
    return span.e.select(span.e.less(span.constant(0), operands[1]), operands[0], span.constant(0));
  });
}

LogicalResult ScaleCpu::emit(ScaleOp op, KernelContext &context) {
  double factor = op.getFactor().convertToDouble(), offset = op.getOffset().convertToDouble();
  return elementwise(op, context, "scale", [&](Span &span, ArrayRef<Number> x) {
    return span.e.fma(x[0], span.constant(factor), span.constant(offset));
  });
}

LogicalResult CastCpu::emit(CastOp op, KernelContext &context) {
  return elementwise(op, context, "cast", [](Span &, ArrayRef<Number> x) { return x[0]; });
}

LogicalResult AddCpu::emit(AddOp op, KernelContext &context) {
  auto lhs = op.getLhs().getType(), rhs = op.getRhs().getType();
  if (lhs.getShape() == rhs.getShape())
    return elementwise(op, context, "add", [](Span &, ArrayRef<Number> x) { return x[0] + x[1]; });

  int64_t width = lhs.getShape().back(), outer = lhs.getRank() - 1;
  bool repeated = rhs.getShape().back() == 1 && width != 1;
  Value y = context.rows(context.out(op.getResult())), x = context.rows(context.in(op.getLhs()));
  Value table = context.rows(context.in(op.getRhs()));
  context.launch("add_repeated", {y}, {x, table}, countRows(lhs), rowGrain(width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      // The row's place in every dimension, from the innermost; those that rhs repeats do not move in rhs.
      Number rest = row, from = e.index(0);
      int64_t stride = 1;
      for (int64_t dim = outer - 1; dim >= 0; --dim) {
        if (rhs.getDimSize(dim) != 1)
          from = from + (rest % lhs.getDimSize(dim)) * stride;
        rest = rest / lhs.getDimSize(dim);
        stride *= rhs.getDimSize(dim);
      }
      sweep(e, width, [&](Span &span) {
        Number addend = repeated ? span.broadcast(e.convert(e.load(k.buffers[2], {from, e.index(0)}), e.builder.getF32Type()))
                                 : span.load(k.buffers[2], {from});
        span.store(span.load(k.buffers[1], {row}) + addend, k.buffers[0], {row});
      });
    });
  });
  return success();
}
