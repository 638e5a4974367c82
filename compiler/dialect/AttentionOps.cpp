//===- AttentionOps.cpp - attention, whole and in parts: verifiers, adjoints, costs ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/dialect/Verify.h"

#include <numeric>

using namespace mlir;
using namespace jepa;

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {

/// What attention and its adjoint say about which keys a query sees.
struct AttentionShape {
  OperandRange lengths, queryBounds, keyBounds;
  ArrayRef<int64_t> segments, querySegments, querySequences, keySequences;

  static AttentionShape of(Operation *op) {
    auto read = [](auto attention) {
      auto list = [](std::optional<ArrayRef<int64_t>> sizes) { return sizes.value_or(ArrayRef<int64_t>{}); };
      return AttentionShape{attention.getLengths(), attention.getQueryBounds(), attention.getKeyBounds(),
                            list(attention.getSegments()), list(attention.getQuerySegments()),
                            list(attention.getQuerySequences()), list(attention.getKeySequences())};
    };
    auto forward = dyn_cast<AttentionOp>(op);
    return forward ? read(forward) : read(cast<AttentionGradOp>(op));
  }
};

} // namespace

static int64_t sum(ArrayRef<int64_t> sizes) { return std::accumulate(sizes.begin(), sizes.end(), int64_t(0)); }

/// Whether each part of the coarse cut is some consecutive parts of the fine one.
static bool refines(ArrayRef<int64_t> fine, ArrayRef<int64_t> coarse) {
  for (int64_t size : coarse)
    for (int64_t rest = size; rest > 0; fine = fine.drop_front()) {
      if (fine.empty() || fine.front() > rest)
        return false;
      rest -= fine.front();
    }
  return fine.empty();
}

static LogicalResult verifySequences(Operation *op, const AttentionShape &shape, int64_t queries, int64_t keys) {
  if (shape.querySequences.size() != shape.keySequences.size())
    return op->emitOpError("has ") << shape.querySequences.size() << " sequences of queries but "
                                   << shape.keySequences.size() << " of keys";
  if (shape.keySequences.empty())
    return success();
  if (sum(shape.querySequences) != queries || sum(shape.keySequences) != keys)
    return op->emitOpError("has sequences of ")
           << sum(shape.querySequences) << " queries and " << sum(shape.keySequences) << " keys together but there are "
           << queries << " queries and " << keys << " visible keys";
  if (llvm::any_of(shape.querySequences, [](int64_t size) { return size <= 0; }) ||
      llvm::any_of(shape.keySequences, [](int64_t size) { return size <= 0; }))
    return op->emitOpError("has an empty sequence");
  if (!shape.segments.empty() && !refines(shape.segments, shape.keySequences))
    return op->emitOpError("has a sequence of keys that ends within a segment");
  return success();
}

static LogicalResult verifyPacked(Operation *op, const AttentionShape &shape, RankedTensorType query, int64_t keys,
                                  bool masked) {
  if (masked || !shape.lengths.empty())
    return op->emitOpError("is packed: bounds take the place of a mask or of lengths");
  if (query.getDimSize(0) != 1)
    return op->emitOpError("is packed: samples stand on the token axis of one clip, but there are ")
           << query.getDimSize(0);
  if (shape.segments.size() != shape.keyBounds.size() || sum(shape.segments) != keys)
    return op->emitOpError("needs one segment for each of its ")
           << shape.keyBounds.size() << " key bounds, together the " << keys << " keys";
  if (shape.querySegments.size() != shape.queryBounds.size() || sum(shape.querySegments) != query.getDimSize(1))
    return op->emitOpError("needs one query segment for each of its ")
           << shape.queryBounds.size() << " query bounds, together the " << query.getDimSize(1) << " queries";
  if (!shape.querySequences.empty() && !refines(shape.querySegments, shape.querySequences))
    return op->emitOpError("has a sequence of queries that ends within a segment");
  Type bounds = shape.keyBounds.front().getType();
  for (OperandRange range : {shape.keyBounds, shape.queryBounds})
    for (Value other : range)
      if (tensorType(other).getShape() != cast<RankedTensorType>(bounds).getShape())
        return op->emitOpError("has bounds of different numbers of samples: ")
               << describeType(bounds) << " and " << describeType(other.getType());
  return success();
}

static LogicalResult verifyAttention(Operation *op, Value query, Value key, Value value, Value logsumexp, Value mask,
                                     int64_t heads) {
  auto q = tensorType(query), k = tensorType(key);
  if (failed(verifyRank(op, q, "the query", 3)) || failed(verifyRank(op, k, "the key", 3)) ||
      failed(verifySameShape(op, k, "the key", value.getType(), "the value")) ||
      failed(verifySameAxis(op, q, "the query", 0, k, "the key", 0)) ||
      failed(verifySameAxis(op, q, "the query", 2, k, "the key", 2)))
    return failure();
  if (heads <= 0 || q.getDimSize(2) % heads)
    return op->emitOpError("cannot cut a width of ") << q.getDimSize(2) << " into " << heads << " heads";
  if (failed(verifyShape(op, logsumexp.getType(), "logsumexp", {q.getDimSize(0), heads, q.getDimSize(1)})))
    return failure();
  int64_t keys = k.getDimSize(1);
  if (mask) {
    if (failed(verifySameAxis(op, mask.getType(), "the mask", 0, k, "the key", 0)))
      return failure();
    int64_t visible = tensorType(mask).getDimSize(1);
    if (visible > keys)
      return op->emitOpError("the mask shows ") << visible << " keys but there are " << keys;
    keys = visible;
  }
  auto attention = AttentionShape::of(op);
  if (failed(verifySequences(op, attention, q.getDimSize(1), keys)))
    return failure();
  if (!attention.keyBounds.empty())
    return verifyPacked(op, attention, q, keys, mask != nullptr);
  if (attention.lengths.empty() && attention.segments.empty())
    return success();
  if (attention.segments.size() != attention.lengths.size() || sum(attention.segments) != keys)
    return op->emitOpError("needs one segment for each of its ")
           << attention.lengths.size() << " lengths, together the " << keys << " visible keys";
  return success();
}

LogicalResult AttentionOp::verify() {
  if (failed(verifySameShape(*this, getQuery().getType(), "the query", getResult().getType(), "the result")))
    return failure();
  return verifyAttention(*this, getQuery(), getKey(), getValue(), getLogsumexp(), getMask(), getHeads());
}

/// Packed samples count as their capacity: how it is shared out is known at run time alone.
static int64_t attentionFlops(RankedTensorType query, RankedTensorType key, const AttentionShape &shape) {
  int64_t pairs = query.getDimSize(1) * key.getDimSize(1);
  if (!shape.keySequences.empty()) {
    pairs = 0;
    for (auto [queries, keys] : llvm::zip(shape.querySequences, shape.keySequences))
      pairs += queries * keys;
  }
  int64_t samples = shape.keyBounds.empty() ? 1 : tensorType(shape.keyBounds.front()).getDimSize(0) - 1;
  return 4 * query.getDimSize(0) * query.getDimSize(2) * (pairs / samples);
}

int64_t AttentionOp::getFlops() { return attentionFlops(tensorType(getQuery()), tensorType(getKey()), AttentionShape::of(*this)); }

LogicalResult AttentionOp::propagateTokenDemand(unsigned result, TokenSelector selector,
                                                function_ref<void(unsigned, TokenSelector)> demand,
                                                std::string &why) {
  if (result != 0) {
    why = "logsumexp has no token axis to select from";
    return failure();
  }
  // A mask is a set for attention; only an index list that is checked at run time is one (no index twice).
  if (getMask()) {
    auto argument = dyn_cast<BlockArgument>(getMask());
    auto function = argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : func::FuncOp();
    if (!function || !function.getArgAttr(argument.getArgNumber(), maskTokensAttr)) {
      why = "its mask is not an input that is checked at run time, so it may list a key twice";
      return failure();
    }
  }
  if (getQuerySequences() || !getQueryBounds().empty()) {
    why = "its queries stand in several sequences";
    return failure();
  }
  TokenSelector keys = getMask() ? TokenSelector::ofMask(getMask()) : TokenSelector::all();
  demand(0, selector);
  demand(1, keys);
  demand(2, keys);
  return success();
}

Value AttentionOp::buildForTokens(OpBuilder &builder, unsigned, TokenSelector selector,
                                  function_ref<Value(unsigned, TokenSelector)> operandAt) {
  TokenSelector keys = getMask() ? TokenSelector::ofMask(getMask()) : TokenSelector::all();
  Value query = operandAt(0, selector), key = operandAt(1, keys), value = operandAt(2, keys);
  auto type = selectTokens(cast<RankedTensorType>(getResult().getType()), selector);
  SmallVector<int64_t> stats(cast<RankedTensorType>(getLogsumexp().getType()).getShape());
  stats[2] = type.getDimSize(1);
  AxesAttr axes = getAxes(getLogsumexp().getType());
  if (axes && !selector.isAll())
    axes = axes.withName(2, selector.axis);
  return AttentionOp::create(builder, getLoc(), type, RankedTensorType::get(stats, getElementTypeOrSelf(getLogsumexp()), axes), query,
                             key, value, Value(), getLengths(), getQueryBounds(), getKeyBounds(), getHeadsAttr(),
                             getSegmentsAttr(), getQuerySegmentsAttr(), getQuerySequencesAttr(), getKeySequencesAttr())
      .getResult();
}

LogicalResult AttentionOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> wanted,
                                        MutableArrayRef<Value> operandGrads) {
  if (resultGrads[1])
    return emitOpError("has no adjoint for logsumexp: it is kept for the adjoint alone");
  auto grad = AttentionGradOp::create(builder, getLoc(), getQuery().getType(), getKey().getType(),
                                      getValue().getType(), resultGrads[0], getQuery(), getKey(), getValue(),
                                      getResult(), getLogsumexp(), getMask(), getLengths(), getQueryBounds(),
                                      getKeyBounds(), getHeadsAttr(), getSegmentsAttr(), getQuerySegmentsAttr(),
                                      getQuerySequencesAttr(), getKeySequencesAttr());
  for (unsigned index : {0, 1, 2})
    if (wanted[index])
      operandGrads[index] = grad->getResult(index);
  return success();
}

LogicalResult AttentionGradOp::verify() {
  Type query = getQuery().getType();
  if (failed(verifySameShape(*this, query, "the query", getDresult().getType(), "the result's gradient")) ||
      failed(verifySameShape(*this, query, "the query", getOutput().getType(), "the result")) ||
      failed(verifySameShape(*this, query, "the query", getDquery().getType(), "the query's gradient")) ||
      failed(verifySameShape(*this, getKey().getType(), "the key", getDkey().getType(), "the key's gradient")) ||
      failed(verifySameShape(*this, getValue().getType(), "the value", getDvalue().getType(), "the value's gradient")))
    return failure();
  return verifyAttention(*this, getQuery(), getKey(), getValue(), getLogsumexp(), getMask(), getHeads());
}
int64_t AttentionGradOp::getFlops() { return 2 * attentionFlops(tensorType(getQuery()), tensorType(getKey()), AttentionShape::of(*this)); }

//===----------------------------------------------------------------------===//
// Attention in parts
//===----------------------------------------------------------------------===//

/// x is [clip, token, width], split the same as heads.
static LogicalResult verifyHeads(Operation *op, RankedTensorType x, StringRef xName, RankedTensorType split,
                                 StringRef splitName) {
  if (failed(verifyRank(op, x, xName, 3)) || failed(verifyRank(op, split, splitName, 4)))
    return failure();
  if (split.getDimSize(0) != x.getDimSize(0) || split.getDimSize(2) != x.getDimSize(1) ||
      split.getDimSize(1) * split.getDimSize(3) != x.getDimSize(2))
    return op->emitOpError() << splitName << " (" << describeType(split) << ") is not " << xName << " ("
                             << describeType(x) << ") cut into heads [clip, head, token, width of a head]";
  return success();
}

LogicalResult SplitHeadsOp::verify() {
  auto result = cast<RankedTensorType>(getType());
  if (failed(verifyHeads(*this, tensorType(getX()), "x", result, "the result")))
    return failure();
  return result.getDimSize(1) == static_cast<int64_t>(getHeads())
             ? success()
             : emitOpError("cuts into ") << getHeads() << " heads but the result has " << result.getDimSize(1);
}

LogicalResult SplitHeadsOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool>,
                                         MutableArrayRef<Value> operandGrads) {
  operandGrads[0] = MergeHeadsOp::create(builder, getLoc(), getX().getType(), resultGrads[0]);
  return success();
}

LogicalResult MergeHeadsOp::verify() {
  return verifyHeads(*this, cast<RankedTensorType>(getType()), "the result", tensorType(getX()), "x");
}

LogicalResult MergeHeadsOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool>,
                                         MutableArrayRef<Value> operandGrads) {
  operandGrads[0] = SplitHeadsOp::create(builder, getLoc(), getX().getType(), resultGrads[0],
                                         builder.getI64IntegerAttr(tensorType(getX()).getDimSize(1)));
  return success();
}

namespace {
/// Rows and columns of a matmul's operand as it enters the product.
struct MatrixSize {
  MatrixSize(Value matrix, bool transposed) {
    auto shape = tensorType(matrix).getShape();
    rows = shape[shape.size() - (transposed ? 1 : 2)];
    columns = shape[shape.size() - (transposed ? 2 : 1)];
  }
  int64_t rows, columns;
};
} // namespace

LogicalResult MatmulOp::verify() {
  auto a = tensorType(getA()), b = tensorType(getB()), result = cast<RankedTensorType>(getType());
  if (a.getRank() < 2 || a.getRank() != b.getRank() || a.getRank() != result.getRank())
    return emitOpError("needs operands and a result with the same number of axes, at least two");
  for (int64_t dim = 0; dim + 2 < a.getRank(); ++dim)
    if (failed(verifySameAxis(*this, a, "a", dim, b, "b", dim)) ||
        failed(verifySameAxis(*this, a, "a", dim, result, "the result", dim)))
      return failure();
  MatrixSize left(getA(), getTransA()), right(getB(), getTransB()), product(getResult(), false);
  if (left.columns != right.rows || left.rows != product.rows || right.columns != product.columns)
    return emitOpError("cannot multiply ") << left.rows << " x " << left.columns << " with " << right.rows << " x "
                                           << right.columns << " to " << product.rows << " x " << product.columns;
  return success();
}

int64_t MatmulOp::getFlops() {
  return 2 * cast<RankedTensorType>(getType()).getNumElements() * MatrixSize(getA(), getTransA()).columns;
}

// With C = op(A) op(B): the gradient of op(A) is dC op(B)^T, that of op(B) is op(A)^T dC.
LogicalResult MatmulOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> wanted,
                                     MutableArrayRef<Value> operandGrads) {
  Value dc = resultGrads[0];
  auto product = [&](Type type, Value x, Value y, bool transX, bool transY) -> Value {
    return MatmulOp::create(builder, getLoc(), type, x, y, transX, transY);
  };
  if (wanted[0])
    operandGrads[0] = getTransA() ? product(getA().getType(), getB(), dc, getTransB(), true)
                                  : product(getA().getType(), dc, getB(), false, !getTransB());
  if (wanted[1])
    operandGrads[1] = getTransB() ? product(getB().getType(), dc, getA(), true, getTransA())
                                  : product(getB().getType(), getA(), dc, !getTransA(), false);
  return success();
}

LogicalResult SoftmaxOp::verify() {
  auto x = tensorType(getX());
  if (failed(verifySameShape(*this, x, "x", getType(), "the result")))
    return failure();
  if (x.getRank() == 0)
    return emitOpError("needs an axis to sum over");
  if (!getMask())
    return success();
  auto mask = tensorType(getMask());
  if (mask.getDimSize(0) != x.getDimSize(0) || mask.getDimSize(1) > x.getShape().back())
    return emitOpError("cannot show ") << describeType(mask) << " of the last axis of " << describeType(x);
  return success();
}

LogicalResult SoftmaxOp::buildAdjoint(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool>,
                                      MutableArrayRef<Value> operandGrads) {
  operandGrads[0] = SoftmaxGradOp::create(builder, getLoc(), getType(), resultGrads[0], getResult());
  return success();
}
