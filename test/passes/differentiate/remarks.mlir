// RUN: %jepa-opt %s --jepa-differentiate --remarks-filter=jepa-differentiate --verify-diagnostics

func.func @unused_parameter(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x3x4xf32>
  // expected-remark@+1 {{trainable parameter 'head.w' stays as it is: the loss does not depend on it}}
  %w = jepa.parameter "head.w" {init = "ones"} : tensor<4x4xf32>
  %frozen = jepa.parameter "frozen" {init = "ones", trainable = false} : tensor<4x4xf32>
  %h = jepa.linear %x, %w : (tensor<2x3x4xf32>, tensor<4x4xf32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %x, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}
