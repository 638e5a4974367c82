//===- OutlineLayers.td - equal layers share one function -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_OUTLINELAYERS_TD
#define JEPA_PASSES_OUTLINELAYERS_TD

include "mlir/Pass/PassBase.td"

def OutlineLayers : Pass<"jepa-outline-layers", "::mlir::ModuleOp"> {
  let summary = "Let structurally equal layers share one function";
  let description = [{
    A layer is a run of consecutive pure ops that were written in the same numbered module: `encoder.blocks.3.attn` and
    `encoder.blocks.3.mlp` are layer `encoder.blocks.3`, their adjoints are layer `encoder.blocks.3/adjoint`. Layers with
    the same ops, attributes, types and wiring become calls of one private function. Parameters, tables and constants
    stay in the caller and are passed; so do taps, gradients and every op outside a module.

    Before:

    ```mlir
    %w0 = jepa.parameter "encoder.blocks.0.w" ...
    %y0 = jepa.linear %x, %w0 {jepa.scope = "encoder.blocks.0"} ...
    %w1 = jepa.parameter "encoder.blocks.1.w" ...
    %y1 = jepa.linear %y0, %w1 {jepa.scope = "encoder.blocks.1"} ...
    ```

    After (with `min-ops=1`):

    ```mlir
    %w0 = jepa.parameter "encoder.blocks.0.w" ...
    %y0 = call @layer_encoder_blocks(%x, %w0) {jepa.scope = "encoder.blocks.0"} ...
    %w1 = jepa.parameter "encoder.blocks.1.w" ...
    %y1 = call @layer_encoder_blocks(%y0, %w1) {jepa.scope = "encoder.blocks.1"} ...
    ```

    Whole example: `test/passes/outline-layers/example.mlir`. Inside the function a scope is what follows the layer's own
    (`attn`), and locations are those of the first layer. Axis names are part of a type, so the layers of two mask groups
    do not share.

    What is only a view (`ViewOpInterface`: the parts of a split) is made again in each layer that reads it, so that a
    layer hands on the whole, which its adjoint then splits for itself: a part that a function returned would have to be
    copied out.

    *Preconditions*: functions of one block.

    *Postconditions*: inlining gives the program back, up to scopes, the places of parameters and repeated views;
    functions that this pass makes call nothing and have no side effect.

    *Why here*: last of the passes over tensors, so that the others see one flat program and no analysis has to look through
    calls; before kernels, so that each shared layer is lowered and compiled once.
  }];
  let options = [
    Option<"minOps", "min-ops", "int64_t", "4", "Fewest ops of a layer worth a call">,
    Option<"minInstances", "min-instances", "int64_t", "2", "Fewest layers that share a function">
  ];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_OUTLINELAYERS_TD
