//===- QuantizeTeacher.td - compute the teacher in e4m3 -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_QUANTIZETEACHER_TD
#define JEPA_PASSES_QUANTIZETEACHER_TD

include "mlir/Pass/PassBase.td"

def QuantizeTeacher : Pass<"jepa-quantize-teacher", "::mlir::func::FuncOp"> {
  let summary = "Compute the products of the teacher in e4m3, where a GPU is twice as fast";
  let description = [{
    Nothing is learnt through the teacher, so what it gives may be coarser than what the student computes with. Each
    linear layer whose weight follows a student's (a parameter with `ema_of`, or its copy in low precision) reads x in
    e4m3, beside which it rounds the weight to e4m3 as well. What computes x stores it so, where it can and nobody
    else reads it; a cast does otherwise.

    ```mlir
    %w = jepa.parameter_copy "target.w" {jepa.master = {ema_of = "encoder.w", ...}} : tensor<48x48xbf16>
    %0 = jepa.layer_norm %x {eps = 1.0e-06} : (tensor<2x64x48xf32>) -> tensor<2x64x48xbf16>
    %1 = jepa.linear %0, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
    // becomes:
    %0 = jepa.layer_norm %x {eps = 1.0e-06} : (tensor<2x64x48xf32>) -> tensor<2x64x48xf8E4M3FN>
    %1 = jepa.linear %0, %w : (tensor<2x64x48xf8E4M3FN>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
    ```

    x is rounded as it is, without a scale, so that nothing need be known of it before its numbers are stored. That
    moves a number by a sixteenth at most from 2^-6 to 448, and by 2^-10 below. A norm of n features gives numbers of
    size about 1 and of at most sqrt(n) |weight| + |bias|, which 448 is far above; of what is made of them, attention
    gives averages, and a product numbers that only a row of its weight as long as 448 / sqrt(n) could take there.
    What is larger becomes 448.

    Two kinds of layers stay as they are. Those whose x no norm bounds: data (the patch embedding's pixels), and the
    sums that blocks add to. And those of which a size (rows, features in or out) is no multiple of 16: there is no
    instruction for them.

    Whole example: `test/passes/quantize-teacher/example.mlir`.

    *Preconditions*: a flat function, after jepa-mixed-precision: x and weight are bf16, or the layer is left alone.

    *Postconditions*: nothing but e4m3 is new. Equal layers are equal still.

    *Why here*: once precisions are chosen; before products become part of groups, which a cast joins, and layers
    functions, in which a weight is an argument like any other.
  }];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_QUANTIZETEACHER_TD
