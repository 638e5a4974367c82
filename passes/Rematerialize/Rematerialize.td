//===- Rematerialize.td - compute again instead of storing ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_REMATERIALIZE_TD
#define JEPA_PASSES_REMATERIALIZE_TD

include "mlir/Pass/PassBase.td"

def Rematerialize : Pass<"jepa-rematerialize", "::mlir::func::FuncOp"> {
  let summary = "Compute values of a layer again for its adjoint instead of keeping them";
  let description = [{
    Until a step needs at most `limit` bytes: ops of a layer whose results only the layer's own adjoint reads once the
    memory is at its peak are copied in front of that adjoint, which reads the copies. Chosen first is what costs least for
    each byte that it frees at the peak: a layer norm, GELU or cast before a product, single ops before whole layers, of
    which then only the input is kept. A copy has the attribute `jepa.recomputed`: it is no model FLOP, and differs from
    its original, so that no pass makes one of them again.

    Before:

    ```mlir
    %h = jepa.linear %x, %w {jepa.scope = "blocks.0.mlp"} ...
    %y = jepa.gelu %h {jepa.scope = "blocks.0.mlp"} ...
    ... the other layers, the loss and their adjoints ...
    %dw2 = jepa.linear_weight_grad %dz, %y {jepa.scope = "blocks.0.mlp/adjoint"} ...
    ```

    After:

    ```mlir
    %h = jepa.linear %x, %w {jepa.scope = "blocks.0.mlp"} ...
    %y = jepa.gelu %h {jepa.scope = "blocks.0.mlp"} ...
    ...
    %y2 = jepa.gelu %h {jepa.recomputed, jepa.scope = "blocks.0.mlp/adjoint"} ...
    %dw2 = jepa.linear_weight_grad %dz, %y2 {jepa.scope = "blocks.0.mlp/adjoint"} ...
    ```

    The peak is estimated: tensors that are live at once, and what lives for the whole run. Kernels' scratch and the gaps of
    the plan come on top, so `jepac build --memory-limit` measures the real plan and asks for less until it fits.

    What it costs, as a share of the step's model FLOPs that is computed again; what is left at the end is weights, moments
    and gradients, which are all kept until they are clipped together:

    | step, peak without a limit | 0.95 | 0.90 | 0.85 | 0.80 | 0.70 | smallest |
    | --- | --- | --- | --- | --- | --- | --- |
    | ViT-B/16, 224x16, batch 1, f32, 2639 MB | 1.6 % | 4.1 % | 14 % | - | - | 24 % at 0.81 |
    | the same in bf16, 2627 MB | 8.8 % | - | - | - | - | 8.8 % at 0.954 |
    | ViT-S/16, 112x8, batch 8, f32, 1441 MB | | 5.0 % | | 11 % | 26 % | 97 % at 0.57 |
    | the same in bf16, 1216 MB | | 7.9 % | | 39 % | - | 58 % at 0.77 |

    *Preconditions*: one flat function; ops carry the scope of their layer.

    *Postconditions*: the same numbers, to the last bit. Fails, with the smallest estimate that it can reach, if that is
    above the limit (not with `best-effort`).

    *Why here*: after the fused groups are formed, since what a group keeps to itself needs no memory; before layers are
    outlined, since equal layers that are recomputed in the same way still share a function.

    Example: `test/passes/rematerialize/example.mlir`.
  }];
  let options = [
    Option<"limit", "limit", "int64_t", "0", "Bytes that the step may need; 0 is no limit">,
    Option<"bestEffort", "best-effort", "bool", "false", "Stay above the limit rather than fail">
  ];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_REMATERIALIZE_TD
