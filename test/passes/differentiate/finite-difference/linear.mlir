// RUN: %jepa-opt %s --jepa-differentiate | FileCheck %s

// CHECK-LABEL: func.func @linear(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @linear(%t: tensor<2x3x4xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %w = jepa.parameter "p1" {init = "ones"} : tensor<4x6xf64>
  %y = jepa.linear %x, %w : (tensor<2x3x6xf64>, tensor<4x6xf64>) -> tensor<2x3x4xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf64>, tensor<2x3x4xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @linear_bias(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
// CHECK: jepa.gradient "p2"
func.func @linear_bias(%t: tensor<2x3x4xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %w = jepa.parameter "p1" {init = "ones"} : tensor<4x6xf64>
  %b = jepa.parameter "p2" {init = "zeros"} : tensor<4xf64>
  %y = jepa.linear %x, %w bias %b : (tensor<2x3x6xf64>, tensor<4x6xf64>, tensor<4xf64>) -> tensor<2x3x4xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf64>, tensor<2x3x4xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// A patch embedding's weight is the published convolution's, [out, channel, tubelet, patch, patch].
// CHECK-LABEL: func.func @linear_convolution(
// CHECK: jepa.gradient "p0", {{.*}} : tensor<4x3x2x2x2xf64>
// CHECK: jepa.gradient "p1"
func.func @linear_convolution(%clip: tensor<2x3x4x4x2xf64>, %t: tensor<2x4x4xf64>)
    -> (tensor<f64> {jepa.name = "loss"}) {
  %w = jepa.parameter "p0" {init = "ones"} : tensor<4x3x2x2x2xf64>
  %b = jepa.parameter "p1" {init = "zeros"} : tensor<4xf64>
  %x = jepa.patchify %clip {patch = 2, tubelet = 2} : (tensor<2x3x4x4x2xf64>) -> tensor<2x4x24xf64>
  %y = jepa.linear %x, %w bias %b : (tensor<2x4x24xf64>, tensor<4x3x2x2x2xf64>, tensor<4xf64>) -> tensor<2x4x4xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x4x4xf64>, tensor<2x4x4xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// Only the tokens of a mask are cut.
// CHECK-LABEL: func.func @linear_masked_patches(
// CHECK: jepa.gradient "p0"
func.func @linear_masked_patches(%clip: tensor<2x3x4x4x2xf64>,
                                 %m: tensor<2x3xi32> {jepa.mask = 4}, %t: tensor<2x3x4xf64>)
    -> (tensor<f64> {jepa.name = "loss"}) {
  %w = jepa.parameter "p0" {init = "ones"} : tensor<4x3x2x2x2xf64>
  %x = jepa.patchify %clip tokens %m {patch = 2, tubelet = 2}
    : (tensor<2x3x4x4x2xf64>, tensor<2x3xi32>) -> tensor<2x3x24xf64>
  %y = jepa.linear %x, %w : (tensor<2x3x24xf64>, tensor<4x3x2x2x2xf64>) -> tensor<2x3x4xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf64>, tensor<2x3x4xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// One parameter is both the input and the weight: the two adjoints add up.
// CHECK-LABEL: func.func @linear_square(
// CHECK: jepa.gradient "p0"
func.func @linear_square() -> (tensor<f64> {jepa.name = "loss"}) {
  %w = jepa.parameter "p0" {init = "ones"} : tensor<4x4xf64>
  %y = jepa.linear %w, %w : (tensor<4x4xf64>, tensor<4x4xf64>) -> tensor<4x4xf64>
  %z = jepa.gelu %y : tensor<4x4xf64>
  %l = jepa.mean %z : (tensor<4x4xf64>) -> tensor<f64>
  return %l : tensor<f64>
}
