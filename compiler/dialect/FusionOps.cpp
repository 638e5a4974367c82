//===- FusionOps.cpp - fused groups; what fusion and precision ask of the ops ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/dialect/Verify.h"

using namespace mlir;
using namespace jepa;

LogicalResult FusedOp::verify() {
  Block &block = getBody().front();
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield)
    return emitOpError("must end with jepa.yield");
  if (block.getArgumentTypes() != getInputs().getTypes())
    return emitOpError("has operands and block arguments of different types");
  if (yield.getValues().getTypes() != getOutputs().getTypes())
    return emitOpError("has results and yielded values of different types");
  for (Operation &op : block.without_terminator()) {
    auto fusible = dyn_cast<FusibleOpInterface>(op);
    if (!fusible)
      return op.emitOpError("cannot be part of a fused group: it does not implement FusibleOpInterface");
    if (fusible.isProduct() && &op != &block.front())
      return op.emitOpError("must be the first of its group: a product reads whole matrices");
    for (OpOperand &operand : op.getOpOperands())
      if (Operation *before = operand.get().getDefiningOp();
          before && (!fusible.isRowOperand(operand.getOperandNumber()) || cast<FusibleOpInterface>(before).sumsRows()))
        return op.emitOpError("reads a whole tensor that its group computes row by row");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// FusibleOpInterface
//===----------------------------------------------------------------------===//

static bool hasRowsOf(Value operand, Value result) {
  auto type = tensorType(operand), whole = tensorType(result);
  return type.getRank() && countRows(type) == countRows(whole);
}

bool LinearOp::isProduct() { return true; }
bool LinearInputGradOp::isProduct() { return true; }
bool AddOp::isRowOperand(unsigned index) { return index == 0 || hasRowsOf(getRhs(), getResult()); }
bool SumToOp::isRowOperand(unsigned) { return true; }
bool SumToOp::sumsRows() { return true; }
bool LayerNormGradOp::isRowOperand(unsigned index) { return index < 2; }
bool LayerNormWeightGradOp::isRowOperand(unsigned) { return true; }
bool LayerNormWeightGradOp::sumsRows() { return true; }
bool GeluGradOp::isRowOperand(unsigned) { return true; }
bool ReluGradOp::isRowOperand(unsigned) { return true; }

//===----------------------------------------------------------------------===//
// PrecisionOpInterface
//===----------------------------------------------------------------------===//

// A bias is added to the product's sums before they are rounded.
bool LinearOp::computesInLowPrecision(unsigned index) { return index < 2; }
bool LinearOp::roundsOperand(unsigned index) { return index == 1; }
bool LinearOp::givesLowPrecision(unsigned) { return true; }
bool LinearInputGradOp::computesInLowPrecision(unsigned) { return true; }
bool LinearInputGradOp::roundsOperand(unsigned index) { return index == 1; }
bool LinearInputGradOp::givesLowPrecision(unsigned) { return true; }
bool LinearWeightGradOp::computesInLowPrecision(unsigned) { return true; }
bool LinearWeightGradOp::givesLowPrecision(unsigned) { return false; }

// logsumexp is a statistic.
bool AttentionOp::computesInLowPrecision(unsigned index) { return index < 3; }
bool AttentionOp::givesLowPrecision(unsigned index) { return index == 0; }
bool AttentionOp::givesE4m3(unsigned index) { return index == 0; }
bool AttentionGradOp::computesInLowPrecision(unsigned index) { return index < 5; }
bool AttentionGradOp::givesLowPrecision(unsigned) { return true; }

// Sums are full whatever they add up: the residual stream and the gradients of what is read several times.
bool AddOp::takesLowPrecision(unsigned) { return true; }
bool SumToOp::takesLowPrecision(unsigned) { return true; }
bool LayerNormOp::takesLowPrecision(unsigned index) { return index == 0; }
bool LayerNormOp::givesLowPrecision(unsigned) { return true; }
bool LayerNormOp::givesE4m3(unsigned) { return true; }
bool LayerNormOp::normalizes() { return true; }
bool LayerNormGradOp::takesLowPrecision(unsigned index) { return index < 2; }
bool LayerNormWeightGradOp::takesLowPrecision(unsigned) { return true; }

// Operands and results of one element type are of one precision: see the pass.
#define JEPA_EITHER_PRECISION(OP)                                                                                      \
  bool OP::takesLowPrecision(unsigned) { return true; }                                                                \
  bool OP::givesLowPrecision(unsigned) { return true; }
JEPA_EITHER_PRECISION(CastOp)
JEPA_EITHER_PRECISION(GeluOp)
JEPA_EITHER_PRECISION(GeluGradOp)
JEPA_EITHER_PRECISION(ReluOp)
JEPA_EITHER_PRECISION(ReluGradOp)
JEPA_EITHER_PRECISION(StopGradientOp)
JEPA_EITHER_PRECISION(SplitFeaturesOp)
JEPA_EITHER_PRECISION(ConcatFeaturesOp)
JEPA_EITHER_PRECISION(PatchifyOp)
JEPA_EITHER_PRECISION(GatherTokensOp)
JEPA_EITHER_PRECISION(RegroupTokensOp)
JEPA_EITHER_PRECISION(ConcatTokensOp)
JEPA_EITHER_PRECISION(SliceTokensOp)
JEPA_EITHER_PRECISION(PadTokensOp)
#undef JEPA_EITHER_PRECISION

// A table's gradient is a sum over the clips.
bool ScatterTokensOp::takesLowPrecision(unsigned) { return true; }
bool ScatterTokensOp::givesLowPrecision(unsigned) { return tensorType(getX()).getDimSize(0) == getType().getDimSize(0); }
