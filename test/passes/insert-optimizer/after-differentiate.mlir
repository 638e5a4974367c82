// RUN: %jepa-opt %s --jepa-differentiate --jepa-insert-optimizer | FileCheck %s

// The two passes together: student and teacher see the same features; the update comes last.
// CHECK-LABEL: func.func @jepa_run(
// CHECK-SAME:    %{{.*}}: tensor<2x3x4xf32> {jepa.name = "clip"}, %[[H:.*]]: tensor<9xf32> {jepa.name = "hyper"})
// CHECK-SAME:    -> (tensor<f32> {jepa.name = "loss"})
// CHECK:         %[[L:.*]] = jepa.power_loss
// CHECK:         %[[DW:.*]] = jepa.linear_weight_grad
// CHECK-NEXT:    %[[N:.*]] = jepa.squared_norm %[[DW]]
// CHECK-NEXT:    jepa.tap %[[N]] {name = "grad_norm_squared.encoder"}
// CHECK-NEXT:    jepa.adamw "encoder.w", %[[DW]], %[[H]] norm %[[N]] {decay = true, teacher = "target.w"}
// CHECK-NEXT:    return %[[L]]
func.func @jepa_run(%x: tensor<2x3x4xf32> {jepa.name = "clip"}) -> (tensor<f32> {jepa.name = "loss"}) {
  %w = jepa.parameter "encoder.w" {init = "ones"} : tensor<4x4xf32>
  %v = jepa.parameter "target.w" {init = "ones", trainable = false, ema_of = "encoder.w"} : tensor<4x4xf32>
  %y = jepa.linear %x, %w : (tensor<2x3x4xf32>, tensor<4x4xf32>) -> tensor<2x3x4xf32>
  %t = jepa.linear %x, %v : (tensor<2x3x4xf32>, tensor<4x4xf32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 1.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}
