//===- ExpandBf16.cpp - round to bf16 without an instruction for it ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/Passes.h"

#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace jepa {
#define GEN_PASS_DEF_EXPANDBF16
#include "compiler/target/Passes.h.inc"
} // namespace jepa

using namespace mlir;

namespace {

struct ExpandBf16Pass : jepa::impl::ExpandBf16Base<ExpandBf16Pass> {
  void runOnOperation() override {
    SmallVector<Operation *> conversions;
    getOperation().walk([&](Operation *op) {
      if (isa<arith::ExtFOp, arith::TruncFOp>(op))
        conversions.push_back(op);
    });
    RewritePatternSet patterns(&getContext());
    arith::populateExpandBFloat16Patterns(patterns);
    GreedyRewriteConfig config;
    config.setStrictness(GreedyRewriteStrictness::ExistingOps);
    if (failed(applyOpPatternsGreedily(conversions, std::move(patterns), config)))
      signalPassFailure();
  }
};

} // namespace
