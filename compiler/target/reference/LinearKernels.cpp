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
  if (!element(1).isBF16() || !element(2).isF32())
    return get(k.e, k.buffers[2], indices);
  return k.e.convert(k.e.convert(k.e.load(k.buffers[2], indices), element(1)), k.e.builder.getF64Type());
}

/// y[r, o] = sum over i of x[r, i] w[o, i], plus b[o]
void LinearReference::emit(LinearOp op, KernelContext &context) {
  Value x = context.rows(context.in(op.getX())), w = context.weightMatrix(context.in(op.getWeight()));
  Value y = context.rows(context.out(op.getResult()));
  SmallVector<Value> reads = {x, w};
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
        if (k.buffers.size() > 3)
          sum = sum + get(e, k.buffers[3], {o});
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
