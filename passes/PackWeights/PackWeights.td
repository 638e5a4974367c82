//===- PackWeights.td - weights in the layout that products read fastest -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_PACKWEIGHTS_TD
#define JEPA_PASSES_PACKWEIGHTS_TD

include "mlir/Pass/PassBase.td"

def PackWeights : Pass<"jepa-pack-weights", "::mlir::ModuleOp"> {
  let summary = "Keep weights in the layout that products read fastest";
  let description = [{
    A product brings its right operand into the library's own layout on every call. A parameter that only products read, all
    in one way, as their right operand, is kept in that layout instead: in its own place, where the packed form fits there.
    The runtime packs it once, when its values have been written.

    ```mlir
    %w = jepa.buffer %arena {kind = "parameter", name = "w"} : memref<?xi8> -> memref<144x48xf32>
    jepa.gemm %y, %x, %w scratch %s {k = 48, ldb = 48, n = 144, transB = true, ...} : ...
    // becomes:
    %w = jepa.buffer %arena {info = {packed = array<i64: 144, 48, 1>}, kind = "parameter", name = "w"} : ...
    jepa.gemm %y, %x, %w scratch %s packed {k = 48, ldb = 48, n = 144, transB = true, ...} : ...
    ```

    Whole example: `test/passes/pack-weights/example.mlir`. A weight is followed through views and into outlined functions;
    where calls pass a parameter of which this does not hold, none of the function's callers may pack theirs.

    A training step packs nothing: its weights change in every step, and with the mask groups in one batch each of them is
    packed once per step and direction anyway, into scratch that stays in the cache.

    *Preconditions*: products on buffers, before memory is planned.

    *Postconditions*: `info.packed` of a parameter is n, k and whether its rows are columns of op(b); all its readers are
    products with `packed` and that n, k and transB. Scratch is what the library asks for then.

    *Why here*: when outlined functions share their products and buffers are not yet placed, since scratch shrinks.
  }];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_PACKWEIGHTS_TD
