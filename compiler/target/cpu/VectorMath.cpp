//===- VectorMath.cpp - functions of vectors, as exactly as they are needed ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/VectorMath.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace jepa;

/// 1.5 * 2^23: what is added to it is rounded to an integer, which stands in the low bits.
static constexpr double magic = 12582912.0;

static Number polynomial(Emit &e, Number x, ArrayRef<double> coefficients) {
  Number sum = e.constant(x.getType(), coefficients[0]);
  for (double coefficient : coefficients.drop_front())
    sum = e.fma(sum, x, e.constant(x.getType(), coefficient));
  return sum;
}

/// 2^x on [-0.5, 0.5], with minimax coefficients for the relative error.
static Number power(Emit &e, Number x, Precision precision) {
  static constexpr double exact[] = {0.0013276471979478776, 0.00967554133421605, 0.05550713273542586,
                                     0.24022119723848476,   0.6931469670647331,  1.0000000716546822};
  static constexpr double coarse[] = {0.0551716693598633, 0.2426111313850358, 0.6932609862030932, 0.9999280729972178};
  return polynomial(e, x, precision == Precision::Float ? ArrayRef(exact) : ArrayRef(coarse));
}

Number jepa::larger(Emit &e, Number a, Number b) { return e.select(e.less(b, a), a, b); }
Number jepa::smaller(Emit &e, Number a, Number b) { return e.select(e.less(a, b), a, b); }

Number jepa::exp2(Emit &e, Number x, Precision precision) {
  auto floats = cast<VectorType>(x.getType());
  VectorType integers = floats.clone(e.builder.getI32Type());
  // NaN stays.
  x = larger(e, e.constant(floats, -126), x);
  Number shifted = x + magic;
  Number fraction = power(e, x - (shifted - magic), precision);
  Number exponent = e.bitcast(shifted, integers);
  exponent = e.wrap(arith::ShLIOp::create(e.builder, e.loc, exponent, e.constant(integers, 23)));
  return e.bitcast(e.bitcast(fraction, integers) + exponent, floats);
}

// Two instructions of AVX-512 for what takes exp2 seven: x less the whole number below it, and that number, without
// being computed, as the exponent.
Number jepa::coarseExp2(Emit &e, Number x) {
  // 2^x on [0, 1], minimax for the relative error.
  static constexpr double coefficients[] = {0.07802452306748282, 0.22606716778617425, 0.6958335288657752,
                                            0.9999252204673932};
  Type i16 = e.builder.getI16Type(), i32 = e.builder.getI32Type();
  auto call = [&](StringRef intrinsic, ValueRange operands) {
    return e.wrap(
        LLVM::CallIntrinsicOp::create(e.builder, e.loc, x.getType(), e.builder.getStringAttr(intrinsic), operands)
            .getResult(0));
  };
  auto constant = [&](Type type, int64_t value) -> Value {
    return LLVM::ConstantOp::create(e.builder, e.loc, type, value);
  };
  // All lanes; rounding down without a signal; rounding as usual.
  Value all = constant(i16, -1), down = constant(i32, 1 | 8), usual = constant(i32, 4);
  Number fraction = call("llvm.x86.avx512.mask.reduce.ps.512", {x, down, x, all, usual});
  Number power = polynomial(e, fraction, coefficients);
  return call("llvm.x86.avx512.mask.scalef.ps.512", {power, x, power, all, usual});
}
