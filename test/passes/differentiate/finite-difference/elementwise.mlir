// RUN: %jepa-opt %s --jepa-differentiate | FileCheck %s

// CHECK-LABEL: func.func @gelu(
// CHECK: jepa.gradient "p0"
func.func @gelu(%t: tensor<2x3x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %y = jepa.gelu %x : tensor<2x3x6xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @relu(
// CHECK: jepa.gradient "p0"
func.func @relu(%t: tensor<2x3x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %y = jepa.relu %x : tensor<2x3x6xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @scale(
// CHECK: jepa.gradient "p0"
func.func @scale(%t: tensor<2x3x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %y = jepa.scale %x {factor = -1.5, offset = 0.75} : tensor<2x3x6xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @add(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @add(%t: tensor<2x3x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %b = jepa.parameter "p1" {init = "ones"} : tensor<2x3x6xf64>
  %y = jepa.add %x, %b : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<2x3x6xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// A table over tokens is repeated over clips.
// CHECK-LABEL: func.func @add_table(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @add_table(%t: tensor<2x3x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %b = jepa.parameter "p1" {init = "ones"} : tensor<1x3x6xf64>
  %y = jepa.add %x, %b : (tensor<2x3x6xf64>, tensor<1x3x6xf64>) -> tensor<2x3x6xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// One value per clip is repeated over tokens.
// CHECK-LABEL: func.func @add_over_tokens(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @add_over_tokens(%t: tensor<2x3x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %b = jepa.parameter "p1" {init = "ones"} : tensor<2x1x6xf64>
  %y = jepa.add %x, %b : (tensor<2x3x6xf64>, tensor<2x1x6xf64>) -> tensor<2x3x6xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// A mask token is repeated over clips and tokens.
// CHECK-LABEL: func.func @add_over_both(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @add_over_both(%t: tensor<2x3x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %b = jepa.parameter "p1" {init = "ones"} : tensor<1x1x6xf64>
  %y = jepa.add %x, %b : (tensor<2x3x6xf64>, tensor<1x1x6xf64>) -> tensor<2x3x6xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// Both operands are the same value.
// CHECK-LABEL: func.func @add_to_itself(
// CHECK: jepa.gradient "p0"
func.func @add_to_itself(%t: tensor<2x3x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %y = jepa.add %x, %x : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<2x3x6xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// The stopped parameter moves the loss but gets no gradient.
// CHECK-LABEL: func.func @stop_gradient(
// CHECK: jepa.gradient "p0"
// CHECK-NOT: jepa.gradient
func.func @stop_gradient() -> (tensor<f64> {jepa.name = "loss"}) {
  %p = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %q = jepa.parameter "stopped" {init = "ones"} : tensor<2x3x6xf64>
  %s = jepa.stop_gradient %q : tensor<2x3x6xf64>
  %l = jepa.power_loss %p, %s {exponent = 2.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @split_features(
// CHECK: jepa.gradient "p0"
func.func @split_features(%t: tensor<2x3x2xf64>, %u: tensor<2x3x4xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x7xf64>
  %a, %b, %c = jepa.split_features %x : (tensor<2x3x7xf64>) -> (tensor<2x3x2xf64>, tensor<2x3x1xf64>, tensor<2x3x4xf64>)
  %l = jepa.power_loss %a, %t {exponent = 2.0} : (tensor<2x3x2xf64>, tensor<2x3x2xf64>) -> tensor<f64>
  %m = jepa.power_loss %c, %u {exponent = 2.0} : (tensor<2x3x4xf64>, tensor<2x3x4xf64>) -> tensor<f64>
  %s = jepa.add %l, %m : (tensor<f64>, tensor<f64>) -> tensor<f64>
  return %s : tensor<f64>
}

// CHECK-LABEL: func.func @concat_features(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @concat_features(%t: tensor<2x3x9xf64>, %u: tensor<2x3x4xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x2xf64>
  %z = jepa.parameter "p1" {init = "ones"} : tensor<2x3x3xf64>
  %y = jepa.concat_features %x, %u, %z : (tensor<2x3x2xf64>, tensor<2x3x4xf64>, tensor<2x3x3xf64>) -> tensor<2x3x9xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x9xf64>, tensor<2x3x9xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// To a narrower type differences would measure the rounding.
// CHECK-LABEL: func.func @cast(
// CHECK: jepa.gradient "p0"
func.func @cast(%t: tensor<2x3x4xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x4xf64>
  %y = jepa.cast %x : (tensor<2x3x4xf64>) -> tensor<2x3x4xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf64>, tensor<2x3x4xf64>) -> tensor<f64>
  return %l : tensor<f64>
}
