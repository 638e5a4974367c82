//===- Differentiate.td - reverse-mode differentiation -*- tablegen -*-----===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_DIFFERENTIATE_TD
#define JEPA_PASSES_DIFFERENTIATE_TD

include "mlir/Pass/PassBase.td"

def Differentiate : Pass<"jepa-differentiate", "::mlir::func::FuncOp"> {
  let summary = "Append the adjoint of the loss to the function that computes it";
  let description = [{
    Writes, after the forward pass and in the same block, the ops that compute the gradient of the loss with respect
    to every trainable parameter, and one `jepa.gradient` per parameter for the optimiser. Each op's rule comes from
    its `DifferentiableOpInterface`; the pass knows no op but the parameter, the source of activity, and
    `jepa.stop_gradient`, where activity ends.

    ```mlir
    %w = jepa.parameter "w" {init = "ones"} : tensor<4x8xf32>
    %y = jepa.linear %x, %w : (tensor<2x3x8xf32>, tensor<4x8xf32>) -> tensor<2x3x4xf32>
    %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
    // becomes, in addition:
    %one = jepa.constant {value = 1.0} : tensor<f32>
    %dy = jepa.power_loss_grad %one, %y, %t {exponent = 2.0}
      : (tensor<f32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
    %dw = jepa.linear_weight_grad %dy, %x : (tensor<2x3x4xf32>, tensor<2x3x8xf32>) -> tensor<4x8xf32>
    jepa.gradient "w", %dw : tensor<4x8xf32>
    ```

    The loss is the function's result that is named so (`jepa.name`), or its only result if that is a scalar without
    a name; a function without one is left as it is, except the entry `jepa_run`, where that is an error.

    *Preconditions*: the function is one block and not differentiated yet; every op between a trainable parameter and
    the loss implements `DifferentiableOpInterface`; `jepa.parameter` ops of the same name agree in type and
    attributes.

    *Postconditions*: one `jepa.gradient` for each trainable parameter on which the loss depends, in the order of
    their `jepa.parameter` ops, of the parameter's own type; where several ops read one parameter (an encoder that
    runs once per mask group) it is the sum. Frozen parameters, teachers and whatever lies behind a
    `jepa.stop_gradient` get none, and no op is written for their sake. The order of sums is that of the reverse
    sweep, so the same input gives the same text. Adjoint ops carry the location of the op that they differentiate
    and its `jepa.scope` with `/adjoint` appended.

    *Why here*: after token pruning, whose conditions are stated for the forward pass alone and whose savings the
    adjoint then inherits; before anything that fuses a forward op with its neighbours, because the rules are
    written for the ops as the model has them.
  }];
  let options = [
    Option<"loss", "loss", "std::string", "\"loss\"", "Name of the result to differentiate">
  ];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_DIFFERENTIATE_TD
