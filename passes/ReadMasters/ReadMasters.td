//===- ReadMasters.td - let products round weights themselves -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_READMASTERS_TD
#define JEPA_PASSES_READMASTERS_TD

include "mlir/Pass/PassBase.td"

def ReadMasters : Pass<"jepa-read-masters", "::mlir::func::FuncOp"> {
  let summary = "Let products round weights themselves, without copies in memory";
  let description = [{
    A product brings its weight into another layout before it multiplies, and can round it on the way. Where nothing but
    products read a parameter's copy in low precision, they read the parameter itself, there is no copy, and the optimiser
    writes none.

    ```mlir
    %w = jepa.parameter_copy "encoder.w" : tensor<48x48xbf16>
    %y = jepa.linear %x, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
    jepa.adamw "encoder.w", ... {copy}
    // becomes:
    %w = jepa.parameter "encoder.w" : tensor<48x48xf32>
    %y = jepa.linear %x, %w : (tensor<2x64x48xbf16>, tensor<48x48xf32>) -> tensor<2x64x48xbf16>
    jepa.adamw "encoder.w", ...
    ```

    Whole example: `test/passes/read-masters/example.mlir`. The numbers are the same bits.

    *Preconditions*: a flat function, after jepa-mixed-precision.

    *Postconditions*: copies are left where something else than a product reads them.

    *Why here*: right after the copies are made, so that no later pass sees them.
  }];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_READMASTERS_TD
