//===- ElementwiseKernels.cpp - reference: activations, sums, feature parts ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/reference/Kernels.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace jepa;
using namespace jepa::reference;

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

/// The normal distribution function.
static Number normalCdf(Emit &e, Number x) { return (e.erf(x * llvm::numbers::inv_sqrt2) + 1.0) * 0.5; }

void GeluReference::emit(GeluOp op, KernelContext &context) {
  elementwise(context, "gelu", context.out(op.getResult()), {context.in(op.getX())},
              [](Emit &e, ArrayRef<Number> in) { return in[0] * normalCdf(e, in[0]); });
}

void GeluGradReference::emit(GeluGradOp op, KernelContext &context) {
  elementwise(context, "gelu_grad", context.out(op.getResult()), {context.in(op.getDy()), context.in(op.getX())},
              [](Emit &e, ArrayRef<Number> in) {
                Number x = in[1];
                Number density = e.exp(x * x * -0.5) * (llvm::numbers::inv_sqrtpi * llvm::numbers::inv_sqrt2);
                return in[0] * (normalCdf(e, x) + x * density);
              });
}

void ReluReference::emit(ReluOp op, KernelContext &context) {
  // Written so that a NaN stays one.
  elementwise(context, "relu", context.out(op.getResult()), {context.in(op.getX())},
              [](Emit &e, ArrayRef<Number> in) { return e.select(e.less(in[0], real(e, 0.0)), real(e, 0.0), in[0]); });
}

void ReluGradReference::emit(ReluGradOp op, KernelContext &context) {
  elementwise(context, "relu_grad", context.out(op.getResult()), {context.in(op.getDy()), context.in(op.getX())},
              [](Emit &e, ArrayRef<Number> in) { return e.select(e.less(real(e, 0.0), in[1]), in[0], real(e, 0.0)); });
}

//===----------------------------------------------------------------------===//
// Constants, scales, sums
//===----------------------------------------------------------------------===//

void ConstantReference::emit(ConstantOp op, KernelContext &context) {
  double value = op.getValue().convertToDouble();
  elementwise(context, "constant", context.out(op.getResult()), {},
              [&](Emit &e, ArrayRef<Number>) { return real(e, value); });
}

void SplatReference::emit(SplatOp op, KernelContext &context) {
  Value y = context.rows(context.out(op.getResult()));
  int64_t rows = shapeOf(y)[0], width = shapeOf(y)[1];
  context.launch("splat", {y}, {context.in(op.getX())}, rows, grainFor(width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      e.loop(0, width, 1, [&](Number i) { put(e, get(e, k.buffers[1], {}), k.buffers[0], {row, i}); });
    });
  });
}

void ScaleReference::emit(ScaleOp op, KernelContext &context) {
  double factor = op.getFactor().convertToDouble(), offset = op.getOffset().convertToDouble();
  elementwise(context, "scale", context.out(op.getResult()), {context.in(op.getX())},
              [&](Emit &e, ArrayRef<Number> in) { return in[0] * factor + offset; });
}

void StopGradientReference::emit(StopGradientOp op, KernelContext &context) {
  context.alias(op.getResult(), context.in(op.getX()));
}

void CastReference::emit(CastOp op, KernelContext &context) {
  elementwise(context, "cast", context.out(op.getResult()), {context.in(op.getX())},
              [](Emit &, ArrayRef<Number> in) { return in[0]; });
}

void AddReference::emit(AddOp op, KernelContext &context) {
  Value lhs = context.in(op.getLhs()), rhs = context.in(op.getRhs()), y = context.out(op.getResult());
  if (shapeOf(lhs) == shapeOf(rhs))
    return elementwise(context, "add", y, {lhs, rhs}, [](Emit &, ArrayRef<Number> in) { return in[0] + in[1]; });
  ArrayRef<int64_t> shape = shapeOf(y), repeated = shapeOf(rhs);
  int64_t width = shape.back(), rows = op.getType().getNumElements() / width;
  context.launch("add", {y}, {lhs, rhs}, rows, grainFor(2 * width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      e.loop(0, width, 1, [&](Number i) {
        SmallVector<Value> to(shape.size()), from(shape.size());
        Number rest = row;
        for (int64_t dim = shape.size() - 1; dim >= 0; --dim) {
          bool last = dim + 1 == static_cast<int64_t>(shape.size());
          Number at = last ? i : rest % shape[dim];
          if (!last)
            rest = rest / shape[dim];
          to[dim] = at;
          from[dim] = repeated[dim] == 1 ? e.index(0) : at;
        }
        put(e, get(e, k.buffers[1], to) + get(e, k.buffers[2], from), k.buffers[0], to);
      });
    });
  });
}

//===----------------------------------------------------------------------===//
// Parts of the features
//===----------------------------------------------------------------------===//

void SplitFeaturesReference::emit(SplitFeaturesOp op, KernelContext &context) {
  Value x = context.in(op.getX());
  int64_t offset = 0;
  for (Value part : op.getParts()) {
    int64_t size = cast<RankedTensorType>(part.getType()).getShape().back();
    context.alias(part, context.features(x, offset, size));
    offset += size;
  }
}

void ConcatFeaturesReference::emit(ConcatFeaturesOp op, KernelContext &context) {
  Value y = context.rows(context.out(op.getResult()));
  SmallVector<Value> parts;
  for (Value part : op.getParts())
    parts.push_back(context.rows(context.in(part)));
  int64_t rows = shapeOf(y)[0], width = shapeOf(y)[1];
  context.launch("concat_features", {y}, parts, rows, grainFor(2 * width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      int64_t offset = 0;
      for (Value part : ArrayRef(k.buffers).drop_front()) {
        e.loop(0, shapeOf(part)[1], 1,
               [&](Number i) { put(e, get(e, part, {row, i}), k.buffers[0], {row, i + offset}); });
        offset += shapeOf(part)[1];
      }
    });
  });
}
