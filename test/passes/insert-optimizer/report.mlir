// RUN: %jepa-opt %s --jepa-differentiate --jepa-insert-optimizer --jepa-pass-report=text -o /dev/null 2>&1 | FileCheck %s

// The seed, the loss' adjoint and the weight's.
// CHECK:      jepa-differentiate @jepa_run
// CHECK-NEXT: 3 adjoint_ops
// CHECK-NEXT: 1 gradients
// CHECK:      jepa-insert-optimizer @jepa_run
// CHECK-NEXT: 1 teacher_parameters
// CHECK-NEXT: 1 trained_parameters
func.func @jepa_run(%x: tensor<2x3x4xf32>, %t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %w = jepa.parameter "encoder.w" {init = "ones"} : tensor<4x4xf32>
  %v = jepa.parameter "target.w" {init = "ones", trainable = false, ema_of = "encoder.w"} : tensor<4x4xf32>
  %y = jepa.linear %x, %w : (tensor<2x3x4xf32>, tensor<4x4xf32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 1.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}
