//===- JepaDialect.td - the dialect and its axes attribute -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_DIALECT_TD
#define JEPA_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/TensorEncoding.td"

def Jepa_Dialect : Dialect {
  let name = "jepa";
  let cppNamespace = "::jepa";
  let summary = "Joint-embedding predictive video models, in the paper's words";
  let description = [{
    Tensors are builtin ranked tensors. The names of their axes ride along as the encoding attribute
    `#jepa.axes<clip, token, embed>`; a pass asks it which dimension holds tokens, and over which set.
    Lowering to kernels drops it. Three kinds of op share the dialect:

    - model ops (`jepa.linear`, `jepa.attention`, ...) on tensors, pure but for taps and gradients;
    - adjoint ops (`jepa.linear_input_grad`, ...), which `jepa-differentiate` writes;
    - kernel ops (`jepa.buffer`, `jepa.launch`, `jepa.gemm`) on memrefs, after `jepa-lower-to-kernels`.

    The dialect is not a tensor compiler's: there is no broadcasting beyond what the models need, no dynamic
    shape (a binary is specialised), and no layout.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let dependentDialects = ["::mlir::func::FuncDialect"];
  let extraClassDeclaration = [{
    /// Defined beside the generated op definitions.
    void registerOps();
  }];
}

class Jepa_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Jepa_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Jepa_AxesAttr : Jepa_Attr<"Axes", "axes",
    [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "The names of a tensor's axes";
  let description = [{
    One name per dimension. Each instance of a mask has an axis symbol of its own (`"context#0"`), and a
    concatenation's axis is its parts' names joined by `+`. The *token axis* is dimension 1 of every tensor
    whose axes have three names or whose first is `clip` (an index list `<clip, "context#0">`); `one` names a
    dimension of size 1 that is shared by all clips.

    Example:

    ```mlir
    tensor<24x1568x1024xf32, #jepa.axes<clip, token, embed>>
    tensor<24x363xi32, #jepa.axes<clip, "context#0">>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr", "axis names">:$names);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The axes with the name at `dim` replaced.
    AxesAttr withName(unsigned dim, ::mlir::StringAttr name) const;
  }];
}

#endif // JEPA_DIALECT_TD
