//===- Loops.cpp - what reference kernels have in common ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/reference/Loops.h"

using namespace mlir;
using namespace jepa;

int64_t reference::grainFor(int64_t work) { return std::max<int64_t>(1, 32768 / std::max<int64_t>(1, work)); }

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

Number reference::get(Emit &e, Value buffer, ArrayRef<Value> indices) {
  return e.convert(e.load(buffer, indices), e.builder.getF64Type());
}

void reference::put(Emit &e, Number value, Value buffer, ArrayRef<Value> indices) {
  e.store(e.convert(value, cast<MemRefType>(buffer.getType()).getElementType()), buffer, indices);
}

Number reference::getIndex(Emit &e, Value buffer, ArrayRef<Value> indices) {
  return e.convert(e.load(buffer, indices), e.builder.getIndexType());
}

Number reference::getLength(Emit &e, Value buffer) {
  SmallVector<Value> indices(shapeOf(buffer).size(), e.index(0));
  return getIndex(e, buffer, indices);
}

Number reference::real(Emit &e, double value) { return e.constant(e.builder.getF64Type(), value); }

Number reference::sumOf(Emit &e, Number end, function_ref<Number(Number)> term) {
  return e.sum(e.index(0), end, e.builder.getF64Type(), term);
}

Number reference::sumOf(Emit &e, int64_t end, function_ref<Number(Number)> term) {
  return sumOf(e, e.index(end), term);
}

Number reference::within(Emit &e, Number x, int64_t begin, int64_t end) {
  return e.both(e.less(e.index(begin - 1), x), e.less(x, e.index(end)));
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

void reference::elementwise(KernelContext &context, StringRef name, Value result, ArrayRef<Value> operands,
                            function_ref<Number(Emit &, ArrayRef<Number>)> body) {
  Value y = context.rows(result);
  SmallVector<Value> reads;
  for (Value operand : operands)
    reads.push_back(context.rows(operand));
  int64_t rows = shapeOf(y)[0], width = shapeOf(y)[1];
  auto element = [&](Kernel &k, Number row, Number i) {
    SmallVector<Number> elements;
    for (Value buffer : ArrayRef(k.buffers).drop_front())
      elements.push_back(get(k.e, buffer, {row, i}));
    put(k.e, body(k.e, elements), k.buffers[0], {row, i});
  };
  if (context.isOnDevice()) {
    context.launch(name, {y}, reads, rows * width, 1, [&](Kernel &k) {
      k.e.loop(k.begin, k.end, 1, [&](Number i) { element(k, i / width, i % width); });
    });
    return;
  }
  context.launch(name, {y}, reads, rows, grainFor(4 * width), [&](Kernel &k) {
    k.e.loop(k.begin, k.end, 1,
             [&](Number row) { k.e.loop(0, width, 1, [&](Number i) { element(k, row, i); }); });
  });
}

Value reference::sumRows(KernelContext &context, StringRef name, Value x, function_ref<Number(Emit &, Number)> term) {
  Value matrix = context.rows(x);
  int64_t rows = shapeOf(matrix)[0], width = shapeOf(matrix)[1];
  Value partial = context.temporary({rows}, Float64Type::get(x.getContext()));
  context.launch(name, {partial}, {matrix}, rows, grainFor(2 * width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number sum = sumOf(e, width, [&](Number i) { return term(e, get(e, k.buffers[1], {row, i})); });
      put(e, sum, k.buffers[0], {row});
    });
  });
  return partial;
}

void reference::finishSum(KernelContext &context, StringRef name, Value result, ArrayRef<Value> partials,
                          ArrayRef<Value> others, function_ref<Number(Kernel &, Number)> finish) {
  SmallVector<Value> reads(partials);
  llvm::append_range(reads, others);
  context.launch(name, {result}, reads, 1, 1, [&](Kernel &k) {
    Emit &e = k.e;
    Number total = real(e, 0.0);
    for (Value partial : ArrayRef(k.buffers).slice(1, partials.size()))
      total = total + sumOf(e, shapeOf(partial)[0], [&](Number i) { return get(e, partial, {i}); });
    put(e, finish(k, total), k.buffers[0], {});
  });
}
