//===- PruneTokens.td - compute only demanded tokens -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_PRUNETOKENS_TD
#define JEPA_PASSES_PRUNETOKENS_TD

include "mlir/Pass/PassBase.td"

def PruneTokens : Pass<"jepa-prune-tokens", "::mlir::func::FuncOp"> {
  let summary = "Compute only the tokens that something reads";
}

#endif // JEPA_PASSES_PRUNETOKENS_TD
