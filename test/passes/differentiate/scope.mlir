// RUN: %jepa-opt %s --jepa-differentiate --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

// Adjoint ops, sums among them, say which module they belong to and which line of the model they differentiate;
// the seed belongs to the loss, and what is handed to the optimiser belongs to no module.

// CHECK-LABEL: func.func @scope
// CHECK: jepa.constant {value = {{.*}}} : tensor<f32> loc("model.h":3:1)
// CHECK: jepa.power_loss_grad {{.*}} loc("model.h":3:1)
// CHECK: jepa.gelu_grad {{.*}} {jepa.scope = "encoder.blocks.0/adjoint"} {{.*}} loc("model.h":2:1)
// CHECK: jepa.add {{.*}} {jepa.scope = "encoder.blocks.0/adjoint"} {{.*}} loc("model.h":2:1)
// CHECK: jepa.gradient "x", %{{[0-9]+}} : tensor<2x3x4xf32> loc("model.h":1:1)
func.func @scope(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones", jepa.scope = "encoder"} : tensor<2x3x4xf32> loc("model.h":1:1)
  %g = jepa.gelu %x {jepa.scope = "encoder.blocks.0"} : tensor<2x3x4xf32> loc("model.h":2:1)
  %y = jepa.add %x, %g {jepa.scope = "encoder.blocks.0"} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 2.0}
    : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32> loc("model.h":3:1)
  return %l : tensor<f32>
}
