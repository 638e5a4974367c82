//===- JepaAdjointOps.td - what jepa-differentiate writes, and the optimiser -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_ADJOINT_OPS_TD
#define JEPA_ADJOINT_OPS_TD

include "JepaBase.td"

def Jepa_ConstantOp : Jepa_AdjointOp<"constant"> {
  let summary = "A tensor whose elements are all one number";
  let description = [{
    Example:

    ```mlir
    %one = jepa.constant {value = 1.0} : tensor<f32>
    ```
  }];
  let arguments = (ins F64Attr:$value);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
  let hasVerifier = 0;
}

def Jepa_SplatOp : Jepa_AdjointOp<"splat"> {
  let summary = "A run-time scalar at every place; adjoint of a sum";
  let description = [{
    Example:

    ```mlir
    %d = jepa.splat %s : (tensor<f32>) -> tensor<2x48xf32>
    ```
  }];
  let arguments = (ins Jepa_Scalar:$x);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 0;
}

def Jepa_SumToOp : Jepa_AdjointOp<"sum_to", [FusibleSum, PrecisionReader]> {
  let summary = "Sum over the dimensions that a broadcast repeated";
  let description = [{
    The result's shape, aligned at the last dimension, is x's with some dimensions 1 or missing: these are summed.
    Bias gradients, and the adjoint of an addition that repeated its right-hand side.

    Example:

    ```mlir
    %db = jepa.sum_to %dy : (tensor<2x64x144xf32>) -> tensor<144xf32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Jepa_LinearInputGradOp : Jepa_AdjointOp<"linear_input_grad", [Cost, FusibleProduct, PrecisionWeight]> {
  let summary = "dy times the weight";
  let description = [{
    Example:

    ```mlir
    %dx = jepa.linear_input_grad %dy, %w : (tensor<2x64x144xf32>, tensor<144x48xf32>) -> tensor<2x64x48xf32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$dy, Jepa_Tensor:$weight);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Jepa_LinearWeightGradOp : Jepa_AdjointOp<"linear_weight_grad", [Cost, Precision]> {
  let summary = "dy's transpose times x, over all rows";
  let description = [{
    Example:

    ```mlir
    %dw = jepa.linear_weight_grad %dy, %x : (tensor<2x64x144xf32>, tensor<2x64x48xf32>) -> tensor<144x48xf32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$dy, Jepa_Tensor:$x);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Jepa_LayerNormGradOp : Jepa_AdjointOp<"layer_norm_grad", [FusibleAll, PrecisionReader]> {
  let summary = "Adjoint of layer_norm, with respect to x";
  let description = [{
    Mean and variance are computed again from x, which is kept anyway.

    Example:

    ```mlir
    %dx = jepa.layer_norm_grad %dy, %x weight %w {eps = 1.0e-06}
      : (tensor<2x64x48xf32>, tensor<2x64x48xf32>, tensor<48xf32>) -> tensor<2x64x48xf32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$dy, Jepa_Tensor:$x, Optional<Jepa_Tensor>:$weight, F64Attr:$eps);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "$dy `,` $x (`weight` $weight^)? attr-dict `:` functional-type(operands, results)";
}

def Jepa_LayerNormWeightGradOp : Jepa_AdjointOp<"layer_norm_weight_grad", [FusibleSum, PrecisionReader]> {
  let summary = "Adjoint of layer_norm, with respect to its weight and bias";
  let description = [{
    Example:

    ```mlir
    %dw, %db = jepa.layer_norm_weight_grad %dy, %x {eps = 1.0e-06}
      : (tensor<2x64x48xf32>, tensor<2x64x48xf32>) -> (tensor<48xf32>, tensor<48xf32>)
    ```
  }];
  let arguments = (ins Jepa_Tensor:$dy, Jepa_Tensor:$x, F64Attr:$eps);
  let results = (outs Jepa_Tensor:$dweight, Jepa_Tensor:$dbias);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

class Jepa_ElementwiseGradOp<string mnemonic, string text> : Jepa_AdjointOp<mnemonic,
    [SameOperandsAndResultType, FusibleAll, PrecisionAny]> {
  let summary = text;
  let description = "Example:\n\n```mlir\n%dx = jepa." # mnemonic # " %dy, %x : tensor<2x64x192xf32>\n```\n";
  let arguments = (ins Jepa_Tensor:$dy, Jepa_Tensor:$x);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "$dy `,` $x attr-dict `:` type($result)";
  let hasVerifier = 0;
}
def Jepa_GeluGradOp : Jepa_ElementwiseGradOp<"gelu_grad", "Adjoint of gelu, from its input">;
def Jepa_ReluGradOp : Jepa_ElementwiseGradOp<"relu_grad", "Adjoint of relu: dy where x is positive">;

def Jepa_SoftmaxGradOp : Jepa_AdjointOp<"softmax_grad", [SameOperandsAndResultType]> {
  let summary = "Adjoint of softmax, from its result";
  let description = [{
    `y * (dy - sum(y * dy))`; what a mask hid is zero in y and stays so.

    Example:

    ```mlir
    %dx = jepa.softmax_grad %dy, %y : tensor<2x3x64x64xf32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$dy, Jepa_Tensor:$y);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` type($result)";
  let hasVerifier = 0;
}

def Jepa_AttentionGradOp : Jepa_AdjointOp<"attention_grad", [AttrSizedOperandSegments, Cost, Precision]> {
  let summary = "Adjoint of attention";
  let description = [{
    Probabilities are computed again from query, key and logsumexp; the score matrix is never kept. Hidden keys get
    zero gradients.

    Example:

    ```mlir
    %dq, %dk, %dv = jepa.attention_grad %do, %q, %k, %v, %o, %l {heads = 3}
      : (tensor<2x64x48xf32>, tensor<2x64x48xf32>, tensor<2x64x48xf32>, tensor<2x64x48xf32>, tensor<2x64x48xf32>,
         tensor<2x3x64xf32>) -> (tensor<2x64x48xf32>, tensor<2x64x48xf32>, tensor<2x64x48xf32>)
    ```
  }];
  let arguments = (ins Jepa_Tensor:$dresult, Jepa_Tensor:$query, Jepa_Tensor:$key, Jepa_Tensor:$value,
                       Jepa_Tensor:$output, Jepa_Tensor:$logsumexp, Optional<Jepa_MaskTensor>:$mask,
                       Variadic<Jepa_LengthTensor>:$lengths, Variadic<Jepa_BoundsTensor>:$query_bounds,
                       Variadic<Jepa_BoundsTensor>:$key_bounds, I64Attr:$heads,
                       OptionalAttr<DenseI64ArrayAttr>:$segments, OptionalAttr<DenseI64ArrayAttr>:$query_segments,
                       OptionalAttr<DenseI64ArrayAttr>:$query_sequences,
                       OptionalAttr<DenseI64ArrayAttr>:$key_sequences);
  let results = (outs Jepa_Tensor:$dquery, Jepa_Tensor:$dkey, Jepa_Tensor:$dvalue);
  let assemblyFormat = [{
    $dresult `,` $query `,` $key `,` $value `,` $output `,` $logsumexp (`mask` $mask^)?
    (`lengths` `(` $lengths^ `)`)? (`query_bounds` `(` $query_bounds^ `)`)? (`key_bounds` `(` $key_bounds^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
}

def Jepa_PowerLossGradOp : Jepa_AdjointOp<"power_loss_grad", [AttrSizedOperandSegments]> {
  let summary = "Adjoint of power_loss, with respect to the prediction";
  let description = [{
    The target's gradient is the negative. At a difference of zero the gradient is zero.

    Example:

    ```mlir
    %dp = jepa.power_loss_grad %dl, %p, %t {exponent = 1.0}
      : (tensor<f32>, tensor<2x32x48xf32>, tensor<2x32x48xf32>) -> tensor<2x32x48xf32>
    ```
  }];
  let arguments = (ins Jepa_Scalar:$dloss, Jepa_Tensor:$predicted, Jepa_Tensor:$target,
                       Optional<Jepa_LengthTensor>:$length, Optional<Jepa_BoundsTensor>:$bounds,
                       F64Attr:$exponent);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = [{
    $dloss `,` $predicted `,` $target (`length` $length^)? (`bounds` $bounds^)? attr-dict `:` functional-type(operands, results)
  }];
}

def Jepa_TokenStdGradOp : Jepa_AdjointOp<"token_std_grad", [AttrSizedOperandSegments]> {
  let summary = "Adjoint of token_std";
  let description = [{
    Example:

    ```mlir
    %dx = jepa.token_std_grad %ds, %x, %s : (tensor<2x48xf32>, tensor<2x32x48xf32>, tensor<2x48xf32>)
      -> tensor<2x32x48xf32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$dstd, Jepa_Tensor:$x, Jepa_Tensor:$std, Optional<Jepa_LengthTensor>:$length,
                       Optional<Jepa_BoundsTensor>:$bounds);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = [{
    $dstd `,` $x `,` $std (`length` $length^)? (`bounds` $bounds^)? attr-dict `:` functional-type(operands, results)
  }];
}

def Jepa_GradientOp : Jepa_Op<"gradient"> {
  let summary = "The gradient of a parameter, by its name";
  let description = [{
    What `jepa-differentiate` leaves for the optimiser, once per trained parameter that the loss depends on.

    Example:

    ```mlir
    jepa.gradient "encoder.norm.weight", %g : tensor<48xf32>
    ```
  }];
  let arguments = (ins StrAttr:$name, Jepa_Tensor:$gradient);
  let assemblyFormat = "$name `,` $gradient attr-dict `:` type($gradient)";
  let hasVerifier = 0;
}

def Jepa_SquaredNormOp : Jepa_AdjointOp<"squared_norm"> {
  let summary = "The sum of the squares of all elements of all operands";
  let description = [{
    Example:

    ```mlir
    %n = jepa.squared_norm %a, %b : (tensor<48xf32>, tensor<48x48xf32>) -> tensor<f32>
    ```
  }];
  let arguments = (ins Variadic<Jepa_Tensor>:$gradients);
  let results = (outs Jepa_Scalar:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 0;
}

def Jepa_AdamWOp : Jepa_Op<"adamw"> {
  let summary = "One AdamW step of a parameter, in place";
  let description = [{
    `hyper` is the run's vector of hyper-parameters: lr, weight decay, EMA momentum, 1 - beta1^t, 1 - beta2^t, clip,
    beta1, beta2, eps. `norm` is the squared norm of the gradients that are clipped together: where clip is positive,
    the gradient is scaled by min(1, clip / (root of norm + 1e-6)). Decay is decoupled and only where `decay` says.
    A `teacher` is moved towards the new value (see `jepa.ema`) in the same sweep over memory, and with `copy` or
    `teacher_copy` so are the low-precision copies that `jepa.parameter_copy` reads. No op may read any of them afterwards.

    Example:

    ```mlir
    jepa.adamw "encoder.norm.weight", %g, %hyper norm %n {decay = false} : tensor<48xf32>, tensor<9xf32>, tensor<f32>
    ```
  }];
  let arguments = (ins StrAttr:$name, Jepa_Tensor:$gradient, Jepa_Tensor:$hyper, Jepa_Scalar:$norm, BoolAttr:$decay,
                       OptionalAttr<StrAttr>:$teacher, UnitAttr:$copy, UnitAttr:$teacher_copy);
  let assemblyFormat = [{
    $name `,` $gradient `,` $hyper `norm` $norm attr-dict `:` type($gradient) `,` type($hyper) `,` type($norm)
  }];
}

def Jepa_EmaOp : Jepa_Op<"ema"> {
  let summary = "Move a teacher's parameter towards the student's, in place";
  let description = [{
    `teacher = m * teacher + (1 - m) * student`, with m from `hyper`, after the student's own step.

    Example:

    ```mlir
    jepa.ema "target_encoder.norm.weight" of "encoder.norm.weight", %hyper {shape = array<i64: 48>} : tensor<9xf32>
    ```
  }];
  let arguments = (ins StrAttr:$teacher, StrAttr:$student, Jepa_Tensor:$hyper, DenseI64ArrayAttr:$shape);
  let assemblyFormat = "$teacher `of` $student `,` $hyper attr-dict `:` type($hyper)";
}

#endif // JEPA_ADJOINT_OPS_TD
