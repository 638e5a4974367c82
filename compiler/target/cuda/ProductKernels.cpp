//===- ProductKernels.cpp - cuda: linear layers through the GEMM library ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cuda/Kernels.h"

using namespace mlir;
using namespace jepa;

/// Features of a row: for a weight [out, in...], all of `in...`.
static int64_t features(RankedTensorType type) { return type.getNumElements() / type.getDimSize(0); }

void jepa::emitProduct(LinearOp op, KernelContext &context, Value result, const ProductEpilogue &epilogue) {
  Value x = context.in(op.getX());
  int64_t out = op.getWeight().getType().getDimSize(0), in = features(op.getWeight().getType());
  Product product{countRows(op.getX().getType()), out, in, KernelContext::rowStride(x), in, out};
  product.transB = true;
  productOnDevice(context, product, result, x, context.in(op.getWeight()), epilogue);
}

void jepa::emitProduct(LinearInputGradOp op, KernelContext &context, Value result, const ProductEpilogue &epilogue) {
  Value dy = context.in(op.getDy());
  int64_t out = op.getWeight().getType().getDimSize(0), in = features(op.getWeight().getType());
  Product product{countRows(op.getDy().getType()), in, out, KernelContext::rowStride(dy), in, in};
  productOnDevice(context, product, result, dy, context.in(op.getWeight()), epilogue);
}

LogicalResult LinearCuda::emit(LinearOp op, KernelContext &context) {
  if (isE4m3(op.getX().getType()))
    return emitE4m3Product(op, context);
  Value result = context.out(op.getResult());
  ProductEpilogue epilogue;
  if (op.getBias()) {
    // The library adds a bias of the result's own type alone.
    epilogue = {"bias", plainBuffer(context, context.in(op.getBias()), getElementTypeOrSelf(result.getType()))};
  }
  emitProduct(op, context, result, epilogue);
  return success();
}

LogicalResult LinearInputGradCuda::emit(LinearInputGradOp op, KernelContext &context) {
  emitProduct(op, context, context.out(op.getResult()), {});
  return success();
}

LogicalResult LinearWeightGradCuda::emit(LinearWeightGradOp op, KernelContext &context) {
  Value dy = context.in(op.getDy()), x = context.in(op.getX());
  int64_t out = op.getType().getDimSize(0), in = features(op.getType());
  Product product{out, in, countRows(op.getX().getType()), KernelContext::rowStride(dy), KernelContext::rowStride(x),
                  in};
  product.transA = true;
  productOnDevice(context, product, context.out(op.getResult()), dy, x);
  return success();
}
