//===- RowInterface.td - how an op computes one row on a device ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_CUDA_ROW_INTERFACE_TD
#define JEPA_CUDA_ROW_INTERFACE_TD

include "mlir/IR/OpBase.td"

def Jepa_CudaRowOpInterface : OpInterface<"CudaRowOpInterface"> {
  let cppNamespace = "::jepa";
  let description = [{
    An op with `FusibleOpInterface`, no product, that the cuda target computes row by row, a warp to a row: alone or in a
    `jepa.fused`. All results have rows of one width, which is that of the row operands; an op that sums rows gives one row.
  }];
  let methods = [
    InterfaceMethod<[{
        Emits calls of the device library for one row and returns each result's row; an op that sums rows returns the terms.
      }], "::llvm::SmallVector<::mlir::Value>", "emitRow", (ins "::jepa::DeviceRow &":$row)>,
    InterfaceMethod<"Whether the op needs all of a row at once (its mean, say), so that the row cannot be cut into tiles.",
      "bool", "needsWholeRow", (ins), "", [{ return false; }]>
  ];
}

#endif // JEPA_CUDA_ROW_INTERFACE_TD
