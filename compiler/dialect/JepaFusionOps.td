//===- JepaFusionOps.td - groups of ops that run together -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_FUSION_OPS_TD
#define JEPA_FUSION_OPS_TD

include "JepaBase.td"

def Jepa_FusedOp : Jepa_ModelOp<"fused", [IsolatedFromAbove, SingleBlock]> {
  let summary = "Ops on the same rows, to be computed while a row is in the cache";
  let description = [{
    The body is straight-line code of ops with `FusibleOpInterface`, over the operands as block arguments; at most the first
    is a matrix product, whose rows go to the others as they are finished. It computes what the same ops outside would:
    the reference target runs them one after the other.

    Example:

    ```mlir
    %h, %y = jepa.fused(%x, %w, %b) {
    ^bb0(%x0: tensor<2x64x48xf32>, %w0: tensor<192x48xf32>, %b0: tensor<192xf32>):
      %0 = jepa.linear %x0, %w0 bias %b0
        : (tensor<2x64x48xf32>, tensor<192x48xf32>, tensor<192xf32>) -> tensor<2x64x192xf32>
      %1 = jepa.gelu %0 : tensor<2x64x192xf32>
      jepa.yield %0, %1 : tensor<2x64x192xf32>, tensor<2x64x192xf32>
    } : (tensor<2x64x48xf32>, tensor<192x48xf32>, tensor<192xf32>) -> (tensor<2x64x192xf32>, tensor<2x64x192xf32>)
    ```
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs);
  let results = (outs Variadic<Jepa_RoundedTensor>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "`(` $inputs `)` $body attr-dict `:` functional-type(operands, results)";
}

def Jepa_YieldOp : Jepa_Op<"yield", [Pure, Terminator, HasParent<"FusedOp">]> {
  let summary = "The results of a fused group";
  let description = [{
    Example:

    ```mlir
    jepa.yield %0, %1 : tensor<2x64x192xf32>, tensor<2x64x192xf32>
    ```
  }];
  let arguments = (ins Variadic<Jepa_RoundedTensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let hasVerifier = 0;
}

#endif // JEPA_FUSION_OPS_TD
