//===- LossOps.cpp - losses and statistics: verifiers and adjoints ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/dialect/Verify.h"

using namespace mlir;
using namespace jepa;

static LogicalResult verifyLength(Operation *op, Value length) {
  return length && tensorType(length).getNumElements() != 1 ? op->emitOpError("the length must be one number")
                                                             : success();
}

static LogicalResult verifyBounds(Operation *op, Value x, Value length, Value bounds) {
  if (!bounds)
    return success();
  if (length)
    return op->emitOpError("takes a length or bounds, not both");
  if (tensorType(x).getDimSize(0) != 1)
    return op->emitOpError("is packed: samples stand on the token axis of one clip, but x is ")
           << describeType(x.getType());
  return tensorType(bounds).getDimSize(0) < 2 ? op->emitOpError("needs bounds of at least one sample") : success();
}

static LogicalResult verifyPowerLoss(Operation *op, Value predicted, Value target, Value length, Value bounds,
                                     const APFloat &exponent) {
  if (exponent.convertToDouble() < 1.0)
    return op->emitOpError("needs an exponent of at least 1 but has ") << exponent.convertToDouble();
  if (failed(verifyRank(op, predicted.getType(), "the prediction", 3)) || failed(verifyLength(op, length)) ||
      failed(verifyBounds(op, predicted, length, bounds)))
    return failure();
  return verifySameShape(op, predicted.getType(), "the prediction", target.getType(), "the target");
}

LogicalResult PowerLossOp::verify() {
  return verifyPowerLoss(*this, getPredicted(), getTarget(), getLength(), getBounds(), getExponent());
}

LogicalResult PowerLossOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> wanted,
                                        MutableArrayRef<Value> operandGrads) {
  Value grad = PowerLossGradOp::create(builder, getLoc(), getPredicted().getType(), resultGrads[0], getPredicted(),
                                       getTarget(), getLength(), getBounds(), getExponentAttr());
  if (wanted[0])
    operandGrads[0] = grad;
  if (wanted[1])
    operandGrads[1] = ScaleOp::create(builder, getLoc(), grad.getType(), grad, builder.getF64FloatAttr(-1.0),
                                      builder.getF64FloatAttr(0.0));
  return success();
}

LogicalResult PowerLossGradOp::verify() {
  if (failed(verifySameShape(*this, getPredicted().getType(), "the prediction", getType(), "the result")))
    return failure();
  return verifyPowerLoss(*this, getPredicted(), getTarget(), getLength(), getBounds(), getExponent());
}

static LogicalResult verifyTokenStd(Operation *op, Value x, Value std, Value length, Value bounds) {
  auto type = tensorType(x);
  if (failed(verifyRank(op, type, "x", 3)) || failed(verifyLength(op, length)) ||
      failed(verifyBounds(op, x, length, bounds)))
    return failure();
  if (type.getDimSize(1) < 2)
    return op->emitOpError("needs at least two tokens for an unbiased variance but x is ") << describeType(type);
  return verifyShape(op, std.getType(), "the deviation", {bounds ? tensorType(bounds).getDimSize(0) - 1 : type.getDimSize(0), type.getDimSize(2)});
}

LogicalResult TokenStdOp::verify() {
  if (getEps().convertToDouble() <= 0)
    return emitOpError("needs a positive eps");
  return verifyTokenStd(*this, getX(), getResult(), getLength(), getBounds());
}

LogicalResult TokenStdOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool>,
                                       MutableArrayRef<Value> operandGrads) {
  operandGrads[0] = TokenStdGradOp::create(builder, getLoc(), getX().getType(), resultGrads[0], getX(), getResult(),
                                           getLength(), getBounds());
  return success();
}

LogicalResult TokenStdGradOp::verify() {
  if (failed(verifySameShape(*this, getX().getType(), "x", getType(), "the result")) ||
      failed(verifySameShape(*this, getStd().getType(), "the deviation", getDstd().getType(), "its gradient")))
    return failure();
  return verifyTokenStd(*this, getX(), getStd(), getLength(), getBounds());
}

LogicalResult MeanOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool>,
                                   MutableArrayRef<Value> operandGrads) {
  auto type = tensorType(getX());
  Value each = ScaleOp::create(builder, getLoc(), getType(), resultGrads[0],
                               builder.getF64FloatAttr(1.0 / type.getNumElements()), builder.getF64FloatAttr(0.0));
  operandGrads[0] = SplatOp::create(builder, getLoc(), type, each);
  return success();
}
