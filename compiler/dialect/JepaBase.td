//===- JepaBase.td - base classes of the ops -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_BASE_TD
#define JEPA_BASE_TD

include "JepaDialect.td"
include "JepaInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"

class Jepa_Op<string mnemonic, list<Trait> traits = []> : Op<Jepa_Dialect, mnemonic, traits> {
  let hasVerifier = 1;
}

/// A model op: no side effect, tensors in and out.
class Jepa_ModelOp<string mnemonic, list<Trait> traits = []> : Jepa_Op<mnemonic, !listconcat([Pure], traits)>;

/// Written by jepa-differentiate; has no adjoint of its own.
class Jepa_AdjointOp<string mnemonic, list<Trait> traits = []> : Jepa_Op<mnemonic, !listconcat([Pure], traits)>;

def Tokenwise : DeclareOpInterfaceMethods<Jepa_TokenwiseOpInterface>;
def TokenwiseAll : DeclareOpInterfaceMethods<Jepa_TokenwiseOpInterface, ["isTokenwiseOperand"]>;
def TokenDemand : DeclareOpInterfaceMethods<Jepa_TokenDemandOpInterface>;
def Differentiable : DeclareOpInterfaceMethods<Jepa_DifferentiableOpInterface>;
def Cost : DeclareOpInterfaceMethods<Jepa_CostOpInterface>;

def Fusible : DeclareOpInterfaceMethods<Jepa_FusibleOpInterface>;
def FusibleAll : DeclareOpInterfaceMethods<Jepa_FusibleOpInterface, ["isRowOperand"]>;
def FusibleProduct : DeclareOpInterfaceMethods<Jepa_FusibleOpInterface, ["isProduct"]>;
def FusibleSum : DeclareOpInterfaceMethods<Jepa_FusibleOpInterface, ["isRowOperand", "sumsRows"]>;
def View : DeclareOpInterfaceMethods<Jepa_ViewOpInterface>;
/// Matrix products and attention: operands are computed with in low precision, results stored in it.
def Precision : DeclareOpInterfaceMethods<Jepa_PrecisionOpInterface, ["computesInLowPrecision", "givesLowPrecision"]>;
/// Attention, of which a product may read the result.
def PrecisionAttention : DeclareOpInterfaceMethods<Jepa_PrecisionOpInterface,
    ["computesInLowPrecision", "givesLowPrecision", "givesE4m3"]>;
/// The same, of weights that the product can round on its way.
def PrecisionWeight : DeclareOpInterfaceMethods<Jepa_PrecisionOpInterface, ["computesInLowPrecision", "roundsOperand", "givesLowPrecision"]>;
/// Ops on rows: what they read may be in low precision, and what they give.
def PrecisionAny : DeclareOpInterfaceMethods<Jepa_PrecisionOpInterface, ["takesLowPrecision", "givesLowPrecision"]>;
/// Norms, which besides give what a product may read in e4m3.
def PrecisionNorm : DeclareOpInterfaceMethods<Jepa_PrecisionOpInterface,
    ["takesLowPrecision", "givesLowPrecision", "givesE4m3", "normalizes"]>;
/// Ops that read either precision and give full precision alone.
def PrecisionReader : DeclareOpInterfaceMethods<Jepa_PrecisionOpInterface, ["takesLowPrecision"]>;

/// Real-valued tensor: f32 or f64 (bf16 where mixed precision put it).
def Jepa_Tensor : RankedTensorOf<[F32, F64, BF16]>;
/// The same, or e4m3: what a product can read, and what is stored for it.
def Jepa_RoundedTensor : RankedTensorOf<[F32, F64, BF16, F8E4M3FN]>;
/// Index list of a mask: [clip, subset], strictly increasing along the second axis.
def Jepa_MaskTensor : 2DTensorOf<[I32]>;
/// Number of rows of a ragged axis that count, as a run-time scalar.
def Jepa_LengthTensor : RankedTensorOf<[I32]>;
/// Where each sample of a packed axis begins and ends: [samples + 1], from 0, not decreasing. Tokens from the last bound on
/// are padding.
def Jepa_BoundsTensor : 1DTensorOf<[I32]>;
def Jepa_Scalar : 0DTensorOf<[F32, F64]>;

#endif // JEPA_BASE_TD
