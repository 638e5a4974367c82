// RUN: %jepa-opt %s --jepa-differentiate | FileCheck %s

// The gradients of a linear layer under a mean squared error. The features it reads are not trained: nothing is
// computed for them.

// CHECK-LABEL: func.func @jepa_run(
// CHECK-SAME:    %[[X:.*]]: tensor<2x3x8xf32>, %[[T:.*]]: tensor<2x3x4xf32>)
// CHECK:         %[[W:.*]] = jepa.parameter "w"
// CHECK-NEXT:    %[[B:.*]] = jepa.parameter "b"
// CHECK-NEXT:    %[[Y:.*]] = jepa.linear %[[X]], %[[W]] bias %[[B]]
// CHECK-NEXT:    %[[L:.*]] = jepa.power_loss %[[Y]], %[[T]]
// CHECK-NEXT:    %[[ONE:.*]] = jepa.constant {value = 1.000000e+00 : f64} : tensor<f32>
// CHECK-NEXT:    %[[DY:.*]] = jepa.power_loss_grad %[[ONE]], %[[Y]], %[[T]] {exponent = 2.000000e+00 : f64}
// CHECK-NEXT:    %[[DW:.*]] = jepa.linear_weight_grad %[[DY]], %[[X]]
// CHECK-NEXT:    %[[DB:.*]] = jepa.sum_to %[[DY]]
// CHECK-NEXT:    jepa.gradient "w", %[[DW]] : tensor<4x8xf32>
// CHECK-NEXT:    jepa.gradient "b", %[[DB]] : tensor<4xf32>
// CHECK-NEXT:    return %[[L]]
func.func @jepa_run(%x: tensor<2x3x8xf32>, %t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %w = jepa.parameter "w" {init = "trunc_normal", std = 0.02} : tensor<4x8xf32>
  %b = jepa.parameter "b" {init = "zeros"} : tensor<4xf32>
  %y = jepa.linear %x, %w bias %b : (tensor<2x3x8xf32>, tensor<4x8xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}
