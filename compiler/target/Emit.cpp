//===- Emit.cpp - write loops and arithmetic as if they were code ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/Emit.h"

using namespace mlir;
using namespace jepa;

static bool isFloat(Type type) { return isa<FloatType>(getElementTypeOrSelf(type)); }

template <typename FloatOp, typename IntegerOp>
static Number arithmetic(const Number &a, const Number &b) {
  Emit &e = *a.emit;
  if (isFloat(a.getType()))
    return e.wrap(FloatOp::create(e.builder, e.loc, a.value, b.value));
  return e.wrap(IntegerOp::create(e.builder, e.loc, a.value, b.value));
}

Number Number::operator+(Number other) const { return arithmetic<arith::AddFOp, arith::AddIOp>(*this, other); }
Number Number::operator-(Number other) const { return arithmetic<arith::SubFOp, arith::SubIOp>(*this, other); }
Number Number::operator*(Number other) const { return arithmetic<arith::MulFOp, arith::MulIOp>(*this, other); }
Number Number::operator/(Number other) const { return arithmetic<arith::DivFOp, arith::DivUIOp>(*this, other); }
Number Number::operator%(Number other) const { return arithmetic<arith::RemFOp, arith::RemUIOp>(*this, other); }
Number Number::operator+(double other) const { return *this + emit->constant(getType(), other); }
Number Number::operator-(double other) const { return *this - emit->constant(getType(), other); }
Number Number::operator*(double other) const { return *this * emit->constant(getType(), other); }
Number Number::operator/(double other) const { return *this / emit->constant(getType(), other); }
Number Number::operator%(int64_t other) const { return *this % emit->constant(getType(), other); }

Number Emit::index(int64_t value) { return wrap(arith::ConstantIndexOp::create(builder, loc, value)); }

Number Emit::constant(Type type, double value) {
  Type element = getElementTypeOrSelf(type);
  TypedAttr attribute;
  if (isFloat(type))
    attribute = FloatAttr::get(element, value);
  else
    attribute = IntegerAttr::get(element, static_cast<int64_t>(value));
  if (auto vector = dyn_cast<VectorType>(type))
    attribute = DenseElementsAttr::get(vector, Attribute(attribute));
  return wrap(arith::ConstantOp::create(builder, loc, attribute));
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

SmallVector<Number>
Emit::reduce(Number begin, Number end, int64_t step, ArrayRef<Number> inits,
             function_ref<SmallVector<Number>(Number, ArrayRef<Number>)> body) {
  SmallVector<Value> initial(inits.begin(), inits.end());
  auto loop = scf::ForOp::create(builder, loc, begin, end, index(step), initial);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    SmallVector<Number> carried;
    for (Value value : loop.getRegionIterArgs())
      carried.push_back(wrap(value));
    SmallVector<Number> next = body(wrap(loop.getInductionVar()), carried);
    // A loop that carries nothing was given its terminator by the builder.
    if (!inits.empty())
      scf::YieldOp::create(builder, loc, SmallVector<Value>(next.begin(), next.end()));
  }
  SmallVector<Number> results;
  for (Value value : loop.getResults())
    results.push_back(wrap(value));
  return results;
}

void Emit::loop(Number begin, Number end, int64_t step, function_ref<void(Number)> body) {
  reduce(begin, end, step, {}, [&](Number i, ArrayRef<Number>) -> SmallVector<Number> {
    body(i);
    return {};
  });
}

void Emit::loop(int64_t begin, int64_t end, int64_t step, function_ref<void(Number)> body) {
  loop(index(begin), index(end), step, body);
}

Number Emit::sum(Number begin, Number end, Type type, function_ref<Number(Number)> term) {
  return reduce(begin, end, 1, {constant(type, 0.0)}, [&](Number i, ArrayRef<Number> carried) {
    return SmallVector<Number>{carried[0] + term(i)};
  })[0];
}

Number Emit::sum(int64_t begin, int64_t end, Type type, function_ref<Number(Number)> term) {
  return sum(index(begin), index(end), type, term);
}

void Emit::when(Number condition, function_ref<void()> body) {
  auto branch = scf::IfOp::create(builder, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&branch.getThenRegion().front());
  body();
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Number Emit::load(Value memref, ArrayRef<Value> indices) {
  return wrap(memref::LoadOp::create(builder, loc, memref, indices));
}
void Emit::store(Number value, Value memref, ArrayRef<Value> indices) {
  memref::StoreOp::create(builder, loc, value, memref, indices);
}

static VectorType vectorOf(Value memref, int64_t lanes) {
  return VectorType::get({lanes}, cast<MemRefType>(memref.getType()).getElementType());
}

Number Emit::loadVector(Value memref, ArrayRef<Value> indices, int64_t lanes) {
  return wrap(vector::LoadOp::create(builder, loc, vectorOf(memref, lanes), memref, indices));
}
void Emit::storeVector(Number vector, Value memref, ArrayRef<Value> indices) {
  vector::StoreOp::create(builder, loc, vector, memref, indices);
}
Number Emit::loadMasked(Value memref, ArrayRef<Value> indices, Number mask, int64_t lanes) {
  VectorType type = vectorOf(memref, lanes);
  return wrap(vector::MaskedLoadOp::create(builder, loc, type, memref, indices, mask, constant(type, 0.0)));
}
void Emit::storeMasked(Number vector, Value memref, ArrayRef<Value> indices, Number mask) {
  vector::MaskedStoreOp::create(builder, loc, memref, indices, mask, vector);
}
void Emit::prefetch(Value memref, ArrayRef<Value> indices, bool isWrite) {
  memref::PrefetchOp::create(builder, loc, memref, indices, isWrite, /*localityHint=*/3, /*isDataCache=*/true);
}
Number Emit::firstLanes(Number count, int64_t lanes) {
  return wrap(vector::CreateMaskOp::create(builder, loc, VectorType::get({lanes}, builder.getI1Type()),
                                           ValueRange{count.value}));
}
Number Emit::broadcast(Number scalar, int64_t lanes) {
  return wrap(vector::BroadcastOp::create(builder, loc, VectorType::get({lanes}, scalar.getType()), scalar));
}
Number Emit::laneSum(Number vector) {
  return wrap(vector::ReductionOp::create(builder, loc, vector::CombiningKind::ADD, vector,
                                          constant(getElementTypeOrSelf(vector.getType()), 0.0),
                                          arith::FastMathFlags::reassoc));
}
Number Emit::laneMax(Number vector) {
  return wrap(vector::ReductionOp::create(builder, loc, vector::CombiningKind::MAXNUMF, vector,
                                          arith::FastMathFlags::nnan));
}

//===----------------------------------------------------------------------===//
// Functions and comparisons
//===----------------------------------------------------------------------===//

Number Emit::exp(Number x) { return wrap(math::ExpOp::create(builder, loc, x)); }
Number Emit::log(Number x) { return wrap(math::LogOp::create(builder, loc, x)); }
Number Emit::erf(Number x) { return wrap(math::ErfOp::create(builder, loc, x)); }
Number Emit::sqrt(Number x) { return wrap(math::SqrtOp::create(builder, loc, x)); }
Number Emit::abs(Number x) { return wrap(math::AbsFOp::create(builder, loc, x)); }
Number Emit::pow(Number x, Number y) { return wrap(math::PowFOp::create(builder, loc, x, y)); }
Number Emit::max(Number a, Number b) { return arithmetic<arith::MaxNumFOp, arith::MaxSIOp>(a, b); }
Number Emit::min(Number a, Number b) { return arithmetic<arith::MinNumFOp, arith::MinSIOp>(a, b); }
Number Emit::fma(Number a, Number b, Number c) { return wrap(math::FmaOp::create(builder, loc, a, b, c)); }
Number Emit::select(Number condition, Number a, Number b) {
  return wrap(arith::SelectOp::create(builder, loc, condition, a, b));
}
Number Emit::less(Number a, Number b) {
  if (isFloat(a.getType()))
    return wrap(arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, a, b));
  return wrap(arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, a, b));
}
Number Emit::equal(Number a, Number b) {
  if (isFloat(a.getType()))
    return wrap(arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, a, b));
  return wrap(arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, a, b));
}
Number Emit::both(Number a, Number b) { return wrap(arith::AndIOp::create(builder, loc, a, b)); }

Number Emit::bitcast(Number x, Type type) { return wrap(arith::BitcastOp::create(builder, loc, type, x)); }

/// A double as f32, such that rounding it again gives what rounding the double at once would: cut off, with the last bit set
/// where something was.
static Number roundToOdd(Number x) {
  Emit &e = *x.emit;
  auto like = [&](Type element) -> Type {
    auto vector = dyn_cast<VectorType>(x.getType());
    return vector ? vector.clone(element) : element;
  };
  Type i32 = like(e.builder.getI32Type());
  Number near = e.convert(x, like(e.builder.getF32Type())), back = e.convert(near, x.getType());
  Number bits = e.bitcast(near, i32), one = e.constant(i32, 1);
  Number below = e.select(e.less(e.abs(x), e.abs(back)), bits - one, bits);
  Number odd = e.wrap(arith::OrIOp::create(e.builder, e.loc, below, one));
  return e.bitcast(e.select(e.equal(back, x), bits, odd), near.getType());
}

Number Emit::convert(Number x, Type type) {
  Type from = getElementTypeOrSelf(x.getType()), to = getElementTypeOrSelf(type);
  if (from == to)
    return x;
  if (auto vector = dyn_cast<VectorType>(x.getType()); vector && !isa<VectorType>(type))
    type = vector.clone(to);
  bool isSmall = isa<Float8E4M3FNType>(to);
  if (from.isF64() && (to.isBF16() || isSmall))
    return convert(roundToOdd(x), type);
  // What is narrower than f32 goes by it, and e4m3 has no infinity to round to.
  if ((isSmall && !from.isF32()) || (isa<Float8E4M3FNType>(from) && !to.isF32())) {
    Type f32 = builder.getF32Type();
    return convert(convert(x, f32), type);
  }
  if (isSmall)
    for (double end : {-448.0, 448.0}) {
      Number limit = constant(x.getType(), end);
      x = select(end < 0 ? less(x, limit) : less(limit, x), limit, x);
    }
  if (isa<FloatType>(from) && isa<FloatType>(to)) {
    if (from.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth())
      return wrap(arith::ExtFOp::create(builder, loc, TypeRange{type}, ValueRange{x.value}));
    return wrap(arith::TruncFOp::create(builder, loc, type, x));
  }
  if (isa<FloatType>(to)) {
    if (isa<IndexType>(from))
      x = convert(x, builder.getI64Type());
    return wrap(arith::SIToFPOp::create(builder, loc, type, x));
  }
  return wrap(arith::IndexCastOp::create(builder, loc, type, x));
}
