// RUN: %jepa-opt %s --jepa-differentiate | FileCheck %s

// CHECK-LABEL: func.func @power_loss_1(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @power_loss_1() -> (tensor<f64> {jepa.name = "loss"}) {
  %p = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %t = jepa.parameter "p1" {init = "ones"} : tensor<2x3x6xf64>
  %l = jepa.power_loss %p, %t {exponent = 1.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @power_loss_1_5(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @power_loss_1_5() -> (tensor<f64> {jepa.name = "loss"}) {
  %p = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %t = jepa.parameter "p1" {init = "ones"} : tensor<2x3x6xf64>
  %l = jepa.power_loss %p, %t {exponent = 1.5} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @power_loss_2(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @power_loss_2() -> (tensor<f64> {jepa.name = "loss"}) {
  %p = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %t = jepa.parameter "p1" {init = "ones"} : tensor<2x3x6xf64>
  %l = jepa.power_loss %p, %t {exponent = 2.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @power_loss_3(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @power_loss_3() -> (tensor<f64> {jepa.name = "loss"}) {
  %p = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %t = jepa.parameter "p1" {init = "ones"} : tensor<2x3x6xf64>
  %l = jepa.power_loss %p, %t {exponent = 3.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @power_loss_1_length(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @power_loss_1_length(%n: tensor<1xi32> {jepa.length_of = "target#0", test.value = 2 : i32})
    -> (tensor<f64> {jepa.name = "loss"}) {
  %p = jepa.parameter "p0" {init = "ones"} : tensor<2x4x6xf64>
  %t = jepa.parameter "p1" {init = "ones"} : tensor<2x4x6xf64>
  %l = jepa.power_loss %p, %t length %n {exponent = 1.0}
    : (tensor<2x4x6xf64>, tensor<2x4x6xf64>, tensor<1xi32>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @power_loss_2_length(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @power_loss_2_length(%n: tensor<1xi32> {jepa.length_of = "target#0", test.value = 2 : i32})
    -> (tensor<f64> {jepa.name = "loss"}) {
  %p = jepa.parameter "p0" {init = "ones"} : tensor<2x4x6xf64>
  %t = jepa.parameter "p1" {init = "ones"} : tensor<2x4x6xf64>
  %l = jepa.power_loss %p, %t length %n {exponent = 2.0}
    : (tensor<2x4x6xf64>, tensor<2x4x6xf64>, tensor<1xi32>) -> tensor<f64>
  return %l : tensor<f64>
}

// The variance regulariser: the mean of relu(1 - std).
// CHECK-LABEL: func.func @token_std(
// CHECK: jepa.gradient "p0"
func.func @token_std() -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x5x6xf64>
  %s = jepa.token_std %x {eps = 1.0e-04} : (tensor<2x5x6xf64>) -> tensor<2x6xf64>
  %d = jepa.scale %s {factor = -1.0, offset = 1.0} : tensor<2x6xf64>
  %r = jepa.relu %d : tensor<2x6xf64>
  %l = jepa.mean %r : (tensor<2x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @token_std_length(
// CHECK: jepa.gradient "p0"
func.func @token_std_length(%n: tensor<1xi32> {jepa.length_of = "target#0", test.value = 3 : i32})
    -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x5x6xf64>
  %s = jepa.token_std %x length %n {eps = 1.0e-04} : (tensor<2x5x6xf64>, tensor<1xi32>) -> tensor<2x6xf64>
  %g = jepa.gelu %s : tensor<2x6xf64>
  %l = jepa.mean %g : (tensor<2x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @mean(
// CHECK: jepa.gradient "p0"
func.func @mean() -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x6xf64>
  %l = jepa.mean %x : (tensor<2x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// Scalars: a weighted sum of losses.
// CHECK-LABEL: func.func @weighted_losses(
// CHECK: jepa.gradient "p0"
func.func @weighted_losses(%t: tensor<2x5x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x5x6xf64>
  %a = jepa.power_loss %x, %t {exponent = 2.0} : (tensor<2x5x6xf64>, tensor<2x5x6xf64>) -> tensor<f64>
  %s = jepa.token_std %x {eps = 1.0e-04} : (tensor<2x5x6xf64>) -> tensor<2x6xf64>
  %b = jepa.mean %s : (tensor<2x6xf64>) -> tensor<f64>
  %c = jepa.scale %b {factor = 0.25} : tensor<f64>
  %l = jepa.add %a, %c : (tensor<f64>, tensor<f64>) -> tensor<f64>
  return %l : tensor<f64>
}

// Two packed samples of unequal sizes, and padding.
// CHECK-LABEL: func.func @power_loss_1_bounds(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @power_loss_1_bounds(%n: tensor<3xi32> {jepa.bounds_of = "target#0", test.values = array<i32: 0, 1, 4>})
    -> (tensor<f64> {jepa.name = "loss"}) {
  %p = jepa.parameter "p0" {init = "ones"} : tensor<1x5x6xf64>
  %t = jepa.parameter "p1" {init = "ones"} : tensor<1x5x6xf64>
  %l = jepa.power_loss %p, %t bounds %n {exponent = 1.0}
    : (tensor<1x5x6xf64>, tensor<1x5x6xf64>, tensor<3xi32>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @power_loss_2_bounds(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @power_loss_2_bounds(%n: tensor<3xi32> {jepa.bounds_of = "target#0", test.values = array<i32: 0, 1, 4>})
    -> (tensor<f64> {jepa.name = "loss"}) {
  %p = jepa.parameter "p0" {init = "ones"} : tensor<1x5x6xf64>
  %t = jepa.parameter "p1" {init = "ones"} : tensor<1x5x6xf64>
  %l = jepa.power_loss %p, %t bounds %n {exponent = 2.0}
    : (tensor<1x5x6xf64>, tensor<1x5x6xf64>, tensor<3xi32>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @token_std_bounds(
// CHECK: jepa.gradient "p0"
func.func @token_std_bounds(%n: tensor<3xi32> {jepa.bounds_of = "target#0", test.values = array<i32: 0, 2, 5>})
    -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<1x6x6xf64>
  %s = jepa.token_std %x bounds %n {eps = 1.0e-04} : (tensor<1x6x6xf64>, tensor<3xi32>) -> tensor<2x6xf64>
  %g = jepa.gelu %s : tensor<2x6xf64>
  %l = jepa.mean %g : (tensor<2x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}
