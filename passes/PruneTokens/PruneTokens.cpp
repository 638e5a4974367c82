//===- PruneTokens.cpp - compute only demanded tokens ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "passes/PruneTokens/PruneTokens.h"

using namespace mlir;

namespace jepa {
#define GEN_PASS_DEF_PRUNETOKENS
#include "passes/PruneTokens/PruneTokens.h.inc"
} // namespace jepa

namespace {

class PruneTokens : public jepa::impl::PruneTokensBase<PruneTokens> {
  void runOnOperation() override {}
};

} // namespace
