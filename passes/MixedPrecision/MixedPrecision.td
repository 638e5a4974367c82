//===- MixedPrecision.td - compute in bf16 where that is enough -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_MIXEDPRECISION_TD
#define JEPA_PASSES_MIXEDPRECISION_TD

include "mlir/Pass/PassBase.td"

def MixedPrecision : Pass<"jepa-mixed-precision", "::mlir::func::FuncOp"> {
  let summary = "Compute products and attention in bf16, and keep in bf16 what only they and row ops read";
  let description = [{
    Gives each f32 value the precision that it is stored in, asking `PrecisionOpInterface` alone. What an op computes with in
    low precision is cast where it is full, once for all readers. What an op could give in low precision is given in full
    where some reader insists on that. Sums, statistics, exponentials and losses are computed in f32 whatever they read.

    ```mlir
    func.func @jepa_run(%x: tensor<2x64x48xf32> {jepa.name = "x"}) -> (tensor<2x64x48xf32> {jepa.name = "y"}) {
      %w = jepa.parameter "encoder.w" {init = "ones"} : tensor<48x48xf32>
      %0 = jepa.linear %x, %w : (tensor<2x64x48xf32>, tensor<48x48xf32>) -> tensor<2x64x48xf32>
      %1 = jepa.gelu %0 : tensor<2x64x48xf32>
      %2 = jepa.add %x, %1 : (tensor<2x64x48xf32>, tensor<2x64x48xf32>) -> tensor<2x64x48xf32>
    // becomes, in a function that trains nothing:
      %x16 = jepa.cast %x : (tensor<2x64x48xf32>) -> tensor<2x64x48xbf16>
      %w = jepa.parameter "encoder.w" {init = "ones"} : tensor<48x48xbf16>
      %0 = jepa.linear %x16, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
      %1 = jepa.gelu %0 : tensor<2x64x48xbf16>
      %2 = jepa.add %x, %1 : (tensor<2x64x48xf32>, tensor<2x64x48xbf16>) -> tensor<2x64x48xf32>
    ```

    An op that only passes values on (a selection, a concatenation) keeps the precision of what it reads; it rounds only where
    every reader of its result would.

    A parameter stays in f32 where the function updates it: products read its `jepa.parameter_copy`, which the parameter's
    `jepa.adamw` writes anew. In a function without updates, a parameter that is read in low precision alone is itself bf16.

    *Preconditions*: the function is flat, and its reals are f32.

    *Postconditions*: every operand that an op computes with in low precision is bf16; arguments, results, and operands that
    must be full are f32. A `jepa.tap` sees what is computed, in whichever precision that is.

    *Why here*: after the optimiser, whose updates say which parameters need a master; before the passes that fuse, so that
    casts become part of the ops around them.
  }];
  let options = [Option<"lowBiases", "low-biases", "bool", "false",
                        "Give products their biases in bf16 too, for a library that adds them in its result's precision">];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_MIXEDPRECISION_TD
