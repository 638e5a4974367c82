//===- FuseAttention.td - attention in parts becomes one op -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_FUSEATTENTION_TD
#define JEPA_PASSES_FUSEATTENTION_TD

include "mlir/Pass/PassBase.td"

def FuseAttention : Pass<"jepa-fuse-attention", "::mlir::func::FuncOp"> {
  let summary = "Replace attention that is written in parts by the op that stores no score matrix";
  let description = [{
    Finds the softmax of scaled products of queries and keys, and its product with values, each split into heads. A scale may
    stand on the queries or the keys (before or after they are split) or on the scores; where all scales together are not
    one over the root of a head's width, the rest goes onto the queries. A softmax' mask becomes the attention's.

    Before:

    ```mlir
    %s = jepa.matmul %qh, %kh {trans_b} ...            // %qh, %kh, %vh: jepa.split_heads of %q, %k, %v
    %c = jepa.scale %s {factor = 0.25} ...
    %p = jepa.softmax %c ...                           // [clip, head, query, key]
    %y = jepa.merge_heads (jepa.matmul %p, %vh) ...
    ```

    After:

    ```mlir
    %y, %l = jepa.attention %q, %k, %v {heads = 3} ...
    ```

    Whole example: `test/passes/fuse-attention/example.mlir`.

    *Preconditions*: none. Where scores or probabilities have another reader they must be stored anyway: a remark names it.
    The parts that stay are right, and dense: `jepa-prune-tokens` stops at them with a remark, and `--masks published` and
    `packed`, which need attention to count the tokens that there are, refuse them at their line.

    *Postconditions*: the same results up to rounding; each fused chain's scores are in no tensor, forward or adjoint.

    *Why here*: first of all, because the passes that look at tokens know attention as one op only; and again directly before
    `jepa-differentiate`, for what an extension of the pipeline wrote, so that the adjoint is the fused op's own, which
    computes the scores again.
  }];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_FUSEATTENTION_TD
