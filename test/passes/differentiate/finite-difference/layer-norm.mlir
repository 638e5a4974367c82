// RUN: %jepa-opt %s --jepa-differentiate | FileCheck %s

// CHECK-LABEL: func.func @layer_norm(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
// CHECK: jepa.gradient "p2"
func.func @layer_norm(%t: tensor<2x3x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %w = jepa.parameter "p1" {init = "ones"} : tensor<6xf64>
  %b = jepa.parameter "p2" {init = "zeros"} : tensor<6xf64>
  %y = jepa.layer_norm %x weight %w bias %b {eps = 1.0e-06}
    : (tensor<2x3x6xf64>, tensor<6xf64>, tensor<6xf64>) -> tensor<2x3x6xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @layer_norm_plain(
// CHECK: jepa.gradient "p0"
func.func @layer_norm_plain(%t: tensor<2x3x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %y = jepa.layer_norm %x {eps = 1.0e-06} : (tensor<2x3x6xf64>) -> tensor<2x3x6xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// A large eps weighs against the variance.
// CHECK-LABEL: func.func @layer_norm_eps(
// CHECK: jepa.gradient "p0"
func.func @layer_norm_eps(%t: tensor<2x3x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %y = jepa.layer_norm %x {eps = 0.5} : (tensor<2x3x6xf64>) -> tensor<2x3x6xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}
