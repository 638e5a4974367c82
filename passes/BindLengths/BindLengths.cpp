//===- BindLengths.cpp - count only the tokens that a batch has ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// An axis is *ragged* if an argument is its run-time length; a concatenation is ragged if one of its parts is.
//
//===----------------------------------------------------------------------===//

#include "passes/BindLengths/BindLengths.h"

#include "compiler/analysis/PassReport.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace jepa;

namespace jepa {
#define GEN_PASS_DEF_BINDLENGTHS
#include "passes/BindLengths/BindLengths.h.inc"
} // namespace jepa

namespace {

class Binder {
public:
  explicit Binder(func::FuncOp function) : function(function) {}

  LogicalResult run();
  int64_t getNumBound() const { return bound; }

private:
  LogicalResult collect();
  LogicalResult bind(Operation *op);
  LogicalResult bindAttention(AttentionOp op);
  LogicalResult checkSoftmax(SoftmaxOp op);
  template <typename Op> LogicalResult bindRows(Op op, Value rows);
  bool isRagged(StringRef axis) const;

  func::FuncOp function;
  llvm::StringMap<Value> lengths;
  llvm::StringMap<int64_t> capacities;
  int64_t bound = 0;
};

/// Reads from the arguments which axes are ragged and how many tokens an axis of a mask has room for.
LogicalResult Binder::collect() {
  for (BlockArgument argument : function.getArguments()) {
    unsigned index = argument.getArgNumber();
    if (function.getArgAttr(index, maskTokensAttr))
      capacities[getAxisName(argument.getType(), 1)] = cast<RankedTensorType>(argument.getType()).getDimSize(1);
    auto axis = function.getArgAttrOfType<StringAttr>(index, lengthOfAttr);
    if (axis && !lengths.insert({axis.getValue(), argument}).second)
      return function.emitError("two arguments are the length of axis '") << axis.getValue() << "'";
  }
  return success();
}

bool Binder::isRagged(StringRef axis) const {
  return llvm::any_of(llvm::split(axis, '+'), [&](StringRef part) { return lengths.contains(part); });
}

LogicalResult Binder::bindAttention(AttentionOp op) {
  StringRef axis = op.getMask() ? getAxisName(op.getMask().getType(), 1) : getAxisName(op.getKey().getType(), 1);
  if (!isRagged(axis) || !op.getLengths().empty())
    return success();
  SmallVector<Value> values;
  SmallVector<int64_t> segments;
  for (StringRef part : llvm::split(axis, '+')) {
    Value length = lengths.lookup(part);
    if (!length)
      return op.emitError("sees keys over '") << axis << "', of which '" << part << "' has no run-time length: give every "
                                              << "part an argument with jepa.length_of, or none";
    auto capacity = capacities.find(part);
    if (capacity == capacities.end())
      return op.emitError("sees keys over '") << axis << "', but no mask argument has axis '" << part
                                              << "', so the size of that segment is not known";
    values.push_back(length);
    segments.push_back(capacity->second);
  }
  op.getLengthsMutable().assign(values);
  op.setSegments(segments);
  ++bound;
  return success();
}

/// A softmax sums over all that its mask lists, or over all of its last axis.
LogicalResult Binder::checkSoftmax(SoftmaxOp op) {
  StringRef axis = op.getMask() ? getAxisName(op.getMask().getType(), 1)
                                : getAxisName(op.getType(), cast<RankedTensorType>(op.getType()).getRank() - 1);
  if (!isRagged(axis))
    return success();
  return op.emitError("sums over '") << axis << "' but takes no run-time length, so it would count keys that are not "
                                     << "there: use attention, or leave jepa-fuse-attention in";
}

/// Gives an op that counts the tokens of `rows` its length.
template <typename Op> LogicalResult Binder::bindRows(Op op, Value rows) {
  StringRef axis = getAxisName(rows.getType(), 1);
  if (!isRagged(axis) || op.getLength())
    return success();
  Value length = lengths.lookup(axis);
  if (!length)
    return op.emitError("counts tokens over '") << axis << "', which joins ragged parts: take one part's tokens first";
  op.getLengthMutable().assign(length);
  ++bound;
  return success();
}

LogicalResult Binder::bind(Operation *op) {
  // Only these ops take lengths; a list, because what a length means is each op's own.
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](AttentionOp attention) { return bindAttention(attention); })
      .Case([&](SoftmaxOp softmax) { return checkSoftmax(softmax); })
      .Case([&](PowerLossOp loss) { return bindRows(loss, loss.getPredicted()); })
      .Case([&](TokenStdOp deviation) { return bindRows(deviation, deviation.getX()); })
      .Default([&](Operation *other) -> LogicalResult {
        if (isa<TokenwiseOpInterface, TokenDemandOpInterface, TapOp, func::ReturnOp>(other))
          return success();
        for (Type type : other->getOperandTypes())
          if (getTokenDim(type) && isRagged(getAxisName(type, 1)))
            return other->emitError("reads tokens over '")
                   << getAxisName(type, 1) << "' but takes no run-time length, so it would count rows that are not there";
        return success();
      });
}

LogicalResult Binder::run() {
  if (failed(collect()))
    return failure();
  if (lengths.empty())
    return success();
  WalkResult result = function.walk([&](Operation *op) { return WalkResult(bind(op)); });
  return failure(result.wasInterrupted());
}

class BindLengths : public jepa::impl::BindLengthsBase<BindLengths> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      Binder binder(function);
      if (failed(binder.run()))
        return signalPassFailure();
      PassReport::count(function, "jepa-bind-lengths", "ops_bound", binder.getNumBound());
    }
  }
};

} // namespace
