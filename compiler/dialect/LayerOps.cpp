//===- LayerOps.cpp - the layers of a transformer: verifiers, adjoints, costs ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/dialect/Verify.h"

using namespace mlir;
using namespace jepa;

//===----------------------------------------------------------------------===//
// Linear
//===----------------------------------------------------------------------===//

static int64_t weightIn(RankedTensorType weight) { return weight.getNumElements() / weight.getDimSize(0); }

static LogicalResult verifyProduct(Operation *op, RankedTensorType in, StringRef inName, RankedTensorType out,
                                   StringRef outName, RankedTensorType weight) {
  if (weight.getRank() < 2)
    return op->emitOpError("the weight must be [out, in...] but is ") << describeType(weight);
  if (in.getRank() < 2 || in.getRank() != out.getRank())
    return op->emitOpError() << inName << " (" << describeType(in) << ") and " << outName << " (" << describeType(out)
                             << ") must have the same number of axes, at least two";
  for (int64_t dim = 0; dim + 1 < in.getRank(); ++dim)
    if (failed(verifySameAxis(op, in, inName, dim, out, outName, dim)))
      return failure();
  if (in.getShape().back() != weightIn(weight) || out.getShape().back() != weight.getDimSize(0))
    return op->emitOpError("a weight of ") << describeType(weight) << " takes " << weightIn(weight)
                                           << " features to " << weight.getDimSize(0) << " but " << inName << " is "
                                           << describeType(in) << " and " << outName << " " << describeType(out);
  return success();
}

LogicalResult LinearOp::verify() {
  auto result = cast<RankedTensorType>(getType());
  if (failed(verifyProduct(*this, tensorType(getX()), "x", result, "the result", tensorType(getWeight()))))
    return failure();
  if (Type element = getElementTypeOrSelf(getWeight()); isE4m3(getX().getType()) && !element.isBF16())
    return emitOpError("with x in e4m3 takes a weight in bf16, found ") << element;
  return getBias() ? verifyShape(*this, getBias().getType(), "the bias", {result.getShape().back()}) : success();
}

static int64_t productFlops(RankedTensorType rows, RankedTensorType weight) {
  return 2 * countRows(rows) * weight.getNumElements();
}

int64_t LinearOp::getFlops() { return productFlops(tensorType(getX()), tensorType(getWeight())); }

LogicalResult LinearOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> wanted,
                                     MutableArrayRef<Value> operandGrads) {
  Value dy = resultGrads[0];
  if (wanted[0])
    operandGrads[0] = LinearInputGradOp::create(builder, getLoc(), getX().getType(), dy, getWeight());
  if (wanted[1])
    operandGrads[1] = LinearWeightGradOp::create(builder, getLoc(), getWeight().getType(), dy, getX());
  if (getBias() && wanted[2])
    operandGrads[2] = SumToOp::create(builder, getLoc(), getBias().getType(), dy);
  return success();
}

LogicalResult LinearInputGradOp::verify() {
  return verifyProduct(*this, cast<RankedTensorType>(getType()), "the result", tensorType(getDy()), "dy",
                       tensorType(getWeight()));
}
int64_t LinearInputGradOp::getFlops() { return productFlops(tensorType(getDy()), tensorType(getWeight())); }

LogicalResult LinearWeightGradOp::verify() {
  return verifyProduct(*this, tensorType(getX()), "x", tensorType(getDy()), "dy", cast<RankedTensorType>(getType()));
}
int64_t LinearWeightGradOp::getFlops() { return productFlops(tensorType(getDy()), cast<RankedTensorType>(getType())); }

//===----------------------------------------------------------------------===//
// LayerNorm
//===----------------------------------------------------------------------===//

static LogicalResult verifyFeatureVector(Operation *op, Value vector, StringRef name, Type x) {
  return vector ? verifyShape(op, vector.getType(), name, {cast<RankedTensorType>(x).getShape().back()}) : success();
}

static LogicalResult verifyEps(Operation *op, const APFloat &eps) {
  return eps.convertToDouble() > 0 ? success() : op->emitOpError("needs a positive eps");
}

LogicalResult LayerNormOp::verify() {
  if (!getWeight() != !getBias())
    return emitOpError("takes a weight and a bias or neither");
  if (failed(verifyEps(*this, getEps())) ||
      failed(verifySameShape(*this, getX().getType(), "x", getType(), "the result")) ||
      failed(verifyFeatureVector(*this, getWeight(), "the weight", getX().getType())))
    return failure();
  return verifyFeatureVector(*this, getBias(), "the bias", getX().getType());
}

LogicalResult LayerNormOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> wanted,
                                        MutableArrayRef<Value> operandGrads) {
  Value dy = resultGrads[0];
  if (wanted[0])
    operandGrads[0] =
        LayerNormGradOp::create(builder, getLoc(), getX().getType(), dy, getX(), getWeight(), getEpsAttr());
  if (getWeight() && (wanted[1] || wanted[2])) {
    auto grad = LayerNormWeightGradOp::create(builder, getLoc(), getWeight().getType(), getBias().getType(), dy,
                                              getX(), getEpsAttr());
    operandGrads[1] = grad.getDweight();
    operandGrads[2] = grad.getDbias();
  }
  return success();
}

LogicalResult LayerNormGradOp::verify() {
  if (failed(verifyEps(*this, getEps())) ||
      failed(verifySameShape(*this, getX().getType(), "x", getDy().getType(), "dy")) ||
      failed(verifySameShape(*this, getX().getType(), "x", getType(), "the result")))
    return failure();
  return verifyFeatureVector(*this, getWeight(), "the weight", getX().getType());
}

LogicalResult LayerNormWeightGradOp::verify() {
  if (failed(verifyEps(*this, getEps())) ||
      failed(verifySameShape(*this, getX().getType(), "x", getDy().getType(), "dy")) ||
      failed(verifyFeatureVector(*this, getDweight(), "the weight's gradient", getX().getType())))
    return failure();
  return verifyFeatureVector(*this, getDbias(), "the bias' gradient", getX().getType());
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

LogicalResult GeluOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool>,
                                   MutableArrayRef<Value> operandGrads) {
  operandGrads[0] = GeluGradOp::create(builder, getLoc(), getType(), resultGrads[0], getX());
  return success();
}

LogicalResult ReluOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool>,
                                   MutableArrayRef<Value> operandGrads) {
  operandGrads[0] = ReluGradOp::create(builder, getLoc(), getType(), resultGrads[0], getX());
  return success();
}

LogicalResult StopGradientOp::buildAdjoint(OpBuilder &, ArrayRef<Value>, ArrayRef<bool>, MutableArrayRef<Value>) {
  return success();
}

OpFoldResult ScaleOp::fold(FoldAdaptor) {
  return getFactor().isExactlyValue(1.0) && getOffset().isZero() ? getX() : Value();
}

LogicalResult ScaleOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool>,
                                    MutableArrayRef<Value> operandGrads) {
  operandGrads[0] = ScaleOp::create(builder, getLoc(), getType(), resultGrads[0], getFactorAttr(),
                                    builder.getF64FloatAttr(0.0));
  return success();
}

LogicalResult AddOp::verify() {
  auto lhs = tensorType(getLhs()), rhs = tensorType(getRhs());
  if (failed(verifySameShape(*this, lhs, "lhs", getType(), "the result")) ||
      failed(verifyRank(*this, rhs, "rhs", lhs.getRank())))
    return failure();
  for (int64_t dim = 0; dim < lhs.getRank(); ++dim)
    if (rhs.getDimSize(dim) != 1 || lhs.getDimSize(dim) == 1)
      // A table's `one` axis meets a single clip: both are 1 and the names may differ.
      if (lhs.getDimSize(dim) != 1 || rhs.getDimSize(dim) != 1)
        if (failed(verifySameAxis(*this, lhs, "lhs", dim, rhs, "rhs", dim)))
          return failure();
  return success();
}

bool AddOp::isTokenwiseOperand(unsigned index) {
  auto type = tensorType(getOperand(index));
  return type.getRank() == 3 && type.getDimSize(1) == tensorType(getLhs()).getDimSize(1);
}

LogicalResult AddOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> wanted,
                                  MutableArrayRef<Value> operandGrads) {
  Value dy = resultGrads[0];
  // A table with one clip differs from lhs in the name of an axis alone; its gradient has its own names.
  bool repeats = getRhs().getType() != dy.getType();
  if (wanted[0])
    operandGrads[0] = dy;
  if (wanted[1])
    operandGrads[1] = repeats ? SumToOp::create(builder, getLoc(), getRhs().getType(), dy).getResult() : dy;
  return success();
}

//===----------------------------------------------------------------------===//
// SplitFeatures, ConcatFeatures
//===----------------------------------------------------------------------===//

static LogicalResult verifyParts(Operation *op, RankedTensorType whole, TypeRange parts) {
  int64_t width = 0;
  for (Type part : parts) {
    auto type = cast<RankedTensorType>(part);
    if (failed(verifyRank(op, type, "a part", whole.getRank())))
      return failure();
    for (int64_t dim = 0; dim + 1 < whole.getRank(); ++dim)
      if (failed(verifySameAxis(op, whole, "the whole", dim, type, "a part", dim)))
        return failure();
    width += type.getShape().back();
  }
  if (width != whole.getShape().back())
    return op->emitOpError("has parts of ") << width << " features together but the whole is " << describeType(whole);
  return success();
}

LogicalResult SplitFeaturesOp::verify() { return verifyParts(*this, tensorType(getX()), getParts().getTypes()); }

LogicalResult SplitFeaturesOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool>,
                                            MutableArrayRef<Value> operandGrads) {
  SmallVector<Value> parts(resultGrads);
  for (auto [index, part] : llvm::enumerate(parts))
    if (!part)
      part = ConstantOp::create(builder, getLoc(), getParts()[index].getType(), builder.getF64FloatAttr(0.0));
  operandGrads[0] = ConcatFeaturesOp::create(builder, getLoc(), getX().getType(), parts);
  return success();
}

LogicalResult ConcatFeaturesOp::verify() {
  return verifyParts(*this, cast<RankedTensorType>(getType()), getParts().getTypes());
}

bool ConcatFeaturesOp::isTokenwiseOperand(unsigned) { return true; }

LogicalResult ConcatFeaturesOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool>,
                                             MutableArrayRef<Value> operandGrads) {
  auto split = SplitFeaturesOp::create(builder, getLoc(), getParts().getTypes(), resultGrads[0]);
  for (auto [grad, part] : llvm::zip(operandGrads, split.getParts()))
    grad = part;
  return success();
}

//===----------------------------------------------------------------------===//
// Cast
//===----------------------------------------------------------------------===//

LogicalResult CastOp::verify() { return verifySameShape(*this, getX().getType(), "x", getType(), "the result"); }

OpFoldResult CastOp::fold(FoldAdaptor) { return getX().getType() == getType() ? getX() : Value(); }

LogicalResult CastOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool>,
                                   MutableArrayRef<Value> operandGrads) {
  operandGrads[0] = CastOp::create(builder, getLoc(), getX().getType(), resultGrads[0]);
  return success();
}
