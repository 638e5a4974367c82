//===- RowInterface.td - how an op computes one row ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_CPU_ROW_INTERFACE_TD
#define JEPA_CPU_ROW_INTERFACE_TD

include "mlir/IR/OpBase.td"

def Jepa_CpuRowOpInterface : OpInterface<"CpuRowOpInterface"> {
  let cppNamespace = "::jepa";
  let description = [{
    An op with `FusibleOpInterface`, no product, that the cpu target computes row by row: alone or in a `jepa.fused`. All
    results have rows of one width, which is that of the row operands; an op that sums rows gives one row of that width.
  }];
  let methods = [
    InterfaceMethod<[{
        Emits what the row needs as a whole (its mean, say) and returns, for each result, how to compute it at some places of
        the row. An op that sums rows returns the terms. May be called for a row only once; the functions any number of
        times, before the next row.
      }], "::llvm::SmallVector<::jepa::RowFunction>", "emitRow", (ins "const ::jepa::RowKernel &":$row)>,
    InterfaceMethod<"Whether the op reads each place of a row operand more than once: it has to see rows as a whole.",
      "bool", "rereadsRow", (ins), "", [{ return false; }]>
  ];
}

#endif // JEPA_CPU_ROW_INTERFACE_TD
