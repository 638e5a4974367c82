//===- MergeMasks.td - one batch for the mask groups of a step -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_MERGEMASKS_TD
#define JEPA_PASSES_MERGEMASKS_TD

include "mlir/Pass/PassBase.td"

def MergeMasks : Pass<"jepa-merge-masks", "::mlir::func::FuncOp"> {
  let summary = "Run the mask groups of a step as one batch";
  let description = [{
    The groups of masks of one step go through the same encoder and predictor, each with tokens of its own. Where ops of
    different groups read the same weights, this pass joins their tokens and runs one op over all of them: one product with
    more rows in place of several, one read of each weight, and after differentiation one product for its gradient, with
    nothing to add up. `jepa.attention` keeps the groups apart by `query_sequences` and `key_sequences`.

    Before, for groups of K and L tokens:

    ```mlir
    %a = jepa.linear %x, %w : (tensor<2xKx48xf32>, tensor<48x48xf32>) -> tensor<2xKx48xf32>
    %b = jepa.linear %y, %w : (tensor<2xLx48xf32>, tensor<48x48xf32>) -> tensor<2xLx48xf32>
    %o, %s = jepa.attention %a, %a, %a {heads = 3} ...
    %p, %t = jepa.attention %b, %b, %b {heads = 3} ...
    ```

    After:

    ```mlir
    %z = jepa.concat_tokens %x, %y : (tensor<2xKx48xf32>, tensor<2xLx48xf32>) -> tensor<2x(K+L)x48xf32>
    %c = jepa.linear %z, %w : (tensor<2x(K+L)x48xf32>, tensor<48x48xf32>) -> tensor<2x(K+L)x48xf32>
    %q, %u = jepa.attention %c, %c, %c {heads = 3, query_sequences = array<i64: K, L>, key_sequences = array<i64: K, L>} ...
    %o = jepa.slice_tokens %q {offset = 0} ...
    %p = jepa.slice_tokens %q {offset = K} ...
    ```

    Whole example: `test/passes/merge-masks/example.mlir`.

    A batch begins where products share their weights (or ops that such products read share theirs) and goes on as long as
    ops differ in their tokens alone; what ends it reads segments of the last joint value. Any number of groups. Ops that
    share weights but read one another's results stay apart, and a remark says so. Lengths and bounds are taken over, a
    segment for each.

    *Preconditions*: a function of one block, before differentiation.

    *Postconditions*: the same numbers, up to the order of summation in the gradients of weights; the same FLOPs. A function
    without shared weights is left as it was.

    *Why here*: after `jepa-prune-tokens`, since it is pruning that gives each group its own tokens, and after
    `jepa-bind-lengths` or `jepa-pack-masks`, which know an axis by its group's name; before `jepa-differentiate`, so that
    the adjoint is that of the joint batch.
  }];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_MERGEMASKS_TD
