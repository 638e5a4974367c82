//===- VerifyPhase.td - what holds between two phases of a build -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_VERIFYPHASE_TD
#define JEPA_PASSES_VERIFYPHASE_TD

include "mlir/Pass/PassBase.td"

def VerifyPhase : Pass<"jepa-verify-phase", "::mlir::ModuleOp"> {
  let summary = "Check what must hold at the border of a phase";
  let description = [{
    Changes nothing. `phase` is the phase that was just left; at its end only some families of ops may be there:

    | ops | model | pruned | gradient | kernels |
    | --- | --- | --- | --- | --- |
    | of the model, and tensor plumbing | yes | yes | yes | no |
    | adjoints (`jepa.*_grad`, `jepa.squared_norm`) | no | no | yes | no |
    | `jepa.gradient` | no | no | no | no |
    | updates (`jepa.adamw`, `jepa.ema`) | no | no | yes | no |
    | kernel ops | no | no | no | yes |

    And besides:

    - *model, pruned, gradient*: a mask argument is used only where there are exactly as many tokens as its `jepa.mask`
      says; the runtime checks the indices against that number, so nothing is read out of bounds.
    - *pruned*: no attention keeps a mask that is a checked argument, unless its logsumexp is read.
    - *gradient*: after the first update there are only updates, all `jepa.adamw` before the first `jepa.ema`.
    - *kernels*: nothing has a tensor type.

    Example: `test/passes/verify-phase/example.mlir`.

    *Preconditions*: none.

    *Postconditions*: the module is as before, or the pass failed and said at which op.

    *Why here*: at the end of each phase, so that a pass that leaves something behind is named by the border after it
    and not by a crash two phases later.
  }];
  let options = [
    Option<"phase", "phase", "std::string", "\"model\"", "The phase just left: model, pruned, gradient or kernels">
  ];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_VERIFYPHASE_TD
