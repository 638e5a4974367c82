//===- CheckPasses.cpp - passes that `jepac check` must or must not blame -===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/dialect/Dialect.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

using namespace mlir;
using namespace jepa;

namespace {

/// A pass over one function, from its name and what it does.
template <class Derived> struct TestPass : PassWrapper<Derived, OperationPass<func::FuncOp>> {
  StringRef getArgument() const override { return Derived::name; }
  StringRef getName() const override { return Derived::name; }
  StringRef getDescription() const override { return "for tests of jepac check"; }
};

/// Wrong: forgets the bias of the first product that has one.
struct DropBias : TestPass<DropBias> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DropBias)
  static constexpr llvm::StringLiteral name = "test-drop-bias";

  void runOnOperation() override {
    for (auto linear : getOperation().getOps<LinearOp>())
      if (linear.getBias())
        return linear.getBiasMutable().clear();
    getOperation().emitError("has no bias to drop");
    signalPassFailure();
  }
};

/// Wrong: one branch of the first residual counts a thousandth more.
struct ScaleSlightly : TestPass<ScaleSlightly> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ScaleSlightly)
  static constexpr llvm::StringLiteral name = "test-scale-slightly";

  void runOnOperation() override {
    for (auto linear : getOperation().getOps<LinearOp>()) {
      auto scope = linear->getAttrOfType<StringAttr>(scopeAttr);
      if (!scope || !scope.getValue().starts_with("predictor"))
        continue;
      OpBuilder builder(linear->getContext());
      builder.setInsertionPointAfter(linear);
      auto scaled = ScaleOp::create(builder, linear.getLoc(), linear.getType(), linear.getResult(),
                                    builder.getF64FloatAttr(1.001), builder.getF64FloatAttr(0));
      linear.getResult().replaceAllUsesExcept(scaled, scaled);
      return;
    }
    getOperation().emitError("has no product to scale");
    signalPassFailure();
  }
};

/// Wrong: one teacher's tensor no longer follows.
struct DropEma : TestPass<DropEma> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DropEma)
  static constexpr llvm::StringLiteral name = "test-drop-ema";

  void runOnOperation() override {
    for (auto move : getOperation().getOps<EmaOp>())
      return move.erase();
    for (auto step : getOperation().getOps<AdamWOp>())
      if (step.getTeacher())
        return step.removeTeacherAttr(), void();
    getOperation().emitError("has no teacher");
    signalPassFailure();
  }
};

/// Right: a + (b + c) for (a + b) + c, wherever that is of equal types.
struct Reassociate : TestPass<Reassociate> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Reassociate)
  static constexpr llvm::StringLiteral name = "test-reassociate";

  void runOnOperation() override {
    for (auto outer : llvm::to_vector(getOperation().getOps<AddOp>())) {
      auto inner = outer.getLhs().getDefiningOp<AddOp>();
      Type type = outer.getType();
      if (!inner || !inner->hasOneUse() || outer.getRhs().getType() != type || inner.getRhs().getType() != type)
        continue;
      OpBuilder builder(outer);
      Value rest = AddOp::create(builder, outer.getLoc(), type, inner.getRhs(), outer.getRhs());
      outer.getRhsMutable().assign(rest);
      outer.getLhsMutable().assign(inner.getLhs());
      inner.erase();
    }
  }
};

} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "jepa-check-passes", "1", [] {
            PassRegistration<DropBias>();
            PassRegistration<ScaleSlightly>();
            PassRegistration<DropEma>();
            PassRegistration<Reassociate>();
          }};
}
