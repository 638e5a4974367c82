//===- Sweep.cpp - walk over floats by vectors ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/Sweep.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace jepa;

/// Elements to a chunk of a flat kernel: a multiple of every vector width, and some microseconds of work.
static constexpr int64_t flatGrain = 16384;

//===----------------------------------------------------------------------===//
// Spans
//===----------------------------------------------------------------------===//

static SmallVector<Value> place(ArrayRef<Value> row, Number at) {
  SmallVector<Value> indices(row);
  indices.push_back(at);
  return indices;
}

Number Span::load(Value memref, ArrayRef<Value> inRow) const {
  return e.convert(loadRaw(memref, inRow), e.builder.getF32Type());
}

void Span::store(Number vector, Value memref, ArrayRef<Value> inRow) const {
  storeRaw(e.convert(vector, getElementTypeOrSelf(memref.getType())), memref, inRow);
}

Number Span::loadRaw(Value memref, ArrayRef<Value> inRow) const {
  SmallVector<Value> indices = place(inRow, at);
  return mask.value ? e.loadMasked(memref, indices, mask, lanes) : e.loadVector(memref, indices, lanes);
}

void Span::storeRaw(Number vector, Value memref, ArrayRef<Value> inRow) const {
  SmallVector<Value> indices = place(inRow, at);
  if (mask.value)
    e.storeMasked(vector, memref, indices, mask);
  else
    e.storeVector(vector, memref, indices);
}

Span Span::shifted(Number by) const { return Span{e, lanes, at + by, mask, row}; }

Number Span::constant(double value) const {
  return e.constant(VectorType::get({lanes}, e.builder.getF32Type()), value);
}

Number Span::keep(Number vector) const { return mask.value ? e.select(mask, vector, constant(0)) : vector; }

//===----------------------------------------------------------------------===//
// Sweeps
//===----------------------------------------------------------------------===//

int64_t jepa::lanesFor(int64_t width) {
  for (int64_t lanes : {64, 32, 16})
    if (width % lanes == 0)
      return lanes;
  // A vector wider than 64 floats spills; below 16 one masked vector takes the whole row.
  return std::min<int64_t>(64, width < 16 ? llvm::PowerOf2Ceil(width) : llvm::bit_floor<uint64_t>(width));
}

void jepa::sweep(Emit &e, Number begin, Number end, int64_t total, function_ref<void(Span &)> body) {
  int64_t lanes = lanesFor(total);
  bool ragged = total % lanes != 0;
  Number vectorsEnd = ragged ? end - (end - begin) % lanes : end;
  e.loop(begin, vectorsEnd, lanes, [&](Number at) {
    Span span{e, lanes, at, {}, {}};
    body(span);
  });
  if (!ragged)
    return;
  Span tail{e, lanes, vectorsEnd, e.firstLanes(end - vectorsEnd, lanes), {}};
  body(tail);
}

void jepa::sweep(Emit &e, int64_t width, function_ref<void(Span &)> body) {
  int64_t lanes = lanesFor(width), whole = width - width % lanes;
  e.loop(0, whole, lanes, [&](Number at) {
    Span span{e, lanes, at, {}, {}};
    body(span);
  });
  if (whole == width)
    return;
  Span tail{e, lanes, e.index(whole), e.firstLanes(e.index(width - whole), lanes), {}};
  body(tail);
}

SmallVector<Number> jepa::sumRow(Emit &e, int64_t width, unsigned count,
                                 function_ref<SmallVector<Number>(Span &)> terms) {
  int64_t lanes = lanesFor(width), whole = width - width % lanes;
  Number zero = e.constant(VectorType::get({lanes}, e.builder.getF32Type()), 0);
  SmallVector<Number> sums(count, zero);
  auto add = [&](Span span, ArrayRef<Number> before) {
    SmallVector<Number> after;
    for (auto [sum, term] : llvm::zip_equal(before, terms(span)))
      after.push_back(sum + span.keep(term));
    return after;
  };
  sums = e.reduce(e.index(0), e.index(whole), lanes, sums, [&](Number at, ArrayRef<Number> before) {
    return add(Span{e, lanes, at, {}, {}}, before);
  });
  if (whole != width)
    sums = add(Span{e, lanes, e.index(whole), e.firstLanes(e.index(width - whole), lanes), {}}, sums);
  for (Number &sum : sums)
    sum = e.laneSum(sum);
  return sums;
}

Number jepa::sumRow(Emit &e, int64_t width, function_ref<Number(Span &)> term) {
  return sumRow(e, width, 1, [&](Span &span) { return SmallVector<Number>{term(span)}; })[0];
}

void jepa::copyRow(Emit &e, int64_t width, Value to, ArrayRef<Value> toRow, Number toAt, Value from,
                   ArrayRef<Value> fromRow, Number fromAt) {
  Type element = getElementTypeOrSelf(to.getType());
  sweep(e, width, [&](Span &span) {
    Number elements = span.shifted(fromAt).loadRaw(from, fromRow);
    span.shifted(toAt).storeRaw(e.convert(elements, element), to, toRow);
  });
}

void jepa::zeroRow(Emit &e, int64_t width, Value to, ArrayRef<Value> row) {
  sweep(e, width, [&](Span &span) { span.store(span.constant(0), to, row); });
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

bool jepa::isPlain(Value buffer) { return cast<MemRefType>(buffer.getType()).getLayout().isIdentity(); }

Value jepa::plain(KernelContext &context, Value buffer) {
  if (isPlain(buffer))
    return buffer;
  auto type = cast<MemRefType>(buffer.getType());
  Value copy = context.temporary(type.getShape(), type.getElementType());
  context.copy(copy, buffer);
  return copy;
}

Value jepa::slotBuffer(KernelContext &context, int64_t slots, ArrayRef<int64_t> shape, Type element) {
  constexpr int64_t pageBits = 8 * 4096;
  SmallVector<int64_t> padded{slots};
  llvm::append_range(padded, shape);
  int64_t rowBits = llvm::product_of(shape.drop_front()) * element.getIntOrFloatBitWidth();
  padded[1] += llvm::divideCeil(pageBits, rowBits);
  return context.temporary(padded, element);
}

int64_t jepa::rowGrain(int64_t width, int64_t elements) { return std::max<int64_t>(1, elements / width); }

Elements::Elements(KernelContext &context, ArrayRef<Value> buffers) : flat(llvm::all_of(buffers, isPlain)) {
  for (Value buffer : buffers)
    views.push_back(flat ? context.flat(buffer) : context.rows(buffer));
  auto type = cast<MemRefType>(views.front().getType());
  width = type.getShape().back();
  count = flat ? width : type.getDimSize(0);
  grain = flat ? flatGrain : rowGrain(width);
}

void Elements::sweep(Kernel &k, function_ref<void(Span &)> body) const {
  if (flat)
    return jepa::sweep(k.e, k.begin, k.end, width, body);
  k.e.loop(k.begin, k.end, 1, [&](Number row) {
    jepa::sweep(k.e, width, [&](Span &span) {
      span.row = {row};
      body(span);
    });
  });
}

Number Elements::sum(Kernel &k, function_ref<Number(Span &)> term) const {
  Emit &e = k.e;
  if (!flat)
    return e.sum(k.begin, k.end, e.builder.getF32Type(), [&](Number row) {
      return sumRow(e, width, [&](Span &span) {
        span.row = {row};
        return term(span);
      });
    });
  int64_t lanes = lanesFor(width);
  bool ragged = width % lanes != 0;
  Number vectorsEnd = ragged ? k.end - (k.end - k.begin) % lanes : k.end;
  Number zero = e.constant(VectorType::get({lanes}, e.builder.getF32Type()), 0);
  Number sum = e.reduce(k.begin, vectorsEnd, lanes, {zero}, [&](Number at, ArrayRef<Number> before) {
    Span span{e, lanes, at, {}, {}};
    return SmallVector<Number>{before[0] + term(span)};
  })[0];
  if (ragged) {
    Span tail{e, lanes, vectorsEnd, e.firstLanes(k.end - vectorsEnd, lanes), {}};
    sum = sum + tail.keep(term(tail));
  }
  return e.laneSum(sum);
}
