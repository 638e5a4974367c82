//===- LinearKernels.cpp - reference: products with weights ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/reference/Kernels.h"

using namespace mlir;
using namespace jepa;
using namespace jepa::reference;

/// A weight: rounded to what the rows beside it hold, if that is less.
static Number getWeight(Kernel &k, ArrayRef<Value> indices) {
  auto element = [&](unsigned buffer) { return cast<MemRefType>(k.buffers[buffer].getType()).getElementType(); };
  if (!element(1).isBF16() || element(2).isBF16())
    return get(k.e, k.buffers[2], indices);
  return k.e.convert(k.e.convert(k.e.load(k.buffers[2], indices), element(1)), k.e.builder.getF64Type());
}

/// A weight in e4m3, and the scale that it was divided by.
static std::pair<Value, Value> roundedToE4m3(KernelContext &context, Value weight) {
  Type f64 = context.getBuilder().getF64Type();
  int64_t rows = shapeOf(weight)[0], width = shapeOf(weight)[1];
  Value partial = context.temporary({rows}, f64), scale = context.temporary({1}, f64);
  Value rounded = context.temporary({rows, width}, Float8E4M3FNType::get(weight.getContext()));
  auto largest = [](Emit &e, int64_t end, function_ref<Number(Number)> size) {
    return e.reduce(e.index(0), e.index(end), 1, {real(e, 0.0)}, [&](Number i, ArrayRef<Number> most) {
      return SmallVector<Number>{e.max(most[0], size(i))};
    })[0];
  };
  context.launch("e4m3_largest", {partial}, {weight}, rows, grainFor(width), [&](Kernel &k) {
    k.e.loop(k.begin, k.end, 1, [&](Number row) {
      Number most = largest(k.e, width, [&](Number i) { return k.e.abs(get(k.e, k.buffers[1], {row, i})); });
      put(k.e, most, k.buffers[0], {row});
    });
  });
  context.launch("e4m3_scale", {scale}, {partial}, 1, 1, [&](Kernel &k) {
    Number most = largest(k.e, rows, [&](Number row) { return get(k.e, k.buffers[1], {row}); });
    Number one = real(k.e, 1.0);
    put(k.e, k.e.select(k.e.less(real(k.e, 0.0), most), most / 448, one), k.buffers[0], {k.e.index(0)});
  });
  context.launch("e4m3_round", {rounded}, {weight, scale}, rows, grainFor(4 * width), [&](Kernel &k) {
    k.e.loop(k.begin, k.end, 1, [&](Number row) {
      k.e.loop(0, width, 1, [&](Number i) {
        put(k.e, get(k.e, k.buffers[1], {row, i}) / get(k.e, k.buffers[2], {k.e.index(0)}), k.buffers[0], {row, i});
      });
    });
  });
  return {rounded, scale};
}

/// y[r, o] = scale (sum over i of x[r, i] w[o, i]) + b[o]
void LinearReference::emit(LinearOp op, KernelContext &context) {
  Value x = context.rows(context.in(op.getX())), w = context.weightMatrix(context.in(op.getWeight())), scale;
  if (isE4m3(op.getX().getType()))
    std::tie(w, scale) = roundedToE4m3(context, w);
  Value y = context.rows(context.out(op.getResult()));
  SmallVector<Value> reads = {x, w};
  if (scale)
    reads.push_back(scale);
  if (op.getBias())
    reads.push_back(context.in(op.getBias()));
  int64_t rows = shapeOf(x)[0], in = shapeOf(w)[1], out = shapeOf(w)[0];
  context.launch("linear", {y}, reads, rows, grainFor(2 * in * out), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      e.loop(0, out, 1, [&](Number o) {
        Number sum = sumOf(e, in, [&](Number i) {
          return get(e, k.buffers[1], {row, i}) * getWeight(k, {o, i});
        });
        if (scale)
          sum = sum * get(e, k.buffers[3], {e.index(0)});
        if (op.getBias())
          sum = sum + get(e, k.buffers.back(), {o});
        put(e, sum, k.buffers[0], {row, o});
      });
    });
  });
}

/// dx[r, i] = sum over o of dy[r, o] w[o, i]
void LinearInputGradReference::emit(LinearInputGradOp op, KernelContext &context) {
  Value dy = context.rows(context.in(op.getDy())), w = context.weightMatrix(context.in(op.getWeight()));
  Value dx = context.rows(context.out(op.getResult()));
  int64_t rows = shapeOf(dy)[0], in = shapeOf(w)[1], out = shapeOf(w)[0];
  context.launch("linear_input_grad", {dx}, {dy, w}, rows, grainFor(2 * in * out), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      e.loop(0, in, 1, [&](Number i) {
        Number sum = sumOf(e, out, [&](Number o) {
          return get(e, k.buffers[1], {row, o}) * getWeight(k, {o, i});
        });
        put(e, sum, k.buffers[0], {row, i});
      });
    });
  });
}

/// dw[o, i] = sum over r of dy[r, o] x[r, i]
void LinearWeightGradReference::emit(LinearWeightGradOp op, KernelContext &context) {
  Value dy = context.rows(context.in(op.getDy())), x = context.rows(context.in(op.getX()));
  Value dw = context.weightMatrix(context.out(op.getResult()));
  int64_t rows = shapeOf(dy)[0], in = shapeOf(x)[1], out = shapeOf(dy)[1];
  context.launch("linear_weight_grad", {dw}, {dy, x}, out, grainFor(2 * rows * in), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number o) {
      e.loop(0, in, 1, [&](Number i) {
        Number sum = sumOf(e, rows, [&](Number r) {
          return get(e, k.buffers[1], {r, o}) * get(e, k.buffers[2], {r, i});
        });
        put(e, sum, k.buffers[0], {o, i});
      });
    });
  });
}
