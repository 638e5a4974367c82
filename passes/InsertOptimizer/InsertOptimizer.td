//===- InsertOptimizer.td - turn gradients into a step -*- tablegen -*-----===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_INSERTOPTIMIZER_TD
#define JEPA_PASSES_INSERTOPTIMIZER_TD

include "mlir/Pass/PassBase.td"

def InsertOptimizer : Pass<"jepa-insert-optimizer", "::mlir::func::FuncOp"> {
  let summary = "Turn gradients into one step of the optimiser, and let the teachers follow";
  let description = [{
    Replaces each `jepa.gradient` by the parameter's update, which moves the teacher that follows it in the same sweep
    over memory. Where several teachers follow one student, `jepa.ema` moves all but the first. The run's
    hyper-parameters arrive as a new argument, the vector `hyper`, so that schedules stay the runtime's business.

    ```mlir
    func.func @jepa_run(...) {
      %w = jepa.parameter "encoder.w" {init = "ones"} : tensor<4x8xf32>
      %t = jepa.parameter "target_encoder.w" {init = "ones", trainable = false, ema_of = "encoder.w"} : tensor<4x8xf32>
      ...
      jepa.gradient "encoder.w", %dw : tensor<4x8xf32>
    // becomes:
    func.func @jepa_run(..., %hyper: tensor<9xf32> {jepa.name = "hyper"}) {
      ...
      %n = jepa.squared_norm %dw : (tensor<4x8xf32>) -> tensor<f32>
      jepa.tap %n {name = "grad_norm_squared.encoder"} : tensor<f32>
      jepa.adamw "encoder.w", %dw, %hyper norm %n {decay = true, teacher = "target_encoder.w"}
        : tensor<4x8xf32>, tensor<9xf32>, tensor<f32>
    ```

    Gradients are clipped together per module, the first component of a parameter's name; the squared norm of each
    is also a tap, `grad_norm_squared.MODULE`, for the log. Weight decay applies to parameters of more than one dimension
    whose name does not contain `bias`.

    *Preconditions*: the function is differentiated; each teacher has its student's type.

    *Postconditions*: no `jepa.gradient` is left; updates stand after every other op, all `jepa.adamw` before the
    first `jepa.ema`; no parameter is read after it has been updated. A teacher whose student gets no gradient is
    left alone: both keep the value that they started with.

    *Why here*: last of the passes that speak of parameters by name, after differentiation. Nothing that moves reads
    of parameters below the updates may run afterwards.
  }];
  let options = [
    Option<"optimizer", "optimizer", "std::string", "\"adamw\"", "Which optimiser: adamw">,
    Option<"keepGradients", "keep-gradients", "bool", "false", "Tap each gradient as grad.NAME">
  ];
  let dependentDialects = ["::jepa::JepaDialect"];
}

#endif // JEPA_PASSES_INSERTOPTIMIZER_TD
