//===- TokenOps.cpp - sources of tokens, selections, concatenations ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/dialect/Verify.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace jepa;

//===----------------------------------------------------------------------===//
// Shared checks
//===----------------------------------------------------------------------===//

LogicalResult jepa::verifySameAxis(Operation *op, Type a, StringRef aName, unsigned aDim, Type b, StringRef bName,
                                   unsigned bDim) {
  int64_t aSize = cast<RankedTensorType>(a).getDimSize(aDim), bSize = cast<RankedTensorType>(b).getDimSize(bDim);
  StringRef aAxis = getAxisName(a, aDim), bAxis = getAxisName(b, bDim);
  if (aSize == bSize && (aAxis.empty() || bAxis.empty() || aAxis == bAxis))
    return success();
  return op->emitOpError("axis ") << aDim << " of " << aName << " (" << describeType(a) << ") and axis " << bDim
                                  << " of " << bName << " (" << describeType(b) << ") differ";
}

LogicalResult jepa::verifyRank(Operation *op, Type type, StringRef name, int64_t rank) {
  if (cast<RankedTensorType>(type).getRank() == rank)
    return success();
  return op->emitOpError() << name << " must have " << rank << " axes but is " << describeType(type);
}

LogicalResult jepa::verifySameShape(Operation *op, Type a, StringRef aName, Type b, StringRef bName) {
  if (failed(verifyRank(op, b, bName, cast<RankedTensorType>(a).getRank())))
    return failure();
  for (int64_t dim = 0; dim < cast<RankedTensorType>(a).getRank(); ++dim)
    if (failed(verifySameAxis(op, a, aName, dim, b, bName, dim)))
      return failure();
  return success();
}

LogicalResult jepa::verifyShape(Operation *op, Type type, StringRef name, ArrayRef<int64_t> shape) {
  if (cast<RankedTensorType>(type).getShape() == shape)
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError();
  diagnostic << name << " is " << describeType(type) << " but must be ";
  llvm::interleave(shape, diagnostic, [&](int64_t size) { diagnostic << size; }, " x ");
  return diagnostic;
}

//===----------------------------------------------------------------------===//
// Parameter, Position, Patchify
//===----------------------------------------------------------------------===//

LogicalResult ParameterOp::verify() {
  if (getName().empty())
    return emitOpError("needs a name, the state-dict key of the tensor");
  if (getInit() != "trunc_normal" && getInit() != "zeros" && getInit() != "ones")
    return emitOpError("has unknown init '") << getInit() << "': use trunc_normal, zeros or ones";
  if (getInit() == "trunc_normal" && (!getStd() || getStd()->convertToDouble() <= 0))
    return emitOpError("with init 'trunc_normal' needs a positive std");
  if (getEmaOf() && getTrainable())
    return emitOpError("'") << getName() << "' follows '" << *getEmaOf() << "', so it cannot be trainable";
  return success();
}

LogicalResult PositionOp::verify() {
  auto type = cast<RankedTensorType>(getType());
  if (failed(verifyRank(*this, type, "the table", 3)))
    return failure();
  if (getKind() != "2d" && getKind() != "3d")
    return emitOpError("has unknown kind '") << getKind() << "': use 2d or 3d";
  for (ArrayRef<int64_t> grid : {getGrid(), getTrainedGrid() ? *getTrainedGrid() : getGrid()})
    if (grid.size() != 3 || llvm::any_of(grid, [](int64_t n) { return n <= 0; }))
      return emitOpError("needs a grid of three positive numbers: depth, rows, columns");
  int64_t tokens = getGrid()[0] * getGrid()[1] * getGrid()[2];
  if (getKind() == "2d" && getGrid()[0] != 1)
    return emitOpError("of kind 2d needs a grid of depth 1 but has ") << getGrid()[0];
  if (type.getDimSize(0) != 1 || type.getDimSize(1) != tokens)
    return emitOpError("is ") << describeType(type) << " but its grid has " << tokens << " tokens, shared by all clips";
  int64_t divisor = getKind() == "3d" && !getUniform() ? 8 : getKind() == "2d" ? 4 : 2;
  if (type.getDimSize(2) % divisor)
    return emitOpError("has width ") << type.getDimSize(2) << ", which " << divisor
                                     << " must divide: each axis gets a sine and a cosine half";
  return success();
}

LogicalResult PatchifyOp::verify() {
  auto clip = tensorType(getClip()), result = cast<RankedTensorType>(getType());
  if (failed(verifyRank(*this, clip, "the clip", 5)) || failed(verifyRank(*this, result, "the result", 3)))
    return failure();
  int64_t patch = getPatch(), tubelet = getTubelet();
  if (patch <= 0 || tubelet <= 0)
    return emitOpError("needs a positive patch and tubelet");
  ArrayRef<int64_t> shape = clip.getShape();
  if (shape[2] % tubelet || shape[3] % patch || shape[4] % patch)
    return emitOpError("cannot cut ") << describeType(clip) << " into tubelets of " << tubelet << " x " << patch
                                      << " x " << patch << " without remainder";
  int64_t clips = shape[0], tokens = (shape[2] / tubelet) * (shape[3] / patch) * (shape[4] / patch);
  if (getTokens()) {
    auto mask = tensorType(getTokens());
    if (mask.getDimSize(0) != clips && mask.getDimSize(0) != 1)
      return emitOpError("the mask (") << describeType(mask)
                                       << ") must have one row, of a packed batch, or one for each of " << clips
                                       << " clips";
    if (failed(verifySameAxis(*this, mask, "the mask", 1, result, "the result", 1)))
      return failure();
    clips = mask.getDimSize(0);
    tokens = mask.getDimSize(1);
  }
  return verifyShape(*this, result, "the result", {clips, tokens, shape[1] * tubelet * patch * patch});
}

LogicalResult PatchifyOp::propagateTokenDemand(unsigned, TokenSelector selector,
                                               function_ref<void(unsigned, TokenSelector)>, std::string &why) {
  if (selector.isAll() || (selector.kind == TokenSelector::Kind::Mask && !getTokens()))
    return success();
  why = getTokens() ? "it cuts the tokens of a mask already" : "only a mask selects tubelets";
  return failure();
}

Value PatchifyOp::buildForTokens(OpBuilder &builder, unsigned, TokenSelector selector,
                                 function_ref<Value(unsigned, TokenSelector)>) {
  return PatchifyOp::create(builder, getLoc(), selectTokens(cast<RankedTensorType>(getType()), selector), getClip(),
                            selector.mask, getPatchAttr(), getTubeletAttr());
}

//===----------------------------------------------------------------------===//
// GatherTokens, ScatterTokens
//===----------------------------------------------------------------------===//

static LogicalResult verifySelection(Operation *op, RankedTensorType all, StringRef allName, RankedTensorType some,
                                     StringRef someName, RankedTensorType mask) {
  if (failed(verifyRank(op, all, allName, 3)) || failed(verifyRank(op, some, someName, 3)) ||
      failed(verifySameAxis(op, mask, "the mask", 0, some, someName, 0)) ||
      failed(verifySameAxis(op, mask, "the mask", 1, some, someName, 1)) ||
      failed(verifySameAxis(op, all, allName, 2, some, someName, 2)))
    return failure();
  if (all.getDimSize(0) != 1 && all.getDimSize(0) != some.getDimSize(0))
    return op->emitOpError() << allName << " (" << describeType(all) << ") must have one clip or as many as "
                             << someName << " (" << describeType(some) << ")";
  return success();
}

/// A cyclic selection is one of a packed batch, from a table.
static LogicalResult verifyCyclic(Operation *op, bool cyclic, RankedTensorType all, StringRef allName,
                                  RankedTensorType mask) {
  if (cyclic && (all.getDimSize(0) != 1 || mask.getDimSize(0) != 1))
    return op->emitOpError("is cyclic: ") << allName << " (" << describeType(all) << ") and the mask ("
                                          << describeType(mask) << ") must have one clip";
  return success();
}

LogicalResult GatherTokensOp::verify() {
  if (failed(verifyCyclic(*this, getCyclic(), tensorType(getX()), "x", tensorType(getMask()))))
    return failure();
  return verifySelection(*this, tensorType(getX()), "x", cast<RankedTensorType>(getType()), "the result",
                         tensorType(getMask()));
}

LogicalResult GatherTokensOp::propagateTokenDemand(unsigned, TokenSelector selector,
                                                   function_ref<void(unsigned, TokenSelector)> demand,
                                                   std::string &why) {
  if (!selector.isAll()) {
    why = "a selection of a selection is not followed further";
    return failure();
  }
  if (getCyclic()) {
    why = "its mask counts tokens of several clips, x those of one";
    return failure();
  }
  auto keep = TokenSelector::ofMask(getMask());
  if (selectTokens(tensorType(getX()), keep) != getType()) {
    why = "its result's axes are not x's with the mask's name";
    return failure();
  }
  demand(0, keep);
  return success();
}

Value GatherTokensOp::buildForTokens(OpBuilder &, unsigned, TokenSelector,
                                     function_ref<Value(unsigned, TokenSelector)> operandAt) {
  return operandAt(0, TokenSelector::ofMask(getMask()));
}

LogicalResult GatherTokensOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> wanted,
                                           MutableArrayRef<Value> operandGrads) {
  if (wanted[0])
    operandGrads[0] =
        ScatterTokensOp::create(builder, getLoc(), getX().getType(), resultGrads[0], getMask(), getCyclic());
  return success();
}

LogicalResult ScatterTokensOp::verify() {
  auto result = cast<RankedTensorType>(getType());
  if (failed(verifyCyclic(*this, getCyclic(), result, "the result", tensorType(getMask()))))
    return failure();
  return verifySelection(*this, cast<RankedTensorType>(getType()), "the result", tensorType(getX()), "x",
                         tensorType(getMask()));
}

//===----------------------------------------------------------------------===//
// ConcatTokens, SliceTokens, PadTokens
//===----------------------------------------------------------------------===//

/// Where each part of a concatenation begins.
static SmallVector<int64_t> partOffsets(ConcatTokensOp op) {
  SmallVector<int64_t> offsets;
  int64_t offset = 0;
  for (Value part : op.getParts()) {
    offsets.push_back(offset);
    offset += tensorType(part).getDimSize(1);
  }
  return offsets;
}

LogicalResult ConcatTokensOp::verify() {
  auto result = cast<RankedTensorType>(getType());
  if (getParts().empty())
    return emitOpError("needs at least one part");
  if (failed(verifyRank(*this, result, "the result", 3)))
    return failure();
  int64_t tokens = 0;
  std::string axis;
  for (Value part : getParts()) {
    if (failed(verifyRank(*this, part.getType(), "a part", 3)) ||
        failed(verifySameAxis(*this, part.getType(), "a part", 0, result, "the result", 0)) ||
        failed(verifySameAxis(*this, part.getType(), "a part", 2, result, "the result", 2)))
      return failure();
    tokens += tensorType(part).getDimSize(1);
    axis += (axis.empty() ? "" : "+") + getAxisName(part.getType(), 1).str();
  }
  if (tokens != result.getDimSize(1))
    return emitOpError("has parts of ") << tokens << " tokens but a result of " << result.getDimSize(1);
  if (StringRef name = getAxisName(result, 1); getAxes(getParts()[0].getType()) && !name.empty() && name != axis)
    return emitOpError("the result's token axis is '") << name << "' but its parts make '" << axis << "'";
  return success();
}

OpFoldResult ConcatTokensOp::fold(FoldAdaptor) {
  if (getParts().size() == 1)
    return getParts()[0].getType() == getType() ? getParts()[0] : Value();
  // All segments of one value, in order, are that value.
  auto first = getParts()[0].getDefiningOp<SliceTokensOp>();
  if (!first || first.getX().getType() != getType())
    return {};
  for (auto [part, offset] : llvm::zip(getParts(), partOffsets(*this))) {
    auto slice = part.getDefiningOp<SliceTokensOp>();
    if (!slice || slice.getX() != first.getX() || static_cast<int64_t>(slice.getOffset()) != offset)
      return {};
  }
  return first.getX();
}

LogicalResult ConcatTokensOp::propagateTokenDemand(unsigned, TokenSelector selector,
                                                   function_ref<void(unsigned, TokenSelector)> demand,
                                                   std::string &why) {
  for (auto [index, offset] : llvm::enumerate(partOffsets(*this))) {
    bool isThis = selector.kind == TokenSelector::Kind::Segment && selector.offset == offset &&
                  selector.size == tensorType(getParts()[index]).getDimSize(1);
    if (selector.isAll() || isThis)
      demand(index, TokenSelector::all());
    if (isThis)
      return success();
  }
  if (!selector.isAll())
    why = "the selection is not one of the concatenation's parts";
  return success(selector.isAll());
}

Value ConcatTokensOp::buildForTokens(OpBuilder &builder, unsigned, TokenSelector selector,
                                     function_ref<Value(unsigned, TokenSelector)> operandAt) {
  SmallVector<Value> parts;
  for (auto [index, offset] : llvm::enumerate(partOffsets(*this)))
    if (selector.isAll() || selector.offset == offset)
      parts.push_back(operandAt(index, TokenSelector::all()));
  if (parts.size() == 1)
    return parts[0];
  return ConcatTokensOp::create(builder, getLoc(), getType(), parts);
}

LogicalResult ConcatTokensOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> wanted,
                                           MutableArrayRef<Value> operandGrads) {
  for (auto [index, offset] : llvm::enumerate(partOffsets(*this)))
    if (wanted[index])
      operandGrads[index] =
          SliceTokensOp::create(builder, getLoc(), getParts()[index].getType(), resultGrads[0], offset);
  return success();
}

static LogicalResult verifySegment(Operation *op, RankedTensorType all, StringRef allName, RankedTensorType some,
                                   StringRef someName, int64_t offset) {
  if (failed(verifyRank(op, all, allName, 3)) || failed(verifyRank(op, some, someName, 3)) ||
      failed(verifySameAxis(op, all, allName, 0, some, someName, 0)) ||
      failed(verifySameAxis(op, all, allName, 2, some, someName, 2)))
    return failure();
  if (offset < 0 || offset + some.getDimSize(1) > all.getDimSize(1))
    return op->emitOpError("tokens [") << offset << ", " << offset + some.getDimSize(1) << ") are not within "
                                       << allName << " (" << describeType(all) << ")";
  return success();
}

LogicalResult SliceTokensOp::verify() {
  return verifySegment(*this, tensorType(getX()), "x", cast<RankedTensorType>(getType()), "the result", getOffset());
}

OpFoldResult SliceTokensOp::fold(FoldAdaptor) {
  if (getX().getType() == getType())
    return getX();
  if (auto concat = getX().getDefiningOp<ConcatTokensOp>())
    for (auto [part, offset] : llvm::zip(concat.getParts(), partOffsets(concat)))
      if (offset == static_cast<int64_t>(getOffset()) && part.getType() == getType())
        return part;
  if (auto outer = getX().getDefiningOp<SliceTokensOp>()) {
    setOffset(getOffset() + outer.getOffset());
    getXMutable().assign(outer.getX());
    return getResult();
  }
  return {};
}

LogicalResult SliceTokensOp::propagateTokenDemand(unsigned, TokenSelector selector,
                                                  function_ref<void(unsigned, TokenSelector)> demand,
                                                  std::string &why) {
  auto type = cast<RankedTensorType>(getType());
  AxesAttr axes = getAxes(type);
  auto axis = axes ? axes.getNames()[1] : StringAttr::get(getContext(), "segment");
  if (!selector.isAll()) {
    why = "a selection of a segment is not followed further";
    return failure();
  }
  auto keep = TokenSelector::ofSegment(getOffset(), type.getDimSize(1), axis);
  if (selectTokens(tensorType(getX()), keep) != type) {
    why = "its result's axes are not x's with the segment's name";
    return failure();
  }
  demand(0, keep);
  return success();
}

Value SliceTokensOp::buildForTokens(OpBuilder &, unsigned, TokenSelector,
                                    function_ref<Value(unsigned, TokenSelector)> operandAt) {
  Value selected;
  auto keep = [&](unsigned index, TokenSelector selector) { selected = operandAt(index, selector); };
  std::string why;
  return succeeded(propagateTokenDemand(0, TokenSelector::all(), keep, why)) ? selected : Value();
}

LogicalResult SliceTokensOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> wanted,
                                          MutableArrayRef<Value> operandGrads) {
  if (wanted[0])
    operandGrads[0] = PadTokensOp::create(builder, getLoc(), getX().getType(), resultGrads[0], getOffsetAttr());
  return success();
}

LogicalResult PadTokensOp::verify() {
  return verifySegment(*this, cast<RankedTensorType>(getType()), "the result", tensorType(getX()), "x", getOffset());
}

//===----------------------------------------------------------------------===//
// RegroupTokens, ParameterCopy
//===----------------------------------------------------------------------===//

LogicalResult RegroupTokensOp::verify() {
  auto x = tensorType(getX()), result = cast<RankedTensorType>(getType());
  if (failed(verifyRank(*this, x, "x", 3)) || failed(verifyRank(*this, result, "the result", 3)) ||
      failed(verifySameAxis(*this, x, "x", 2, result, "the result", 2)))
    return failure();
  if (x.getNumElements() != result.getNumElements())
    return emitOpError("has ") << countRows(x) << " tokens but the result has " << countRows(result);
  return success();
}

OpFoldResult RegroupTokensOp::fold(FoldAdaptor) {
  if (getX().getType() == getType())
    return getX();
  auto before = getX().getDefiningOp<RegroupTokensOp>();
  return before && before.getX().getType() == getType() ? before.getX() : Value();
}

LogicalResult RegroupTokensOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool>,
                                            MutableArrayRef<Value> operandGrads) {
  operandGrads[0] = RegroupTokensOp::create(builder, getLoc(), getX().getType(), resultGrads[0]);
  return success();
}

LogicalResult ParameterCopyOp::verify() {
  return getElementTypeOrSelf(getType()).isBF16() ? success() : emitOpError("must be bf16");
}
