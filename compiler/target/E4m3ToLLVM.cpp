//===- E4m3ToLLVM.cpp - conversions of e4m3, which LLVM has none for ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A byte is a sign, four bits of exponent e and three of mantissa m: 2^(e - 7) (1 + m / 8), or 2^-6 m / 8 where e is 0.
//
//===----------------------------------------------------------------------===//

#include "compiler/target/E4m3ToLLVM.h"
#include "compiler/target/Emit.h"

#include "compiler/dialect/Dialect.h"

#include "mlir/Conversion/LLVMCommon/Pattern.h"

using namespace mlir;
using namespace jepa;

namespace {

/// Bits of f32 that e4m3 has not, and what its exponents are less.
constexpr int64_t cutBits = 20, biasStep = (127 - 7) << 3;

/// i32 arithmetic by its short names.
struct Bits {
  Emit e;
  Type i32 = e.builder.getI32Type(), f32 = e.builder.getF32Type();

  Number word(int64_t value) { return e.constant(i32, static_cast<double>(value)); }
  Number right(Number x, int64_t count) { return e.wrap(arith::ShRUIOp::create(e.builder, e.loc, x, word(count))); }
  Number left(Number x, int64_t count) { return e.wrap(arith::ShLIOp::create(e.builder, e.loc, x, word(count))); }
  Number either(Number x, Number y) { return e.wrap(arith::OrIOp::create(e.builder, e.loc, x, y)); }
};

/// From f32 of at most 448 in size, or NaN.
struct RoundToE4m3 : ConvertOpToLLVMPattern<arith::TruncFOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(arith::TruncFOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    if (!isa<Float8E4M3FNType>(op.getType()) || !op.getIn().getType().isF32())
      return failure();
    Bits bits{Emit(b, op.getLoc())};
    Emit &e = bits.e;
    Number all = e.bitcast(e.wrap(adaptor.getIn()), bits.i32), size = e.both(all, bits.word(0x7fffffff));
    // A half less its last bit carries over from what is above a half, and from a half to what is odd.
    Number odd = e.both(bits.right(size, cutBits), bits.word(1));
    Number normal = bits.right(size + odd + bits.word((1 << (cutBits - 1)) - 1), cutBits) - bits.word(biasStep);
    // Below 2^-6 the distance is 2^-9, which is that of f32 from 2^14 on.
    Number far = e.constant(bits.f32, 0x1p14);
    Number small = e.bitcast(e.bitcast(size, bits.f32) + far, bits.i32) - e.bitcast(far, bits.i32);
    Number byte = e.select(e.less(e.bitcast(size, bits.f32), e.constant(bits.f32, 0x1p-6)), small, normal);
    byte = e.select(e.less(bits.word(0x7f800000), size), bits.word(0x7f), byte);
    byte = bits.either(byte, e.both(bits.right(all, 24), bits.word(0x80)));
    b.replaceOpWithNewOp<arith::TruncIOp>(op, b.getI8Type(), byte);
    return success();
  }
};

struct WidenE4m3 : ConvertOpToLLVMPattern<arith::ExtFOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(arith::ExtFOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    if (!isa<Float8E4M3FNType>(op.getIn().getType()) || !op.getType().isF32())
      return failure();
    Bits bits{Emit(b, op.getLoc())};
    Emit &e = bits.e;
    Number byte = e.wrap(arith::ExtUIOp::create(b, op.getLoc(), bits.i32, adaptor.getIn()));
    Number size = e.both(byte, bits.word(0x7f));
    Number normal = bits.left(size + bits.word(biasStep), cutBits);
    Number small = e.bitcast(e.convert(size, bits.f32) * 0x1p-9, bits.i32);
    Number word = e.select(e.less(size, bits.word(8)), small, normal);
    word = e.select(e.equal(size, bits.word(0x7f)), bits.word(0x7fc00000), word);
    Number sign = bits.left(e.both(byte, bits.word(0x80)), 24);
    b.replaceOp(op, e.bitcast(bits.either(word, sign), bits.f32).value);
    return success();
  }
};

} // namespace

void jepa::populateE4m3ToLLVMPatterns(const LLVMTypeConverter &converter, RewritePatternSet &patterns) {
  // Before upstream's, which would ask LLVM for them.
  patterns.add<RoundToE4m3, WidenE4m3>(converter, /*benefit=*/2);
}
