//===- PruneTokens.cpp - compute only demanded tokens ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A selector is a set of tokens that an op of the function selects: those of a mask, or a segment of a concatenation.
// TokenDemandAnalysis says for each op which selectors of it are to be computed. The rewrite is one walk from the
// first op to the last:
//
//  1. A narrow op is copied once for each of its selectors, before the op, reading its operands at what it needs of them.
//  2. A dense op that reads only some tokens of an operand (a selection, masked attention) is built anew.
//  3. Reading a narrow selector of a value that is dense selects from it, directly after the value's definition, so that
//     every reader shares the selection.
//  4. What nothing reads any more is erased.
//
//===----------------------------------------------------------------------===//

#include "passes/PruneTokens/PruneTokens.h"

#include "compiler/analysis/Flops.h"
#include "compiler/analysis/PassReport.h"
#include "compiler/analysis/TokenDemand.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace jepa;

namespace jepa {
#define GEN_PASS_DEF_PRUNETOKENS
#include "passes/PruneTokens/PruneTokens.h.inc"
} // namespace jepa

namespace {

constexpr llvm::StringLiteral passName = "jepa-prune-tokens";

/// "'context#0' (24 of 64 tokens)"
std::string describeSelector(const TokenSelector &selector, Type type) {
  std::string text = "'" + selector.axis.str() + "' (" + std::to_string(selector.size) + " of ";
  return text + std::to_string(cast<RankedTensorType>(type).getDimSize(1)) + " tokens)";
}

/// New ops belong to the module path of the op on whose behalf they are built.
struct ScopeKeeper : OpBuilder::Listener {
  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) override {
    if (source)
      op->setDiscardableAttrs(source->getDiscardableAttrDictionary());
  }
  Operation *source = nullptr;
};

/// What one selection brought.
struct Gain {
  Location location;
  std::string selector;
  std::string furthest;
  int64_t ops = 0;
  int64_t flops = 0;
};

class Pruner {
public:
  explicit Pruner(func::FuncOp function) : function(function), demand(function), builder(function, &scopes) {}

  void run();
  ArrayRef<std::pair<Operation *, Gain>> getGains() const { return gains.getArrayRef(); }
  const TokenDemandAnalysis &getAnalysis() const { return demand; }
  int64_t getNumCopies() const { return numCopies; }

private:
  Value read(Value value, const TokenSelector &selector);
  Value copyFor(Operation *op, const OpTokens &tokens, const TokenSelector &selector);
  void narrow(Operation *op, const OpTokens &tokens);
  void rebuild(Operation *op, const OpTokens &tokens);
  Gain &gainOf(const TokenDemand &wanted, Type type);
  unsigned numberOf(const TokenSelector &selector);

  func::FuncOp function;
  TokenDemandAnalysis demand;
  ScopeKeeper scopes;
  OpBuilder builder;
  SmallVector<TokenSelector> selectors;
  DenseMap<std::pair<Value, unsigned>, Value> narrowed;
  DenseMap<Value, Operation *> lastSelection;
  llvm::MapVector<Operation *, Gain> gains;
  int64_t numCopies = 0;
};

unsigned Pruner::numberOf(const TokenSelector &selector) {
  auto it = llvm::find(selectors, selector);
  if (it == selectors.end())
    it = selectors.insert(it, selector);
  return it - selectors.begin();
}

/// `value` at `selector`: its copy (1), or a selection from the whole (3).
Value Pruner::read(Value value, const TokenSelector &selector) {
  if (selector.isAll())
    return value;
  Value &result = narrowed[{value, numberOf(selector)}];
  if (result)
    return result;
  OpBuilder::InsertionGuard guard(builder);
  Location location = scopes.source->getLoc();
  if (Operation *last = lastSelection.lookup(value))
    builder.setInsertionPointAfter(last);
  else
    builder.setInsertionPointAfterValue(value);
  auto type = selectTokens(cast<RankedTensorType>(value.getType()), selector);
  if (selector.kind == TokenSelector::Kind::Mask)
    result = GatherTokensOp::create(builder, location, type, value, selector.mask);
  else
    result = SliceTokensOp::create(builder, location, type, value, selector.offset);
  lastSelection[value] = result.getDefiningOp();
  return result;
}

Value Pruner::copyFor(Operation *op, const OpTokens &tokens, const TokenSelector &selector) {
  builder.setInsertionPoint(op);
  auto operandAt = [&](unsigned index, TokenSelector selector) { return read(op->getOperand(index), selector); };
  if (auto demanding = dyn_cast<TokenDemandOpInterface>(op))
    return demanding.buildForTokens(builder, tokens.result, selector, operandAt);
  auto tokenwise = cast<TokenwiseOpInterface>(op);
  SmallVector<Value> operands;
  for (unsigned index = 0; index < op->getNumOperands(); ++index)
    operands.push_back(operandAt(index, tokenwise.isTokenwiseOperand(index) ? selector : TokenSelector::all()));
  Operation *copy = builder.clone(*op);
  copy->setOperands(operands);
  for (OpResult result : copy->getResults()) {
    result.setType(selectTokens(cast<RankedTensorType>(result.getType()), selector));
    narrowed[{op->getResult(result.getResultNumber()), numberOf(selector)}] = result;
  }
  return copy->getResult(tokens.result);
}

Gain &Pruner::gainOf(const TokenDemand &wanted, Type type) {
  Gain fresh{wanted.origin->getLoc(), describeSelector(wanted.selector, type), {}};
  return gains.insert({wanted.origin, fresh}).first->second;
}

void Pruner::narrow(Operation *op, const OpTokens &tokens) {
  auto cost = dyn_cast<CostOpInterface>(op);
  Value result = op->getResult(tokens.result);
  for (const TokenDemand &wanted : tokens.demands) {
    Value copy = copyFor(op, tokens, wanted.selector);
    narrowed[{result, numberOf(wanted.selector)}] = copy;
    ++numCopies;
    Gain &gain = gainOf(wanted, result.getType());
    ++gain.ops;
    if (gain.furthest.empty())
      gain.furthest = op->getName().getStringRef();
    // What computing the whole once would have cost is shared by the selections that it would have served.
    if (cost)
      gain.flops += cost.getFlops() / int64_t(tokens.demands.size()) - countFlops(copy.getDefiningOp());
  }
}

void Pruner::rebuild(Operation *op, const OpTokens &tokens) {
  auto cost = dyn_cast<CostOpInterface>(op);
  Value result = op->getResult(tokens.result);
  Value fresh = copyFor(op, tokens, TokenSelector::all());
  if (cost) {
    Gain &gain = gains.insert({op, {op->getLoc(), "the visible keys", op->getName().getStringRef().str()}}).first->second;
    gain.flops += cost.getFlops() - countFlops(fresh.getDefiningOp());
    ++gain.ops;
  }
  result.replaceAllUsesWith(fresh);
}

void Pruner::run() {
  SmallVector<Operation *> ops;
  for (Operation &op : function.front())
    ops.push_back(&op);
  for (Operation *op : ops) {
    const OpTokens &tokens = demand.getTokens(op);
    scopes.source = op;
    if (tokens.isNarrow())
      narrow(op, tokens);
    else if (tokens.narrowsOperands)
      rebuild(op, tokens);
  }
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

class PruneTokens : public jepa::impl::PruneTokensBase<PruneTokens> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    if (!function.getBody().hasOneBlock()) {
      function.emitError("has several blocks: tokens are pruned in straight-line functions, before control flow is lowered");
      return signalPassFailure();
    }
    int64_t before = countFlops(function);
    Pruner pruner(function);
    // Told before the rewrite erases the ops that are told of.
    tellRefusals(pruner.getAnalysis());
    pruner.run();
    tellGains(function, pruner);
    PassReport::count(function, passName, "flops_before", before);
    PassReport::count(function, passName, "flops_after", countFlops(function));
    PassReport::count(function, passName, "selections_moved", pruner.getGains().size());
    PassReport::count(function, passName, "selections_stopped", pruner.getAnalysis().getRefusals().size());
    PassReport::count(function, passName, "ops_narrowed", pruner.getNumCopies());
  }

  void tellRefusals(const TokenDemandAnalysis &analysis) {
    for (const auto &refusal : analysis.getRefusals()) {
      InFlightDiagnostic remark = refusal.op->emitRemark("is computed for all tokens: ");
      remark << refusal.why;
      if (refusal.origin && refusal.origin != refusal.op)
        remark.attachNote(refusal.origin->getLoc()) << "this selection stops there";
    }
    for (const auto &dense : analysis.getDenseByCost())
      remark::missed(dense.op->getLoc(), remark::RemarkOpts::name("dense-is-cheaper").category(passName))
          << remark::add("its selections together are no cheaper than all tokens: computed once, selected afterwards");
  }

  void tellGains(func::FuncOp function, const Pruner &pruner) {
    for (const auto &[origin, gain] : pruner.getGains())
      remark::passed(gain.location,
                     remark::RemarkOpts::name("narrowed").category(passName).function(function.getName()))
          << remark::add("{0}: narrowed {1} ops, up to {2};", gain.selector, gain.ops, gain.furthest)
          << remark::metric("flops_saved", gain.flops);
  }
};

} // namespace
