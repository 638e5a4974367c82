//===- JepaLossOps.td - losses, statistics and named results -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_LOSS_OPS_TD
#define JEPA_LOSS_OPS_TD

include "JepaBase.td"

def Jepa_PowerLossOp : Jepa_ModelOp<"power_loss", [AttrSizedOperandSegments, Differentiable]> {
  let summary = "The mean of |predicted - target|^exponent, divided by the exponent";
  let description = [{
    Exponent 1 is the published L1 loss. With a `length`, only the first `length` tokens of each clip count, in the
    sum and in the mean. With `bounds`, the tokens are those of packed samples: the result is the mean over samples of each
    sample's own loss.

    Example:

    ```mlir
    %l = jepa.power_loss %p, %t {exponent = 1.0} : (tensor<2x32x48xf32>, tensor<2x32x48xf32>) -> tensor<f32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$predicted, Jepa_Tensor:$target, Optional<Jepa_LengthTensor>:$length,
                       Optional<Jepa_BoundsTensor>:$bounds, F64Attr:$exponent);
  let results = (outs Jepa_Scalar:$result);
  let assemblyFormat = [{
    $predicted `,` $target (`length` $length^)? (`bounds` $bounds^)? attr-dict `:` functional-type(operands, results)
  }];
}

def Jepa_TokenStdOp : Jepa_ModelOp<"token_std", [AttrSizedOperandSegments, Differentiable]> {
  let summary = "Standard deviation over tokens, per clip and feature";
  let description = [{
    The root of the unbiased variance over the token axis plus `eps`. With a `length`, over the first tokens alone. With
    `bounds`, over the tokens of each packed sample: the result has one row for each sample.

    Example:

    ```mlir
    %s = jepa.token_std %p {eps = 1.0e-04} : (tensor<2x32x48xf32>) -> tensor<2x48xf32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x, Optional<Jepa_LengthTensor>:$length, Optional<Jepa_BoundsTensor>:$bounds,
                       F64Attr:$eps);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "$x (`length` $length^)? (`bounds` $bounds^)? attr-dict `:` functional-type(operands, results)";
}

def Jepa_MeanOp : Jepa_ModelOp<"mean", [Differentiable]> {
  let summary = "The mean of all elements";
  let description = [{
    Example:

    ```mlir
    %m = jepa.mean %x : (tensor<2x48xf32>) -> tensor<f32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x);
  let results = (outs Jepa_Scalar:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 0;
}

def Jepa_TapOp : Jepa_Op<"tap"> {
  let summary = "Name an intermediate so that the binary can write it";
  let description = [{
    Keeps its operand alive and readable after the step, under `name`. Binaries built without `--taps` have none.

    Example:

    ```mlir
    jepa.tap %x {name = "mask0.predicted"} : tensor<2x32x48xf32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x, StrAttr:$name);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let hasVerifier = 0;
}

#endif // JEPA_LOSS_OPS_TD
