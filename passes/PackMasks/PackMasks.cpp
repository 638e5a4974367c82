//===- PackMasks.cpp - let every sample keep all its tokens ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// An axis is *packed* if an argument holds its bounds; a concatenation is packed if its parts are. One walk in program
// order gives each value over a packed axis its new type, [1, clips x tokens, width], op by op.
//
//===----------------------------------------------------------------------===//

#include "passes/PackMasks/PackMasks.h"

#include "compiler/analysis/PassReport.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace jepa;

namespace jepa {
#define GEN_PASS_DEF_PACKMASKS
#include "passes/PackMasks/PackMasks.h.inc"
} // namespace jepa

namespace {

constexpr llvm::StringLiteral passName = "jepa-pack-masks";

/// A packed axis.
struct PackedAxis {
  Value bounds;
  /// Places for all samples together.
  int64_t capacity = 0;
};

/// The bounds and sizes of the parts of a token axis.
struct Parts {
  SmallVector<Value> bounds;
  SmallVector<int64_t> sizes;
};

class Packer {
public:
  explicit Packer(func::FuncOp function) : function(function), builder(function) {}

  LogicalResult run();
  int64_t getNumPacked() const { return numOps; }

private:
  LogicalResult collect();
  LogicalResult packMask(BlockArgument mask, PackedAxis &axis);
  LogicalResult pack(Operation *op);
  LogicalResult packTokenwise(Operation *op);
  LogicalResult packGather(GatherTokensOp op);
  LogicalResult packAttention(AttentionOp op);
  template <typename Op> LogicalResult packRows(Op op, Value rows);
  LogicalResult restore(Operation *op);
  void retype(Value value);
  Value asOneClip(Value x);
  Parts partsOf(Value value) const;
  bool isPacked(Value value) const { return packed.contains(value); }

  func::FuncOp function;
  OpBuilder builder;
  int64_t samples = 0;
  llvm::StringMap<PackedAxis> axes;
  /// The types that packed values had.
  DenseMap<Value, Type> packed;
  DenseMap<Value, Value> oneClip;
  int64_t numOps = 0;
};

} // namespace

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

static RankedTensorType withShape(RankedTensorType type, ArrayRef<int64_t> shape, StringRef clipAxis,
                                  StringRef tokenAxis) {
  AxesAttr axes = getAxes(type);
  if (axes)
    axes = axes.withName(0, StringAttr::get(type.getContext(), clipAxis))
               .withName(1, StringAttr::get(type.getContext(), tokenAxis));
  return RankedTensorType::get(shape, type.getElementType(), axes);
}

/// [clips, tokens, ...] as one clip, with the token axis' name as it is.
static RankedTensorType packedType(RankedTensorType type) {
  SmallVector<int64_t> shape(type.getShape());
  shape[1] *= shape[0];
  shape[0] = 1;
  return withShape(type, shape, "one", getAxisName(type, 1));
}

void Packer::retype(Value value) {
  packed[value] = value.getType();
  value.setType(packedType(cast<RankedTensorType>(value.getType())));
}

/// A batch as one clip; a view, made once, where the batch is.
Value Packer::asOneClip(Value x) {
  Value &view = oneClip[x];
  if (view)
    return view;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfterValue(x);
  auto type = cast<RankedTensorType>(x.getType());
  SmallVector<int64_t> shape{1, type.getDimSize(0) * type.getDimSize(1), type.getDimSize(2)};
  std::string axis = (getAxisName(type, 0) + "*" + getAxisName(type, 1)).str();
  view = RegroupTokensOp::create(builder, x.getLoc(), withShape(type, shape, "one", axis), x);
  return view;
}

Parts Packer::partsOf(Value value) const {
  Parts parts;
  SmallVector<StringRef> names;
  getAxisName(value.getType(), 1).split(names, '+');
  for (StringRef name : names) {
    const PackedAxis &axis = axes.at(name);
    parts.bounds.push_back(axis.bounds);
    parts.sizes.push_back(axis.capacity);
  }
  return parts;
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

LogicalResult Packer::packMask(BlockArgument mask, PackedAxis &axis) {
  auto type = cast<RankedTensorType>(mask.getType());
  int64_t clips = type.getDimSize(0), bounds = cast<RankedTensorType>(axis.bounds.getType()).getDimSize(0);
  if (bounds != clips + 1)
    return function.emitError("axis '") << getAxisName(type, 1) << "' has bounds of " << bounds - 1
                                        << " samples but a mask (" << describeType(type) << ") of " << clips;
  unsigned index = mask.getArgNumber();
  int64_t tokens = cast<IntegerAttr>(function.getArgAttr(index, maskTokensAttr)).getInt();
  function.setArgAttr(index, maskTokensAttr, builder.getI64IntegerAttr(clips * tokens));
  retype(mask);
  samples = clips;
  axis.capacity = cast<RankedTensorType>(mask.getType()).getDimSize(1);
  remark::passed(mask.getLoc(), remark::RemarkOpts::name("packed").category(passName).function(function.getName()))
      << remark::add("'{0}': {1} samples share {2} tokens", getAxisName(type, 1), clips, axis.capacity);
  return success();
}

LogicalResult Packer::collect() {
  for (BlockArgument argument : function.getArguments()) {
    auto axis = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), boundsOfAttr);
    if (axis && !axes.insert({axis.getValue(), {argument}}).second)
      return function.emitError("two arguments are the bounds of axis '") << axis.getValue() << "'";
  }
  for (BlockArgument argument : function.getArguments()) {
    if (!function.getArgAttr(argument.getArgNumber(), maskTokensAttr))
      continue;
    if (auto axis = axes.find(getAxisName(argument.getType(), 1)); axis != axes.end())
      if (failed(packMask(argument, axis->second)))
        return failure();
  }
  for (auto &axis : axes)
    if (axis.second.capacity == 0)
      return function.emitError("has bounds of axis '") << axis.first() << "' but no mask argument over it";
  return success();
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// Fails unless all of `values` are packed; `what` they are.
static LogicalResult requireAll(Operation *op, ArrayRef<bool> isPacked, StringRef what) {
  if (llvm::all_of(isPacked, [](bool is) { return is; }))
    return success();
  return op->emitError("joins packed tokens with others: give every ")
         << what << " an axis with jepa.bounds_of, or none";
}

LogicalResult Packer::packTokenwise(Operation *op) {
  auto tokenwise = cast<TokenwiseOpInterface>(op);
  SmallVector<bool> isTokensPacked;
  for (OpOperand &operand : op->getOpOperands())
    if (isPacked(operand.get()) || tokenwise.isTokenwiseOperand(operand.getOperandNumber()))
      isTokensPacked.push_back(isPacked(operand.get()));
  if (failed(requireAll(op, isTokensPacked, "operand")))
    return failure();
  for (Value result : op->getResults())
    retype(result);
  return success();
}

LogicalResult Packer::packGather(GatherTokensOp op) {
  if (!isPacked(op.getMask()) || isPacked(op.getX()))
    return op.emitError("selects from packed tokens: only tokens of whole clips can be selected by a packed mask");
  if (cast<RankedTensorType>(op.getX().getType()).getDimSize(0) == 1)
    op.setCyclic(true);
  else
    op.getXMutable().assign(asOneClip(op.getX()));
  retype(op.getResult());
  return success();
}

LogicalResult Packer::packAttention(AttentionOp op) {
  if (op.getMask() || !op.getLengths().empty())
    return op.emitError(
        "has a mask or lengths: packing needs attention over the kept tokens alone (jepa-prune-tokens)");
  if (failed(requireAll(op, {isPacked(op.getQuery()), isPacked(op.getKey()), isPacked(op.getValue())}, "operand")))
    return failure();
  Parts queries = partsOf(op.getQuery()), keys = partsOf(op.getKey());
  op.getQueryBoundsMutable().assign(queries.bounds);
  op.getKeyBoundsMutable().assign(keys.bounds);
  op.setQuerySegments(queries.sizes);
  op.setSegments(keys.sizes);
  retype(op.getResult());
  auto stats = cast<RankedTensorType>(op.getLogsumexp().getType());
  op.getLogsumexp().setType(
      RankedTensorType::get({1, stats.getDimSize(1), cast<RankedTensorType>(op.getResult().getType()).getDimSize(1)},
                            stats.getElementType()));
  return success();
}

/// Gives an op that counts the tokens of `rows` their bounds.
template <typename Op> LogicalResult Packer::packRows(Op op, Value rows) {
  Parts parts = partsOf(rows);
  if (parts.bounds.size() != 1)
    return op.emitError("counts tokens over '")
           << getAxisName(rows.getType(), 1) << "', which joins packed parts: take one part's tokens first";
  op.getBoundsMutable().assign(parts.bounds[0]);
  return success();
}

/// Ops whose operands go out of the program see the shape that they had.
LogicalResult Packer::restore(Operation *op) {
  builder.setInsertionPoint(op);
  for (OpOperand &operand : op->getOpOperands())
    if (isPacked(operand.get()))
      operand.set(RegroupTokensOp::create(builder, op->getLoc(), packed.at(operand.get()), operand.get()));
  return success();
}

LogicalResult Packer::pack(Operation *op) {
  auto packedOperand = llvm::find_if(op->getOperands(), [&](Value operand) { return isPacked(operand); });
  if (packedOperand == op->getOperands().end())
    return success();
  ++numOps;
  // Only these ops know what packed tokens are; a list, because what bounds mean is each op's own.
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](PatchifyOp patchify) {
        retype(patchify.getResult());
        return success();
      })
      .Case([&](GatherTokensOp gather) { return packGather(gather); })
      .Case([&](ConcatTokensOp concat) {
        auto isPartPacked = llvm::map_to_vector(concat.getParts(), [&](Value part) { return isPacked(part); });
        if (failed(requireAll(concat, isPartPacked, "part")))
          return failure();
        retype(concat.getResult());
        return success();
      })
      .Case([&](SliceTokensOp slice) {
        // Every part has grown by the same factor.
        slice.setOffset(slice.getOffset() * samples);
        retype(slice.getResult());
        return success();
      })
      .Case([&](AttentionOp attention) { return packAttention(attention); })
      .Case([&](PowerLossOp loss) {
        if (failed(requireAll(loss, {isPacked(loss.getPredicted()), isPacked(loss.getTarget())}, "operand")))
          return failure();
        return packRows(loss, loss.getPredicted());
      })
      .Case([&](TokenStdOp deviation) { return packRows(deviation, deviation.getX()); })
      .Case<TapOp, func::ReturnOp>([&](Operation *last) { return restore(last); })
      .Case([&](TokenwiseOpInterface) { return packTokenwise(op); })
      .Default([&](Operation *other) -> LogicalResult {
        return other->emitError("reads tokens over '")
               << getAxisName((*packedOperand).getType(), 1)
               << "' but takes no bounds, so it would mix the samples of a packed batch";
      });
}

LogicalResult Packer::run() {
  if (failed(collect()))
    return failure();
  if (axes.empty())
    return success();
  for (Operation &op : llvm::make_early_inc_range(function.getOps()))
    if (failed(pack(&op)))
      return failure();
  function.setFunctionType(
      builder.getFunctionType(function.getBody().getArgumentTypes(), function.getFunctionType().getResults()));
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

class PackMasks : public jepa::impl::PackMasksBase<PackMasks> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      Packer packer(function);
      if (failed(packer.run()))
        return signalPassFailure();
      PassReport::count(function, passName, "ops_packed", packer.getNumPacked());
    }
  }
};

} // namespace
