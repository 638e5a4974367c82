//===- BindLengths.td - count only the tokens that a batch has -*- tablegen -*-===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_BINDLENGTHS_TD
#define JEPA_PASSES_BINDLENGTHS_TD

include "mlir/Pass/PassBase.td"

def BindLengths : Pass<"jepa-bind-lengths", "::mlir::ModuleOp"> {
  let summary = "Let masks have fewer tokens at run time than their capacity";
  let description = [{
    An argument with `jepa.length_of = "context#0"` is the number of tokens of axis `context#0` that a batch has; the axis'
    size is the capacity. This pass gives it to every op that mixes tokens of that axis: to `jepa.attention` for its
    visible keys (with the `segments` of a concatenation), to `jepa.power_loss` and to `jepa.token_std`. Rows beyond the
    length are still computed but reach no loss, so their gradients are zero.

    Before:

    ```mlir
    func.func @f(..., %n: tensor<1xi32> {jepa.length_of = "context#0"}) {
      %o, %l = jepa.attention %q, %k, %v {heads = 3} ...  // keys over "context#0"
    ```

    After:

    ```mlir
      %o, %l = jepa.attention %q, %k, %v lengths(%n) {heads = 3, segments = array<i64: 24>} ...
    ```

    Whole example: `test/passes/bind-lengths/example.mlir`.

    *Preconditions*: an axis has its name everywhere; every part of a concatenation with a ragged part is ragged, and its
    mask is an argument. An op that mixes tokens of a ragged axis and takes no length is an error.

    *Postconditions*: no result that a loss depends on changes with what is in the rows beyond a length.

    *Why here*: after `jepa-prune-tokens`, since it is the pruned attention whose keys are ragged; before
    `jepa-differentiate`, since the adjoints take the lengths over.
  }];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_BINDLENGTHS_TD
