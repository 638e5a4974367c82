// RUN: %jepa-opt %s --jepa-differentiate | FileCheck %s

// CHECK-LABEL: func.func @heads(
// CHECK: jepa.gradient "p0"
func.func @heads(%t: tensor<2x5x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x5x6xf64>
  %h = jepa.split_heads %x {heads = 3} : (tensor<2x5x6xf64>) -> tensor<2x3x5x2xf64>
  %g = jepa.gelu %h : tensor<2x3x5x2xf64>
  %y = jepa.merge_heads %g : (tensor<2x3x5x2xf64>) -> tensor<2x5x6xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x5x6xf64>, tensor<2x5x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @matmul(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @matmul(%t: tensor<2x3x5xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %a = jepa.parameter "p0" {init = "ones"} : tensor<2x3x4xf64>
  %b = jepa.parameter "p1" {init = "ones"} : tensor<2x4x5xf64>
  %y = jepa.matmul %a, %b : (tensor<2x3x4xf64>, tensor<2x4x5xf64>) -> tensor<2x3x5xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x5xf64>, tensor<2x3x5xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @matmul_trans_a(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @matmul_trans_a(%t: tensor<2x3x5xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %a = jepa.parameter "p0" {init = "ones"} : tensor<2x4x3xf64>
  %b = jepa.parameter "p1" {init = "ones"} : tensor<2x4x5xf64>
  %y = jepa.matmul %a, %b {trans_a} : (tensor<2x4x3xf64>, tensor<2x4x5xf64>) -> tensor<2x3x5xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x5xf64>, tensor<2x3x5xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @matmul_trans_b(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @matmul_trans_b(%t: tensor<2x3x5xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %a = jepa.parameter "p0" {init = "ones"} : tensor<2x3x4xf64>
  %b = jepa.parameter "p1" {init = "ones"} : tensor<2x5x4xf64>
  %y = jepa.matmul %a, %b {trans_b} : (tensor<2x3x4xf64>, tensor<2x5x4xf64>) -> tensor<2x3x5xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x5xf64>, tensor<2x3x5xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @matmul_trans_both(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @matmul_trans_both(%t: tensor<2x3x5xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %a = jepa.parameter "p0" {init = "ones"} : tensor<2x4x3xf64>
  %b = jepa.parameter "p1" {init = "ones"} : tensor<2x5x4xf64>
  %y = jepa.matmul %a, %b {trans_a, trans_b} : (tensor<2x4x3xf64>, tensor<2x5x4xf64>) -> tensor<2x3x5xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x5xf64>, tensor<2x3x5xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @softmax(
// CHECK: jepa.gradient "p0"
func.func @softmax(%t: tensor<2x3x5xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x5xf64>
  %y = jepa.softmax %x : (tensor<2x3x5xf64>) -> tensor<2x3x5xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x5xf64>, tensor<2x3x5xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @softmax_masked(
// CHECK: jepa.gradient "p0"
func.func @softmax_masked(%m: tensor<2x3xi32> {jepa.mask = 5}, %t: tensor<2x4x5xf64>)
    -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x4x5xf64>
  %y = jepa.softmax %x mask %m : (tensor<2x4x5xf64>, tensor<2x3xi32>) -> tensor<2x4x5xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x4x5xf64>, tensor<2x4x5xf64>) -> tensor<f64>
  return %l : tensor<f64>
}
