//===- VerifyPlan.td - no two live buffers overlap ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_VERIFYPLAN_TD
#define JEPA_PASSES_VERIFYPLAN_TD

include "mlir/Pass/PassBase.td"

def VerifyPlan : Pass<"jepa-verify-plan", "::mlir::func::FuncOp"> {
  let summary = "Check that no two buffers that are live at once share a byte";
  let description = [{
    Changes nothing. Fails at the second of two buffers that overlap, with a note at the first, at a buffer without an
    offset, and at one that reaches beyond the arena.

    *Why here*: right after `jepa-plan-memory`, at the border to code generation.

    Example: `test/passes/verify-plan/example.mlir`.
  }];
}

#endif // JEPA_PASSES_VERIFYPLAN_TD
