//===- JepaTokenOps.td - sources of tokens, selections and concatenations -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_TOKEN_OPS_TD
#define JEPA_TOKEN_OPS_TD

include "JepaBase.td"

def Jepa_ParameterOp : Jepa_ModelOp<"parameter"> {
  let summary = "A trained tensor, by its state-dict name";
  let description = [{
    Reads a parameter. `init` is how the runtime fills it before the first step: `trunc_normal` (with `std`),
    `zeros` or `ones`. A parameter with `ema_of` is the teacher's copy of another: it starts equal to that one,
    gets no gradient and follows it by exponential moving average after each step.

    Example:

    ```mlir
    %w = jepa.parameter "encoder.norm.weight" {init = "ones", trainable = true} : tensor<48xf32>
    ```
  }];
  let arguments = (ins StrAttr:$name, StrAttr:$init, OptionalAttr<F64Attr>:$std,
                       DefaultValuedAttr<BoolAttr, "true">:$trainable, OptionalAttr<StrAttr>:$ema_of);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "$name attr-dict `:` type($result)";
}

def Jepa_ParameterCopyOp : Jepa_ModelOp<"parameter_copy"> {
  let summary = "A parameter's copy in low precision";
  let description = [{
    The master is the parameter `name` in f32. The runtime makes the copy before the first step, the optimiser writes it again
    after each; both round to nearest.

    Example:

    ```mlir
    %w = jepa.parameter_copy "encoder.blocks.0.mlp.fc1.weight" : tensor<192x48xbf16>
    ```
  }];
  let arguments = (ins StrAttr:$name);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "$name attr-dict `:` type($result)";
}

def Jepa_PositionOp : Jepa_ModelOp<"position"> {
  let summary = "The fixed sine-cosine position table";
  let description = [{
    A table [1, tokens, width] over the grid (depth, row, column), in token order. `kind` is `3d` or, for single
    images, `2d`; `uniform` gives the three axes equal shares of the width. With `trained_grid` the table of that
    grid is interpolated to `grid`. The runtime fills it once; it is not trained.

    Example:

    ```mlir
    %p = jepa.position {grid = array<i64: 4, 4, 4>, kind = "3d", uniform = true}
      : tensor<1x64x48xf32, #jepa.axes<one, token, embed>>
    ```
  }];
  let arguments = (ins DenseI64ArrayAttr:$grid, DefaultValuedAttr<StrAttr, "\"3d\"">:$kind,
                       DefaultValuedAttr<BoolAttr, "true">:$uniform, OptionalAttr<DenseI64ArrayAttr>:$trained_grid);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def Jepa_PatchifyOp : Jepa_ModelOp<"patchify", [TokenDemand, PrecisionAny]> {
  let summary = "Cut a clip into flattened tubelets, all of them or those of a mask";
  let description = [{
    From [clip, channel, time, height, width] to [clip, tokens, channel*tubelet*patch*patch]. Tokens are numbered
    time outermost, then row, then column; within a token the order is channel, time, row, column, that of the
    published convolution's weight. With a mask, only its tokens are cut. A mask of one row over several clips lists the
    tokens of a packed batch: token t of clip b is b * tokens + t, and the result has one clip.

    Example:

    ```mlir
    %x = jepa.patchify %clip {patch = 16, tubelet = 2}
      : (tensor<2x3x8x64x64xf32>) -> tensor<2x64x1536xf32, #jepa.axes<clip, token, patch>>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$clip, Optional<Jepa_MaskTensor>:$tokens, I64Attr:$patch, I64Attr:$tubelet);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "$clip (`tokens` $tokens^)? attr-dict `:` functional-type(operands, results)";
}

def Jepa_GatherTokensOp : Jepa_ModelOp<"gather_tokens", [TokenDemand, Differentiable, PrecisionAny]> {
  let summary = "Select the tokens of a mask";
  let description = [{
    `result[b, i, :] = x[b, mask[b, i], :]`. An x of batch 1 (a table) is shared by all clips. With `cyclic`, indices count
    modulo x's tokens: a mask over a packed batch reads a table that each clip has in turn.

    Example:

    ```mlir
    %s = jepa.gather_tokens %x, %m : (tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>,
      tensor<2x24xi32, #jepa.axes<clip, "context#0">>) -> tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x, Jepa_MaskTensor:$mask, UnitAttr:$cyclic);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Jepa_RegroupTokensOp : Jepa_ModelOp<"regroup_tokens", [Differentiable, PrecisionAny, View]> {
  let summary = "The same tokens in the same order, cut into another number of clips";
  let description = [{
    From [clips, tokens, width] to [clips', tokens', width] with clips * tokens = clips' * tokens'. Packing makes one clip
    of a batch: token t of clip b is then token b * tokens + t.

    Example:

    ```mlir
    %y = jepa.regroup_tokens %x : (tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>)
      -> tensor<1x128x48xf32, #jepa.axes<one, "clip*token", embed>>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Jepa_ScatterTokensOp : Jepa_AdjointOp<"scatter_tokens", [PrecisionAny]> {
  let summary = "Put tokens back at a mask's places; adjoint of gather_tokens";
  let description = [{
    `result[b, mask[b, i], :] += x[b, i, :]`, zero elsewhere. A result of batch 1 sums over the clips. With `cyclic`,
    indices count modulo the result's tokens.

    Example:

    ```mlir
    %y = jepa.scatter_tokens %x, %m : (tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>,
      tensor<2x24xi32, #jepa.axes<clip, "context#0">>) -> tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x, Jepa_MaskTensor:$mask, UnitAttr:$cyclic);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Jepa_ConcatTokensOp : Jepa_ModelOp<"concat_tokens", [TokenDemand, Differentiable, PrecisionAny]> {
  let summary = "Join token sequences";
  let description = [{
    The result's token axis is named by its parts, joined with `+`.

    Example:

    ```mlir
    %s = jepa.concat_tokens %c, %t : (tensor<2x24x32xf32, #jepa.axes<clip, "context#0", embed>>,
      tensor<2x8x32xf32, #jepa.axes<clip, "target#0", embed>>)
      -> tensor<2x32x32xf32, #jepa.axes<clip, "context#0+target#0", embed>>
    ```
  }];
  let arguments = (ins Variadic<Jepa_Tensor>:$parts);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Jepa_SliceTokensOp : Jepa_ModelOp<"slice_tokens", [TokenDemand, Differentiable, PrecisionAny]> {
  let summary = "One segment of a concatenation";
  let description = [{
    Tokens [offset, offset + size) of x, where size is the result's.

    Example:

    ```mlir
    %t = jepa.slice_tokens %s {offset = 24} : (tensor<2x32x32xf32, #jepa.axes<clip, "context#0+target#0", embed>>)
      -> tensor<2x8x32xf32, #jepa.axes<clip, "target#0", embed>>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x, I64Attr:$offset);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Jepa_PadTokensOp : Jepa_AdjointOp<"pad_tokens", [PrecisionAny]> {
  let summary = "Zeros around a segment; adjoint of slice_tokens";
  let description = [{
    Example:

    ```mlir
    %s = jepa.pad_tokens %t {offset = 24} : (tensor<2x8x32xf32, #jepa.axes<clip, "target#0", embed>>)
      -> tensor<2x32x32xf32, #jepa.axes<clip, "context#0+target#0", embed>>
    ```
  }];
  let arguments = (ins Jepa_Tensor:$x, I64Attr:$offset);
  let results = (outs Jepa_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

#endif // JEPA_TOKEN_OPS_TD
