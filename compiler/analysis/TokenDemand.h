//===- TokenDemand.h - which tokens of each op something reads ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_ANALYSIS_TOKENDEMAND_H
#define JEPA_COMPILER_ANALYSIS_TOKENDEMAND_H

#include "compiler/dialect/Dialect.h"

namespace jepa {

/// Some tokens that are read, and the op that selects them (null: nobody selects, all are read).
struct TokenDemand {
  TokenSelector selector;
  mlir::Operation *origin = nullptr;
};

/// What is to be computed of one op.
struct OpTokens {
  /// Empty: nothing reads the op. {All}: the op as it stands. Otherwise one copy of the op for each selector.
  llvm::SmallVector<TokenDemand, 2> demands;
  /// Dense, but to be built anew because it reads only some tokens of an operand (masked attention its visible keys).
  bool narrowsOperands = false;
  /// The one result that is demanded, for ops that narrow through TokenDemandOpInterface.
  unsigned result = 0;

  bool isDense() const { return demands.size() == 1 && demands[0].selector.isAll(); }
  bool isNarrow() const { return !demands.empty() && !isDense(); }
};

/// The demanded tokens of a function of one block, by one walk from its last op to its first. What the function returns, a
/// tap and every op without an interface read all tokens. An op whose selections together are no cheaper than the whole
/// is computed as a whole. A selection moves only if its mask is a function argument, so that it exists everywhere.
class TokenDemandAnalysis {
public:
  /// An op that stopped a selection, and why. `origin` is the op that selects.
  struct Refusal {
    mlir::Operation *op;
    mlir::Operation *origin;
    std::string why;
  };

  explicit TokenDemandAnalysis(mlir::func::FuncOp function);

  const OpTokens &getTokens(mlir::Operation *op) const;
  /// In program order: ops that could not narrow, and ops that cost less as a whole.
  llvm::ArrayRef<Refusal> getRefusals() const { return refusals; }
  llvm::ArrayRef<Refusal> getDenseByCost() const { return denseByCost; }

private:
  using OperandDemands = llvm::SmallVector<std::pair<unsigned, TokenDemand>, 4>;

  void visit(mlir::Operation *op);
  OpTokens decide(mlir::Operation *op, OperandDemands &operands);
  void computeAll(mlir::Operation *op, OpTokens &tokens, OperandDemands &operands);
  bool narrow(mlir::Operation *op, unsigned result, const TokenDemand &wanted, OperandDemands &operands,
              std::string &why);
  void demand(mlir::Value value, TokenDemand wanted);

  llvm::DenseMap<mlir::Value, llvm::SmallVector<TokenDemand, 2>> byValue;
  llvm::DenseMap<mlir::Operation *, OpTokens> byOp;
  std::vector<Refusal> refusals, denseByCost;
};

} // namespace jepa

#endif // JEPA_COMPILER_ANALYSIS_TOKENDEMAND_H
