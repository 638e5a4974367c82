//===- JepaLayerOps.td - the layers of a transformer -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_LAYER_OPS_TD
#define JEPA_LAYER_OPS_TD

include "JepaBase.td"

def Jepa_LinearOp : Jepa_ModelOp<"linear", [Tokenwise, Differentiable, Cost, FusibleProduct, PrecisionWeight]> {
  let summary = "x times a weight's transpose, plus a bias";
  let description = [{
    The weight is [out, in...]: its trailing dimensions, multiplied, are x's last one (a patch embedding's weight is
    the published convolution's). A weight in f32 beside an x in bf16 is rounded to bf16 as it is read.
    So is one in bf16 to e4m3 (f8E4M3FN: four bits of exponent, three of mantissa) beside an x in e4m3: divided by a
    scale, its largest size over 448, the largest such number, which the result is multiplied by. x has no scale.

    Example:

    ```mlir
    %y = jepa.linear %x, %w bias %b : (tensor<2x64x48xf32>, tensor<144x48xf32>, tensor<144xf32>) -> tensor<2x64x144xf32>
    ```
  }];
  let arguments = (ins Jepa_RoundedTensor:$x, Jepa_Tensor:$weight, Optional<Jepa_Tensor>:$bias);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "$x `,` $weight (`bias` $bias^)? attr-dict `:` functional-type(operands, results)";
}

def Jepa_LayerNormOp : Jepa_ModelOp<"layer_norm",
    [AttrSizedOperandSegments, Tokenwise, Differentiable, Fusible, PrecisionNorm]> {
  let summary = "Normalise the last axis to mean 0 and variance 1, then scale and shift";
  let description = [{
    The variance is the biased one; `eps` is added to it under the root. Weight and bias come together or not at all.

    Example:

    ```mlir
    %y = jepa.layer_norm %x weight %w bias %b {eps = 1.0e-06} : (tensor<2x64x48xf32>, tensor<48xf32>, tensor<48xf32>)
      -> tensor<2x64x48xf32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x, Optional<Jepa_Tensor>:$weight, Optional<Jepa_Tensor>:$bias, F64Attr:$eps);
  let results = (outs Jepa_RoundedTensor:$result);
  let assemblyFormat = [{
    $x (`weight` $weight^)? (`bias` $bias^)? attr-dict `:` functional-type(operands, results)
  }];
}

class Jepa_ElementwiseOp<string mnemonic, list<Trait> traits = []>
    : Jepa_ModelOp<mnemonic, !listconcat([Tokenwise, Differentiable, SameOperandsAndResultType, Fusible, PrecisionAny], traits)> {
  let arguments = (ins Jepa_Tensor:$x);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($result)";
  let hasVerifier = 0;
}

def Jepa_GeluOp : Jepa_ElementwiseOp<"gelu"> {
  let summary = "x times the normal distribution function of x, by erf";
  let description = [{
    Example:

    ```mlir
    %y = jepa.gelu %x : tensor<2x64x192xf32>
    ```
  }];
}

def Jepa_ReluOp : Jepa_ElementwiseOp<"relu"> {
  let summary = "The larger of x and zero";
  let description = [{
    Example:

    ```mlir
    %y = jepa.relu %x : tensor<2x48xf32>
    ```
  }];
}

def Jepa_StopGradientOp : Jepa_ElementwiseOp<"stop_gradient", [View]> {
  let summary = "x, through which no gradient flows";
  let description = [{
    Example:

    ```mlir
    %y = jepa.stop_gradient %x : tensor<2x64x48xf32>
    ```
  }];
}

def Jepa_ScaleOp : Jepa_ModelOp<"scale", [Tokenwise, Differentiable, SameOperandsAndResultType, Fusible]> {
  let summary = "factor * x + offset, with constants";
  let description = [{
    Example:

    ```mlir
    %y = jepa.scale %x {factor = -1.0, offset = 1.0} : tensor<2x48xf32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x, F64Attr:$factor, DefaultValuedAttr<F64Attr, "0.0">:$offset);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($result)";
  let hasVerifier = 0;
  let hasFolder = 1;
}

def Jepa_AddOp : Jepa_ModelOp<"add", [TokenwiseAll, Differentiable, FusibleAll, PrecisionReader]> {
  let summary = "Elementwise sum";
  let description = [{
    The result has lhs' type. A dimension of rhs may be 1 where lhs' is not: it is repeated (a position table over
    clips, a mask token over tokens).

    Example:

    ```mlir
    %y = jepa.add %x, %table : (tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>,
      tensor<1x64x48xf32, #jepa.axes<one, token, embed>>) -> tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$lhs, Jepa_Tensor:$rhs);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Jepa_CastOp : Jepa_ModelOp<"cast", [Tokenwise, Differentiable, Fusible, PrecisionAny]> {
  let summary = "The same numbers in another precision";
  let description = [{
    Rounds to nearest, ties to even; what is too large for e4m3 becomes its largest number, 448. The adjoint casts back.

    Example:

    ```mlir
    %y = jepa.cast %x : (tensor<2x64x48xf32>) -> tensor<2x64x48xbf16>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x);
  let results = (outs Jepa_RoundedTensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Jepa_SplitFeaturesOp : Jepa_ModelOp<"split_features", [Tokenwise, Differentiable, PrecisionAny, View]> {
  let summary = "Cut the last axis into consecutive parts";
  let description = [{
    Example:

    ```mlir
    %q, %k, %v = jepa.split_features %qkv : (tensor<2x64x144xf32>)
      -> (tensor<2x64x48xf32>, tensor<2x64x48xf32>, tensor<2x64x48xf32>)
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x);
  let results = (outs Variadic<Jepa_Tensor>:$parts);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Jepa_ConcatFeaturesOp : Jepa_ModelOp<"concat_features", [TokenwiseAll, Differentiable, PrecisionAny]> {
  let summary = "Join tensors along the last axis";
  let description = [{
    Example:

    ```mlir
    %d = jepa.concat_features %dq, %dk, %dv : (tensor<2x64x48xf32>, tensor<2x64x48xf32>, tensor<2x64x48xf32>)
      -> tensor<2x64x144xf32>
    ```
  }];
  let arguments = (ins Variadic<Jepa_Tensor>:$parts);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Jepa_SplitHeadsOp : Jepa_ModelOp<"split_heads", [Differentiable]> {
  let summary = "Cut the width into heads, each with tokens of its own";
  let description = [{
    From [clip, token, width] to [clip, head, token, width / heads].

    Example:

    ```mlir
    %h = jepa.split_heads %q {heads = 3} : (tensor<2x64x48xf32>) -> tensor<2x3x64x16xf32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x, I64Attr:$heads);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
}

def Jepa_MergeHeadsOp : Jepa_ModelOp<"merge_heads", [Differentiable]> {
  let summary = "Join heads to one width; the inverse of split_heads";
  let description = [{
    Example:

    ```mlir
    %y = jepa.merge_heads %h : (tensor<2x3x64x16xf32>) -> tensor<2x64x48xf32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
}

def Jepa_MatmulOp : Jepa_ModelOp<"matmul", [Differentiable, Cost]> {
  let summary = "Products of the matrices in the last two axes";
  let description = [{
    `op(a) * op(b)` for each place of the leading axes, where op transposes if its flag is set.

    Example:

    ```mlir
    %s = jepa.matmul %q, %k {trans_b} : (tensor<2x3x64x16xf32>, tensor<2x3x64x16xf32>) -> tensor<2x3x64x64xf32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$a, Jepa_Tensor:$b, UnitAttr:$trans_a, UnitAttr:$trans_b);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Jepa_SoftmaxOp : Jepa_ModelOp<"softmax", [Differentiable]> {
  let summary = "Exponentials along the last axis, divided by their sum";
  let description = [{
    With a `mask` [clip, visible] only the places that it lists count; the others are zero in the result.

    Example:

    ```mlir
    %p = jepa.softmax %s mask %m : (tensor<2x3x64x64xf32>, tensor<2x24xi32>) -> tensor<2x3x64x64xf32>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x, Optional<Jepa_MaskTensor>:$mask);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "$x (`mask` $mask^)? attr-dict `:` functional-type(operands, results)";
}

def Jepa_AttentionOp : Jepa_ModelOp<"attention",
    [AttrSizedOperandSegments, TokenDemand, Differentiable, Cost, PrecisionAttention]> {
  let summary = "Multi-head scaled dot-product attention";
  let description = [{
    The width is cut into `heads` equal parts; scores are scaled by the root of a head's width. With a `mask`, only
    the keys that it lists are visible: a hidden key is skipped, never given a finite bias. With `lengths`, the token
    axis of the keys (after the mask) is cut into the segments that its axis name lists, and of each segment only the
    first `lengths[i]` keys are visible. `logsumexp` is the logarithm of each query's sum of exponentials, kept for
    the adjoint.

    Several independent *sequences* may stand one after the other on the token axis: `query_sequences` and
    `key_sequences` give each one's number of query and of key tokens, and a query sees the keys of its own sequence alone.

    The samples of a batch may be *packed* on the token axis of a single clip: the query's axis is cut into the parts
    `query_segments`, the keys' into `segments`, and for each part `query_bounds` and `key_bounds` say which of its tokens
    belong to which sample. A query sees the keys of its own sample (and sequence). Tokens of no sample are padding: they
    are seen by none, and their results are zero.

    Example:

    ```mlir
    %o, %l = jepa.attention %q, %k, %v mask %m {heads = 3} : (tensor<2x64x48xf32>, tensor<2x64x48xf32>,
      tensor<2x64x48xf32>, tensor<2x24xi32>) -> (tensor<2x64x48xf32>, tensor<2x3x64xf32>)
    ```
  }];
  let arguments = (ins Jepa_Tensor:$query, Jepa_Tensor:$key, Jepa_Tensor:$value, Optional<Jepa_MaskTensor>:$mask,
                       Variadic<Jepa_LengthTensor>:$lengths, Variadic<Jepa_BoundsTensor>:$query_bounds,
                       Variadic<Jepa_BoundsTensor>:$key_bounds, I64Attr:$heads,
                       OptionalAttr<DenseI64ArrayAttr>:$segments, OptionalAttr<DenseI64ArrayAttr>:$query_segments,
                       OptionalAttr<DenseI64ArrayAttr>:$query_sequences,
                       OptionalAttr<DenseI64ArrayAttr>:$key_sequences);
  let results = (outs Jepa_RoundedTensor:$result, Jepa_Tensor:$logsumexp);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`mask` $mask^)? (`lengths` `(` $lengths^ `)`)?
    (`query_bounds` `(` $query_bounds^ `)`)? (`key_bounds` `(` $key_bounds^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
}

#endif // JEPA_LAYER_OPS_TD
