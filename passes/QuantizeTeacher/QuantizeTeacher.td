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
    Nothing is learnt through the teacher, so what it gives may be coarser than what the student computes with. Each linear
    layer whose weight follows a student's (a parameter with `ema_of`, or its copy in low precision) rounds x and the weight
    to e4m3 before it multiplies them: it gets the attribute `e4m3`, which says how.

    ```mlir
    %w = jepa.parameter_copy "target.w" {jepa.master = {ema_of = "encoder.w", ...}} : tensor<48x48xbf16>
    %1 = jepa.linear %0, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
    // becomes:
    %1 = jepa.linear %0, %w {e4m3} : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
    ```

    Two kinds of layers stay as they are. Those that read data, before any other product (the patch embedding): their x is
    as wide as pixels are, their error would go through every layer, and they are a hundredth of the work. And those of
    which a size (rows, features in or out) is no multiple of 16: there is no instruction for them.

    Whole example: `test/passes/quantize-teacher/example.mlir`.

    *Preconditions*: a flat function, after jepa-mixed-precision: x and weight are bf16, or the layer is left alone.

    *Postconditions*: nothing but the attribute is new. Equal layers are equal still.

    *Why here*: once precisions are chosen and no pass drops rows any more, which x's scale is made from; before products
    become part of groups, and layers functions, in which a weight is an argument like any other.
  }];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_QUANTIZETEACHER_TD
