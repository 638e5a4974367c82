//===- FreezeParameters.cpp - train a part of a model ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "FreezeParameters.h"

#include "compiler/analysis/PassReport.h"

namespace jepa {
#define GEN_PASS_DEF_FREEZEPARAMETERS
#include "FreezeParameters.h.inc"
} // namespace jepa

using namespace mlir;
using namespace jepa;

namespace {

struct FreezeParametersPass : jepa::impl::FreezeParametersBase<FreezeParametersPass> {
  using FreezeParametersBase::FreezeParametersBase;

  void runOnOperation() override {
    if (prefix.empty()) {
      getOperation().emitError("needs to know what to freeze: give jepa-freeze-parameters{prefix=...}");
      return signalPassFailure();
    }
    int64_t parameters = 0, elements = 0;
    WalkResult result = getOperation().walk([&](Operation *op) {
      if (isa<GradientOp>(op)) {
        op->emitOpError("is here already: freeze before jepa-differentiate");
        return WalkResult::interrupt();
      }
      auto parameter = dyn_cast<ParameterOp>(op);
      if (!parameter || !parameter.getTrainable() || !parameter.getName().starts_with(prefix))
        return WalkResult::advance();
      parameter.setTrainable(false);
      ++parameters;
      elements += cast<RankedTensorType>(parameter.getType()).getNumElements();
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    if (parameters == 0) {
      getOperation().emitError("no trainable parameter's name begins with '") << prefix << "'";
      return signalPassFailure();
    }
    PassReport::count(getOperation(), getArgument(), "parameters", parameters);
    PassReport::count(getOperation(), getArgument(), "elements", elements);
  }
};

} // namespace
