//===- MatrixTiles.cpp - products in AMX's tile registers ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The registers are named here, not by LLVM: the intrinsics with their numbers
// become one instruction each, in order, whatever is optimised around them.
//
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/MatrixTiles.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace jepa;

/// The first of the registers that hold left and right operands; the four before them hold sums.
static constexpr int64_t leftRegister = 4, rightRegister = 6;
static constexpr int64_t rowBytes = MatrixTiles::size * 4;

void MatrixTiles::call(StringRef intrinsic, ArrayRef<Value> operands) const {
  LLVM::CallIntrinsicOp::create(e.builder, e.loc, e.builder.getStringAttr(intrinsic), ValueRange(operands));
}

/// A register's number.
Value MatrixTiles::number(int64_t value) const {
  return LLVM::ConstantOp::create(e.builder, e.loc, e.builder.getI8Type(), e.builder.getI8IntegerAttr(value));
}

Value MatrixTiles::address(Value buffer, ArrayRef<Value> tile) const {
  auto type = cast<MemRefType>(buffer.getType());
  auto [strides, offset] = type.getStridesAndOffset();
  assert(offset == 0 && "tiles are in buffers of their own");
  Number at = e.wrap(memref::ExtractAlignedPointerAsIndexOp::create(e.builder, e.loc, buffer));
  int64_t bytes = type.getElementTypeBitWidth() / 8;
  for (auto [index, stride] : llvm::zip(tile, strides))
    at = at + e.wrap(index) * static_cast<double>(stride * bytes);
  Value integer = e.convert(at, e.builder.getI64Type());
  return LLVM::IntToPtrOp::create(e.builder, e.loc, LLVM::LLVMPointerType::get(e.builder.getContext()), integer);
}

void MatrixTiles::configure() const {
  // Palette 1; from byte 16 the bytes of a row of each register, from byte 48 the rows of each.
  SmallVector<int8_t> bytes(64, 0);
  bytes[0] = 1;
  for (int64_t tile = 0; tile < 8; ++tile) {
    bytes[16 + 2 * tile] = rowBytes;
    bytes[48 + tile] = size;
  }
  Type i8 = e.builder.getI8Type();
  auto vector = VectorType::get({64}, i8);
  Number values =
      e.wrap(arith::ConstantOp::create(e.builder, e.loc, DenseElementsAttr::get(vector, ArrayRef<int8_t>(bytes))));
  Value memory = memref::AllocaOp::create(e.builder, e.loc, MemRefType::get({64}, i8));
  e.storeVector(values, memory, {e.index(0)});
  call("llvm.x86.ldtilecfg", {address(memory, {})});
}

void MatrixTiles::release() const { call("llvm.x86.tilerelease", {}); }

void MatrixTiles::multiply(int64_t rows, int64_t columns, Number depth, bool accumulate, TileSums sums,
                           TileOperand left, TileOperand right) const {
  begin(rows, columns, depth, accumulate ? &sums : nullptr, left, right);
  store(rows, columns, sums);
}

void MatrixTiles::begin(int64_t rows, int64_t columns, Number depth, const TileSums *before, TileOperand left,
                        TileOperand right) const {
  Value stride = e.constant(e.builder.getI64Type(), rowBytes);
  auto load = [&](int64_t target, Value buffer, ArrayRef<Value> place) {
    call("llvm.x86.tileloadd64", {number(target), address(buffer, place), stride});
  };
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      if (before)
        load(i * columns + j, before->buffer, before->place(i, j));
      else
        call("llvm.x86.tilezero", {number(i * columns + j)});
  e.loop(e.index(0), depth, 1, [&](Number step) {
    for (int64_t j = 0; j < columns; ++j)
      load(rightRegister + j, right.buffer, right.place(j, step));
    for (int64_t i = 0; i < rows; ++i) {
      load(leftRegister + i, left.buffer, left.place(i, step));
      for (int64_t j = 0; j < columns; ++j)
        call("llvm.x86.tdpbf16ps", {number(i * columns + j), number(leftRegister + i), number(rightRegister + j)});
    }
  });
}

void MatrixTiles::store(int64_t rows, int64_t columns, TileSums sums) const {
  Value stride = e.constant(e.builder.getI64Type(), rowBytes);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      call("llvm.x86.tilestored64", {number(i * columns + j), address(sums.buffer, sums.place(i, j)), stride});
}

void MatrixTiles::forPairs(int64_t count, function_ref<void(Number, int64_t)> body) const {
  if (count > 1)
    e.loop(0, count / 2 * 2, 2, [&](Number first) { body(first, 2); });
  if (count % 2)
    body(e.index(count - 1), 1);
}
