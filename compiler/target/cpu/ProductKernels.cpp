//===- ProductKernels.cpp - cpu: linear layers through the GEMM library ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/Kernels.h"

using namespace mlir;
using namespace jepa;

/// Features of a row: for a weight [out, in...], all of `in...`.
static int64_t features(RankedTensorType type) { return type.getNumElements() / type.getDimSize(0); }

LogicalResult LinearCpu::emit(LinearOp op, KernelContext &context) {
  Value x = context.in(op.getX()), bias = op.getBias() ? context.in(op.getBias()) : Value();
  int64_t out = op.getWeight().getType().getDimSize(0), in = features(op.getWeight().getType());
  Product product{countRows(op.getX().getType()), out, in, KernelContext::rowStride(x), in, out};
  product.transB = true;
  context.product(product, context.out(op.getResult()), x, context.in(op.getWeight()), bias);
  return success();
}

LogicalResult LinearInputGradCpu::emit(LinearInputGradOp op, KernelContext &context) {
  Value dy = context.in(op.getDy());
  int64_t out = op.getWeight().getType().getDimSize(0), in = features(op.getWeight().getType());
  Product product{countRows(op.getDy().getType()), in, out, KernelContext::rowStride(dy), in, in};
  context.product(product, context.out(op.getResult()), dy, context.in(op.getWeight()));
  return success();
}

LogicalResult LinearWeightGradCpu::emit(LinearWeightGradOp op, KernelContext &context) {
  Value dy = context.in(op.getDy()), x = context.in(op.getX());
  int64_t out = op.getType().getDimSize(0), in = features(op.getType());
  int64_t rows = countRows(op.getX().getType());
  Product product{out, in, rows, KernelContext::rowStride(dy), KernelContext::rowStride(x), in};
  product.transA = true;
  context.product(product, context.out(op.getResult()), dy, x);
  return success();
}
