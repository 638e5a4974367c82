//===- TokenDemand.cpp - which tokens of each op something reads ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/analysis/TokenDemand.h"

using namespace mlir;
using namespace jepa;

/// Rows (clips times tokens) of a value of type `type` once `selector` narrowed it: every op's FLOPs are proportional to it.
static int64_t countSelectedRows(Type type, const TokenSelector &selector) {
  return countRows(selectTokens(cast<RankedTensorType>(type), selector));
}

/// Whether narrowing to all of `demands` costs more than computing everything once. One selection that keeps every token
/// still narrows, since it turns masked attention into plain attention.
static bool isCheaperDense(Type type, ArrayRef<TokenDemand> demands) {
  int64_t all = countRows(cast<RankedTensorType>(type)), selected = 0;
  for (const TokenDemand &wanted : demands)
    selected += countSelectedRows(type, wanted.selector);
  return demands.size() == 1 ? selected > all : selected >= all;
}

/// Program order of selectors, so that copies of an op come in the order of their masks or segments.
static bool comesBefore(const TokenDemand &a, const TokenDemand &b) {
  auto key = [](const TokenSelector &selector) {
    auto argument = dyn_cast_or_null<BlockArgument>(selector.mask);
    return std::make_pair(argument ? int64_t(argument.getArgNumber()) : -1, selector.offset);
  };
  return key(a.selector) < key(b.selector);
}

static void addUnique(SmallVectorImpl<TokenDemand> &demands, const TokenDemand &wanted) {
  if (llvm::none_of(demands, [&](const TokenDemand &known) { return known.selector == wanted.selector; }))
    demands.push_back(wanted);
}

static bool hasTokenOperand(Operation *op) {
  return llvm::any_of(op->getOperandTypes(), [](Type type) { return getTokenDim(type).has_value(); });
}

TokenDemandAnalysis::TokenDemandAnalysis(func::FuncOp function) {
  for (Operation &op : llvm::reverse(function.front()))
    visit(&op);
  std::reverse(refusals.begin(), refusals.end());
  std::reverse(denseByCost.begin(), denseByCost.end());
}

const OpTokens &TokenDemandAnalysis::getTokens(Operation *op) const {
  static const OpTokens nothing;
  auto it = byOp.find(op);
  return it == byOp.end() ? nothing : it->second;
}

void TokenDemandAnalysis::demand(Value value, TokenDemand wanted) { addUnique(byValue[value], wanted); }

/// Adds what computing `wanted` of `op` reads to `operands`. Fails, saying why, if the op cannot compute it alone.
bool TokenDemandAnalysis::narrow(Operation *op, unsigned result, const TokenDemand &wanted, OperandDemands &operands,
                                 std::string &why) {
  if (auto tokenwise = dyn_cast<TokenwiseOpInterface>(op)) {
    for (unsigned index = 0; index < op->getNumOperands(); ++index)
      operands.push_back({index, tokenwise.isTokenwiseOperand(index) ? wanted : TokenDemand()});
    return true;
  }
  auto demanding = dyn_cast<TokenDemandOpInterface>(op);
  if (!demanding) {
    why = "it does not say which tokens of its operands a selection of its tokens needs";
    return false;
  }
  bool isMaskEverywhere = true;
  llvm::SmallBitVector mentioned(op->getNumOperands());
  auto add = [&](unsigned index, TokenSelector selector) {
    mentioned.set(index);
    Operation *origin = selector.isAll() ? nullptr : selector == wanted.selector ? wanted.origin : op;
    operands.push_back({index, {selector, origin}});
    isMaskEverywhere &= selector.kind != TokenSelector::Kind::Mask || isa<BlockArgument>(selector.mask);
  };
  if (failed(demanding.propagateTokenDemand(result, wanted.selector, add, why)))
    return false;
  if (!isMaskEverywhere) {
    why = "its mask is computed by an op, and only a mask that is a function argument moves";
    return false;
  }
  for (unsigned index = 0; index < op->getNumOperands(); ++index)
    if (!mentioned.test(index))
      operands.push_back({index, {}});
  return true;
}

/// Decides that `op` is computed for all tokens; it may still read only some tokens of its operands.
void TokenDemandAnalysis::computeAll(Operation *op, OpTokens &tokens, OperandDemands &operands) {
  std::string why;
  tokens.demands.assign(1, TokenDemand());
  operands.clear();
  if (!narrow(op, tokens.result, TokenDemand(), operands, why)) {
    operands.clear();
    for (unsigned index = 0; index < op->getNumOperands(); ++index)
      operands.push_back({index, {}});
    if (isa<TokenDemandOpInterface>(op))
      refusals.push_back({op, op, why});
  }
  tokens.narrowsOperands =
      llvm::any_of(operands, [](const auto &operand) { return !operand.second.selector.isAll(); });
}

OpTokens TokenDemandAnalysis::decide(Operation *op, OperandDemands &operands) {
  OpTokens tokens;
  for (OpResult result : op->getResults()) {
    auto it = byValue.find(result);
    if (it == byValue.end())
      continue;
    tokens.result = result.getResultNumber();
    for (const TokenDemand &wanted : it->second)
      addUnique(tokens.demands, wanted);
  }
  if (tokens.demands.empty())
    return tokens;
  llvm::sort(tokens.demands, comesBefore);

  // Where all tokens are read anyway, no selection is stopped and there is nothing to tell.
  if (llvm::any_of(tokens.demands, [](const TokenDemand &wanted) { return wanted.selector.isAll(); })) {
    computeAll(op, tokens, operands);
    return tokens;
  }
  Operation *origin = tokens.demands[0].origin;
  if (isCheaperDense(op->getResult(tokens.result).getType(), tokens.demands)) {
    if (hasTokenOperand(op))
      denseByCost.push_back({op, origin, {}});
    computeAll(op, tokens, operands);
    return tokens;
  }
  std::string why;
  if (llvm::all_of(tokens.demands, [&](const TokenDemand &wanted) {
        return narrow(op, tokens.result, wanted, operands, why);
      }))
    return tokens;
  computeAll(op, tokens, operands);
  bool isTold = !refusals.empty() && refusals.back().op == op;
  if ((hasTokenOperand(op) || isa<TokenDemandOpInterface>(op)) && !isTold)
    refusals.push_back({op, origin, why});
  return tokens;
}

void TokenDemandAnalysis::visit(Operation *op) {
  OpTokens &tokens = byOp[op];
  if (op->getNumResults() == 0 || op->getNumRegions() || !isMemoryEffectFree(op)) {
    tokens.demands.assign(1, TokenDemand());
    op->walk([&](Operation *nested) {
      for (Value operand : nested->getOperands())
        demand(operand, {});
    });
    return;
  }
  OperandDemands operands;
  tokens = decide(op, operands);
  for (auto &[index, wanted] : operands)
    demand(op->getOperand(index), wanted);
}
