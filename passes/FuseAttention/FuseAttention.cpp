//===- FuseAttention.cpp - attention in parts becomes one op ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From each softmax upwards to the queries and keys, and downwards to the
// product with the values. What is not a softmax over products of queries and
// keys is left alone without a word; from there on, a refusal says why.
//
//===----------------------------------------------------------------------===//

#include "passes/FuseAttention/FuseAttention.h"

#include "compiler/analysis/PassReport.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

#include <cmath>

using namespace mlir;
using namespace jepa;

namespace jepa {
#define GEN_PASS_DEF_FUSEATTENTION
#include "passes/FuseAttention/FuseAttention.h.inc"
} // namespace jepa

static constexpr llvm::StringLiteral passName = "jepa-fuse-attention";

namespace {

/// Attention in parts.
struct Parts {
  SoftmaxOp softmax;
  MatmulOp scores, product;
  MergeHeadsOp merge;
  /// Before they are split into heads, without scales.
  Value query, key, value;
  int64_t heads = 0;
  /// All scales together.
  double factor = 1;
};

/// Why a softmax over scores stays as it is.
struct Refusal {
  std::string why;
  Operation *reader = nullptr;
};

} // namespace

/// What x is a multiple of, with the factor multiplied into `factor`.
static Value withoutScale(Value x, double &factor) {
  while (auto scale = x.getDefiningOp<ScaleOp>()) {
    if (scale.getOffset().convertToDouble() != 0)
      break;
    factor *= scale.getFactor().convertToDouble();
    x = scale.getX();
  }
  return x;
}

/// The tensor whose heads x is, without scales; null where x was not split.
static Value withoutHeads(Value x, double &factor) {
  auto split = withoutScale(x, factor).getDefiningOp<SplitHeadsOp>();
  return split ? withoutScale(split.getX(), factor) : Value();
}

/// Some op other than `reader` that reads x, or null.
static Operation *otherReader(Value x, Operation *reader) {
  for (Operation *user : x.getUsers())
    if (user != reader)
      return user;
  return nullptr;
}

/// Fills `parts` from its softmax. Returns whether this is a softmax over products; a refusal says what is in the way
/// then.
static bool match(Parts &parts, std::optional<Refusal> &refusal) {
  auto refuse = [&](std::string why, Operation *reader = nullptr) {
    refusal = Refusal{std::move(why), reader};
    return true;
  };
  Value scaled = parts.softmax.getX();
  parts.scores = withoutScale(scaled, parts.factor).getDefiningOp<MatmulOp>();
  if (!parts.scores || parts.softmax.getType().getRank() != 4)
    return false;
  if (parts.scores.getTransA() || !parts.scores.getTransB())
    return refuse("its scores are not rows of queries times rows of keys");
  parts.query = withoutHeads(parts.scores.getA(), parts.factor);
  parts.key = withoutHeads(parts.scores.getB(), parts.factor);
  if (!parts.query || !parts.key)
    return refuse("its queries or keys are not split into heads");
  // From the scores down: whatever else reads a matrix of them keeps it in memory.
  Operation *reader = parts.softmax;
  for (Value x = scaled;; x = x.getDefiningOp<ScaleOp>().getX()) {
    if (Operation *other = otherReader(x, reader))
      return refuse("its scores are read elsewhere", other);
    if (x == parts.scores.getResult())
      break;
    reader = x.getDefiningOp();
  }
  for (Operation *user : parts.softmax->getUsers())
    if (auto product = dyn_cast<MatmulOp>(user); product && product.getA() == parts.softmax.getResult())
      parts.product = product;
  if (!parts.product || parts.product.getTransA() || parts.product.getTransB())
    return refuse("its probabilities do not multiply rows of values");
  if (Operation *other = otherReader(parts.softmax.getResult(), parts.product))
    return refuse("its probabilities are read elsewhere", other);
  double one = 1;
  parts.value = withoutHeads(parts.product.getB(), one);
  if (!parts.value || one != 1)
    return refuse("its values are not split into heads, or are scaled");
  if (parts.product->hasOneUse())
    parts.merge = dyn_cast<MergeHeadsOp>(*parts.product->user_begin());
  if (!parts.merge)
    return refuse("its result is not merged from heads");
  parts.heads = cast<RankedTensorType>(parts.softmax.getType()).getDimSize(1);
  return true;
}

static Value fuse(OpBuilder &builder, const Parts &parts) {
  MergeHeadsOp merge = parts.merge;
  Location loc = merge.getLoc();
  auto query = cast<RankedTensorType>(parts.query.getType());
  double width = static_cast<double>(query.getDimSize(2)) / static_cast<double>(parts.heads);
  double rest = parts.factor * std::sqrt(width);
  Value scaled = parts.query;
  if (std::abs(rest - 1) > 1e-12)
    scaled = ScaleOp::create(builder, loc, query, scaled, builder.getF64FloatAttr(rest), builder.getF64FloatAttr(0));
  SoftmaxOp softmax = parts.softmax;
  AxesAttr axes = getAxes(softmax.getType());
  if (axes)
    axes = AxesAttr::get(builder.getContext(), axes.getNames().take_front(3));
  auto statistics =
      RankedTensorType::get({query.getDimSize(0), parts.heads, query.getDimSize(1)}, query.getElementType(), axes);
  return AttentionOp::create(builder, loc, merge.getType(), statistics, scaled, parts.key, parts.value,
                             softmax.getMask(), ValueRange(), ValueRange(), ValueRange(),
                             builder.getI64IntegerAttr(parts.heads), nullptr, nullptr, nullptr, nullptr)
      .getResult();
}

/// Erases what only the parts needed, from the last op up.
static void eraseUnused(Operation *op) {
  if (!isOpTriviallyDead(op))
    return;
  SmallVector<Value> operands(op->getOperands());
  op->erase();
  for (Value operand : llvm::SetVector<Value>(operands.begin(), operands.end()))
    if (Operation *above = operand.getDefiningOp();
        isa_and_nonnull<MergeHeadsOp, SplitHeadsOp, MatmulOp, SoftmaxOp, ScaleOp>(above))
      eraseUnused(above);
}

namespace {

struct FuseAttention : jepa::impl::FuseAttentionBase<FuseAttention> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    int64_t fused = 0, refused = 0;
    for (SoftmaxOp softmax : llvm::to_vector(function.getOps<SoftmaxOp>())) {
      Parts parts;
      parts.softmax = softmax;
      std::optional<Refusal> refusal;
      if (!match(parts, refusal))
        continue;
      if (refusal) {
        ++refused;
        InFlightDiagnostic remark = softmax.emitRemark("stores a matrix of scores: ") << refusal->why;
        if (refusal->reader)
          remark.attachNote(refusal->reader->getLoc()) << "it is read here";
        continue;
      }
      ++fused;
      tellGain(function, parts);
      OpBuilder builder(parts.merge);
      MergeHeadsOp merge = parts.merge;
      merge.getResult().replaceAllUsesWith(fuse(builder, parts));
      eraseUnused(merge);
    }
    PassReport::count(function, passName, "attention_fused", fused);
    PassReport::count(function, passName, "attention_refused", refused);
  }

  void tellGain(func::FuncOp function, Parts &parts) {
    auto scores = cast<RankedTensorType>(parts.softmax.getType());
    remark::passed(parts.softmax.getLoc(),
                   remark::RemarkOpts::name("fused").category(passName).function(function.getName()))
        << remark::add("attention of {0} heads stores no scores;", parts.heads)
        << remark::metric("score_bytes", scores.getNumElements() * scores.getElementTypeBitWidth() / 8);
  }
};

} // namespace
