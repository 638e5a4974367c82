//===- FuseEpilogues.td - neighbours on the same rows run together -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_FUSEEPILOGUES_TD
#define JEPA_PASSES_FUSEEPILOGUES_TD

include "mlir/Pass/PassBase.td"

def FuseEpilogues : Pass<"jepa-fuse-epilogues", "::mlir::func::FuncOp"> {
  let summary = "Let neighbours on the same rows run together";
  let description = [{
    Puts ops with `FusibleOpInterface` that read each other row by row into one `jepa.fused`: a matrix product and what
    follows it (GELU with the input that its adjoint keeps, the residual, their adjoints, bias gradients), a layer norm and
    its neighbours, casts. A target computes such a group in one sweep over its rows - inside the product, part by part as
    that finishes them, if the group begins with one - and never writes to memory what only the group reads.

    Before:

    ```mlir
    %h = jepa.linear %x, %w bias %b ...
    %y = jepa.gelu %h ...
    ```

    After, where nothing else reads %h:

    ```mlir
    %y = jepa.fused(%x, %w, %b) {
    ^bb0(%x0: ..., %w0: ..., %b0: ...):
      %0 = jepa.linear %x0, %w0 bias %b0 ...
      %1 = jepa.gelu %0 ...
      jepa.yield %1 ...
    } ...
    ```

    Whole example: `test/passes/fuse-epilogues/example.mlir`. An op joins the group of a row operand, the latest one that
    it may join: it has as many rows, belongs to the same layer (`jepa.scope` up to its first number), and reads nothing
    that is computed after the group's first op, at whose place the group runs. A product only ever begins a group; a sum
    over rows (a bias' gradient) feeds nothing in it. Where the op whose group it might join reads the same rows as an op
    that it does not depend on, they stay apart.

    *Preconditions*: functions of one block.

    *Postconditions*: taking the groups apart gives the program back, up to the order of independent ops; no op has moved
    past one with side effects that it reads from.

    *Why here*: after mixed precision, so that casts are fused too; before layers are outlined, which does not mind groups,
    and before memory is planned, which has less to place.
  }];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_FUSEEPILOGUES_TD
