//===- PackMasks.td - let every sample keep all its tokens -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_PACKMASKS_TD
#define JEPA_PASSES_PACKMASKS_TD

include "mlir/Pass/PassBase.td"

def PackMasks : Pass<"jepa-pack-masks", "::mlir::ModuleOp"> {
  let summary = "Let every sample keep all its tokens: pack a batch into one sequence";
  let description = [{
    An argument with `jepa.bounds_of = "context#0"` says where each sample's tokens begin on the axis `context#0`, when the
    samples of a batch stand one after the other. This pass puts them so: what was [clip, context#0, width], with as many
    tokens for each clip, becomes one clip of clips x tokens, which the samples share as they need. It gives the bounds to
    `jepa.attention` (in which a token sees its own sample alone), `jepa.power_loss` and `jepa.token_std` (which count each
    sample by itself). The mask becomes one list over the whole batch, in which token t of clip b is b * tokens + t:
    `jepa.patchify` and `jepa.gather_tokens` read by it, the latter from a batch that `jepa.regroup_tokens` views as one clip,
    or cyclically from a table. Places from the last bound on are padding: they are computed but reach no loss.

    Before:

    ```mlir
    func.func @f(%x: tensor<2x64x48xf32>, %m: tensor<2x24xi32> {jepa.mask = 64},
                 %b: tensor<3xi32> {jepa.bounds_of = "context#0"}) {
      %s = jepa.gather_tokens %x, %m ...
      %o, %l = jepa.attention %s, %s, %s {heads = 3} ...  // over "context#0"
    ```

    After:

    ```mlir
    func.func @f(%x: tensor<2x64x48xf32>, %m: tensor<1x48xi32> {jepa.mask = 128},
                 %b: tensor<3xi32> {jepa.bounds_of = "context#0"}) {
      %p = jepa.regroup_tokens %x : (tensor<2x64x48xf32>) -> tensor<1x128x48xf32>
      %s = jepa.gather_tokens %p, %m ...
      %o, %l = jepa.attention %s, %s, %s query_bounds(%b) key_bounds(%b)
        {heads = 3, query_segments = array<i64: 48>, segments = array<i64: 48>} ...
    ```

    Whole example: `test/passes/pack-masks/example.mlir`.

    A tap and a result of the function keep their shape: the same rows, cut evenly. Where each sample has as many tokens as
    its share, these are the sample's own.

    *Preconditions*: an axis has its name everywhere; every part of a concatenation with a packed part is packed; no attention
    is masked by a packed mask. An op that mixes tokens of a packed axis and takes no bounds is an error.

    *Postconditions*: no result that a loss depends on changes with what is in padding; the loss is the mean of each sample's
    own.

    *Why here*: after `jepa-prune-tokens`, since only what runs over the kept tokens can be packed; before
    `jepa-differentiate`, since the adjoints take the bounds over.
  }];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_PACKMASKS_TD
