//===- PruneTokens.td - compute only demanded tokens -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_PRUNETOKENS_TD
#define JEPA_PASSES_PRUNETOKENS_TD

include "mlir/Pass/PassBase.td"

def PruneTokens : Pass<"jepa-prune-tokens", "::mlir::func::FuncOp"> {
  let summary = "Compute only the tokens that something reads";
  let description = [{
    A model says which tokens are visible, over all tokens: masked attention, and a selection at the end. This pass moves
    the selections (`jepa.gather_tokens`, `jepa.slice_tokens`) towards the inputs, past every op that computes each token
    from the same token alone, and narrows masked attention to its visible keys, where it needs no mask. An encoder
    whose layers and final selection use one mask becomes the encoder over the visible tokens, from `jepa.patchify` on;
    the last block of a predictor computes queries, projection and MLP of the target tokens only.

    Before, for tokens N and a mask K:

    ```mlir
    %h = jepa.linear %x, %w : (tensor<2xNx48xf32>, tensor<48x48xf32>) -> tensor<2xNx48xf32>
    %s = jepa.gather_tokens %h, %m : (tensor<2xNx48xf32>, tensor<2xKxi32>) -> tensor<2xKx48xf32>
    ```

    After:

    ```mlir
    %g = jepa.gather_tokens %x, %m : (tensor<2xNx48xf32>, tensor<2xKxi32>) -> tensor<2xKx48xf32>
    %s = jepa.linear %g, %w : (tensor<2xKx48xf32>, tensor<48x48xf32>) -> tensor<2xKx48xf32>
    ```

    Whole example: `test/passes/prune-tokens/example.mlir`.

    A value that several selections read is computed once for each only if that costs fewer FLOPs than computing it for
    all tokens, and then selected from. An op with neither `TokenwiseOpInterface` nor `TokenDemandOpInterface`, a tap and
    a function result read all tokens. Where that, or a mask that is not checked at run time, stops a selection, a remark
    at the op says so. `--remarks-filter=jepa-prune-tokens` shows what each selection saved.

    *Preconditions*: a function of one block; what hides behind a mask is finite.

    *Postconditions*: same results up to rounding; no `jepa.attention` with a mask that is a checked input is left, unless
    its logsumexp is read. Locations and scopes stay.

    *Why here*: before `jepa-differentiate`, so that the adjoint is that of the small program and no selection has to
    be found again in it; before `jepa-outline-layers`, since a shared function would demand everything for everyone.
  }];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_PRUNETOKENS_TD
