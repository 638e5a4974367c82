//===- VerifyPhase.cpp - what holds between two phases of a build ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "passes/VerifyPhase/VerifyPhase.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

#include <array>

using namespace mlir;
using namespace jepa;

namespace jepa {
#define GEN_PASS_DEF_VERIFYPHASE
#include "passes/VerifyPhase/VerifyPhase.h.inc"
} // namespace jepa

namespace {

enum Border { Model, Pruned, Gradient, Kernels };

/// Ops that the phases treat alike.
enum class Family { Model, Adjoint, Gradient, Update, Kernel };

struct Rule {
  const char *what;
  std::array<bool, 4> isLegal; // by Border
};

/// The legality table, by Family.
constexpr Rule rules[] = {
    {"an op on tensors", {true, true, true, false}},
    {"an adjoint", {false, false, true, false}},
    {"a gradient that no optimiser took", {false, false, false, false}},
    {"an update of a parameter", {false, false, true, false}},
    {"a kernel op", {false, false, false, true}},
};

/// A list and not an interface: only this table asks.
Family familyOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, Family>(op)
      .Case<BufferOp, LaunchOp, GemmOp, DeviceLaunchOp, DeviceGemmOp>([](auto) { return Family::Kernel; })
      .Case<AdamWOp, EmaOp>([](auto) { return Family::Update; })
      .Case<GradientOp>([](auto) { return Family::Gradient; })
      .Case<LinearInputGradOp, LinearWeightGradOp, LayerNormGradOp, LayerNormWeightGradOp, GeluGradOp, ReluGradOp,
            AttentionGradOp, PowerLossGradOp, TokenStdGradOp, SquaredNormOp>([](auto) { return Family::Adjoint; })
      .Default([](Operation *) { return Family::Model; });
}

/// How many tokens there are where `op` uses `mask`, if it uses it as one.
std::optional<int64_t> countIndexedTokens(Operation *op, Value mask) {
  auto tokensOf = [](Value value) { return cast<RankedTensorType>(value.getType()).getDimSize(1); };
  using Count = std::optional<int64_t>;
  // A cyclic selection takes indices of any number of clips.
  return llvm::TypeSwitch<Operation *, Count>(op)
      .Case([&](GatherTokensOp gather) { return gather.getCyclic() ? Count() : Count(tokensOf(gather.getX())); })
      .Case(
          [&](ScatterTokensOp scatter) { return scatter.getCyclic() ? Count() : Count(tokensOf(scatter.getResult())); })
      .Case([&](AttentionOp attention) { return Count(tokensOf(attention.getKey())); })
      .Case([&](AttentionGradOp attention) { return Count(tokensOf(attention.getKey())); })
      .Case([&](SoftmaxOp softmax) { return Count(cast<RankedTensorType>(softmax.getType()).getShape().back()); })
      .Case([&](PatchifyOp patchify) {
        ArrayRef<int64_t> clip = cast<RankedTensorType>(patchify.getClip().getType()).getShape();
        int64_t patch = patchify.getPatch();
        int64_t clipsPerRow = clip[0] / cast<RankedTensorType>(patchify.getType()).getDimSize(0);
        return Count(clipsPerRow * (clip[2] / int64_t(patchify.getTubelet())) * (clip[3] / patch) * (clip[4] / patch));
      })
      .Default([](Operation *) { return Count(); });
}

LogicalResult verifyMasks(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments()) {
    auto tokens = function.getArgAttrOfType<IntegerAttr>(argument.getArgNumber(), maskTokensAttr);
    if (!tokens)
      continue;
    for (Operation *user : argument.getUsers()) {
      std::optional<int64_t> indexed = countIndexedTokens(user, argument);
      if (indexed && *indexed != tokens.getInt())
        return user->emitError("uses argument #")
               << argument.getArgNumber() << ", a mask of " << tokens.getInt() << " tokens, where there are " << *indexed;
    }
  }
  return success();
}

LogicalResult verifyPruned(AttentionOp attention) {
  auto mask = dyn_cast_or_null<BlockArgument>(attention.getMask());
  auto function = mask ? dyn_cast<func::FuncOp>(mask.getOwner()->getParentOp()) : func::FuncOp();
  if (!function || !function.getArgAttr(mask.getArgNumber(), maskTokensAttr) || !attention.getLogsumexp().use_empty())
    return success();
  return attention.emitError("is still masked after pruning, though its mask is checked at run time");
}

LogicalResult verifyUpdatesLast(func::FuncOp function) {
  Operation *adam = nullptr, *ema = nullptr;
  for (Operation &op : function.front().without_terminator()) {
    Operation *before = isa<AdamWOp>(op) ? ema : isa<EmaOp>(op) ? nullptr : adam ? adam : ema;
    if (before) {
      InFlightDiagnostic diagnostic = op.emitError("stands after an update, so it may see a parameter that has changed");
      diagnostic.attachNote(before->getLoc()) << "the update";
      return diagnostic;
    }
    if (isa<AdamWOp>(op) && !adam)
      adam = &op;
    if (isa<EmaOp>(op) && !ema)
      ema = &op;
  }
  return success();
}

LogicalResult verifyNoTensors(Operation *op) {
  auto isTensor = [](Type type) { return isa<TensorType>(type); };
  if (llvm::any_of(op->getResultTypes(), isTensor) || llvm::any_of(op->getOperandTypes(), isTensor))
    return op->emitError("still has a tensor after lowering to kernels");
  return success();
}

class VerifyPhase : public jepa::impl::VerifyPhaseBase<VerifyPhase> {
  using VerifyPhaseBase::VerifyPhaseBase;

  void runOnOperation() override {
    markAllAnalysesPreserved();
    int border = llvm::StringSwitch<int>(phase)
                     .Case("model", Model)
                     .Case("pruned", Pruned)
                     .Case("gradient", Gradient)
                     .Case("kernels", Kernels)
                     .Default(-1);
    if (border < 0) {
      getOperation().emitError("jepa-verify-phase: unknown phase '")
          << phase << "': use model, pruned, gradient or kernels";
      return signalPassFailure();
    }
    WalkResult result =
        getOperation().walk([&](Operation *op) { return WalkResult(verify(op, static_cast<Border>(border))); });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  LogicalResult verify(Operation *op, Border border) {
    if (isa<JepaDialect>(op->getDialect())) {
      const Rule &rule = rules[static_cast<unsigned>(familyOf(op))];
      if (!rule.isLegal[border])
        return op->emitError("is ") << rule.what << ", which must not be there at the end of phase '" << phase << "'";
    }
    if (auto attention = dyn_cast<AttentionOp>(op); attention && border == Pruned)
      return verifyPruned(attention);
    if (border == Kernels)
      return verifyNoTensors(op);
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function || function.isExternal())
      return success();
    if (border == Gradient && failed(verifyUpdatesLast(function)))
      return failure();
    return verifyMasks(function);
  }
};

} // namespace
