//===- JepaInterfaces.td - what passes ask of an op -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_INTERFACES_TD
#define JEPA_INTERFACES_TD

include "mlir/IR/OpBase.td"

def Jepa_TokenwiseOpInterface : OpInterface<"TokenwiseOpInterface"> {
  let cppNamespace = "::jepa";
  let description = [{
    Each token of every result needs only the same token of the op's tokenwise operands, so a selection of
    tokens may pass through: `gather(op(x), m) == op(gather(x, m))`. Operands that are not tokenwise (weights,
    tensors broadcast over tokens) are used unchanged. Every result has the token axis of the tokenwise operands.
  }];
  let methods = [
    InterfaceMethod<"Whether the operand at `index` carries the results' token axis.",
      "bool", "isTokenwiseOperand", (ins "unsigned":$index), "", [{ return index == 0; }]>
  ];
}

def Jepa_TokenDemandOpInterface : OpInterface<"TokenDemandOpInterface"> {
  let cppNamespace = "::jepa";
  let description = [{
    An op that is not tokenwise but knows which tokens of its operands a selection of its result's tokens needs,
    and how to compute that selection alone. `jepa-prune-tokens` is written against this and
    `TokenwiseOpInterface`; an op with neither demands every token of its operands.
  }];
  let methods = [
    InterfaceMethod<[{
        Calls `demand(operandIndex, selector)` for each operand with a token axis that computing `selector` of
        result `result` reads. Returns failure, with the reason in `why`, when the op cannot compute the selection
        alone: the caller then demands all tokens and selects afterwards.
      }], "::mlir::LogicalResult", "propagateTokenDemand",
      (ins "unsigned":$result, "::jepa::TokenSelector":$selector,
           "::llvm::function_ref<void(unsigned, ::jepa::TokenSelector)>":$demand, "std::string &":$why)>,
    InterfaceMethod<[{
        Builds the op for `selector` of result `result`. `operandAt(index, selector)` yields the operand restricted
        to a selector that `propagateTokenDemand` named.
      }], "::mlir::Value", "buildForTokens",
      (ins "::mlir::OpBuilder &":$builder, "unsigned":$result, "::jepa::TokenSelector":$selector,
           "::llvm::function_ref<::mlir::Value(unsigned, ::jepa::TokenSelector)>":$operandAt)>
  ];
}

def Jepa_DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::jepa";
  let description = [{
    Reverse-mode rule of one op. What the adjoint reads of the forward pass (operands, results) is what has to be
    kept. An op through which no gradient flows says so by setting no operand gradient.
  }];
  let methods = [
    InterfaceMethod<[{
        Emits the adjoint. `resultGrads[i]` is the gradient of result i, or null where nothing depends on it (at
        least one is set). `wanted[i]` says whether a gradient of operand i is of use; for these, `operandGrads[i]`
        is set to a value of the operand's type, or left null where the gradient is zero.
      }], "::mlir::LogicalResult", "buildAdjoint",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ArrayRef<::mlir::Value>":$resultGrads,
           "::mlir::ArrayRef<bool>":$wanted, "::mlir::MutableArrayRef<::mlir::Value>":$operandGrads)>
  ];
}

def Jepa_CostOpInterface : OpInterface<"CostOpInterface"> {
  let cppNamespace = "::jepa";
  let description = [{
    Model FLOPs: a multiply-add is two, matrix products and attention only, recomputation is not counted, and
    attention's backward counts twice its forward. An op without the interface costs none.
  }];
  let methods = [
    InterfaceMethod<"Floating-point operations of one execution, over the whole batch.",
      "int64_t", "getFlops", (ins)>
  ];
}

def Jepa_FusibleOpInterface : OpInterface<"FusibleOpInterface"> {
  let cppNamespace = "::jepa";
  let description = [{
    An op that works on rows (the last axis, for each place of the others): row r of its results needs row r of its *row
    operands* and the whole of the others (weights, biases). `jepa-fuse-epilogues` puts neighbours into one `jepa.fused`,
    so that a row is still in the cache when the next op reads it.
  }];
  let methods = [
    InterfaceMethod<"Whether row r of the results needs only row r of the operand at `index`.",
      "bool", "isRowOperand", (ins "unsigned":$index), "", [{ return index == 0; }]>,
    InterfaceMethod<"Whether this is a matrix product, which can hand its rows on as they are finished.",
      "bool", "isProduct", (ins), "", [{ return false; }]>,
    InterfaceMethod<"Whether the results are sums over the rows: the op can end a group of rows but feed none.",
      "bool", "sumsRows", (ins), "", [{ return false; }]>
  ];
}

def Jepa_ViewOpInterface : OpInterface<"ViewOpInterface"> {
  let cppNamespace = "::jepa";
  let description = [{
    Each result is the first operand, or a part of it, as it lies in memory, where both hold numbers of one type: making it
    again costs nothing, handing it to another function may cost a copy.
  }];
}

def Jepa_PrecisionOpInterface : OpInterface<"PrecisionOpInterface"> {
  let cppNamespace = "::jepa";
  let description = [{
    Which of an op's tensors may be in low precision (bf16) and which must stay in full (f32). Whatever they are stored
    in, sums, statistics, exponentials and losses are computed in f32. An op without the interface takes and gives full
    precision alone.
  }];
  let methods = [
    InterfaceMethod<"Whether the op computes with the operand at `index` in low precision: it is cast if need be.",
      "bool", "computesInLowPrecision", (ins "unsigned":$index), "", [{ return false; }]>,
    InterfaceMethod<"Whether the op takes the operand at `index` in either precision.",
      "bool", "takesLowPrecision", (ins "unsigned":$index), "",
      [{ return $_op.computesInLowPrecision(index); }]>,
    InterfaceMethod<"Whether the op reads the operand at `index` in full precision beside others in low precision, and rounds it itself.",
      "bool", "roundsOperand", (ins "unsigned":$index), "", [{ return false; }]>,
    InterfaceMethod<"Whether the result at `index` may be stored in low precision.",
      "bool", "givesLowPrecision", (ins "unsigned":$index), "", [{ return false; }]>,
    InterfaceMethod<"Whether the result at `index` may be stored in e4m3, whatever the operands are in.",
      "bool", "givesE4m3", (ins "unsigned":$index), "", [{ return false; }]>,
    InterfaceMethod<"Whether parameters alone bound the size of the result: it is normalised.",
      "bool", "normalizes", (ins), "", [{ return false; }]>
  ];
}

#endif // JEPA_INTERFACES_TD
