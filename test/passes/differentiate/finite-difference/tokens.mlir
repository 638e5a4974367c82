// RUN: %jepa-opt %s --jepa-differentiate | FileCheck %s

// CHECK-LABEL: func.func @gather_tokens(
// CHECK: jepa.gradient "p0"
func.func @gather_tokens(%m: tensor<2x3xi32> {jepa.mask = 5}, %t: tensor<2x3x4xf64>)
    -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x5x4xf64>
  %y = jepa.gather_tokens %x, %m : (tensor<2x5x4xf64>, tensor<2x3xi32>) -> tensor<2x3x4xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf64>, tensor<2x3x4xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// A table is shared by all clips: its adjoint sums over them.
// CHECK-LABEL: func.func @gather_tokens_table(
// CHECK: jepa.gradient "p0", {{.*}} : tensor<1x5x4xf64>
func.func @gather_tokens_table(%m: tensor<2x3xi32> {jepa.mask = 5}, %t: tensor<2x3x4xf64>)
    -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<1x5x4xf64>
  %y = jepa.gather_tokens %x, %m : (tensor<1x5x4xf64>, tensor<2x3xi32>) -> tensor<2x3x4xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf64>, tensor<2x3x4xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// Two selections of one value overlap.
// CHECK-LABEL: func.func @gather_tokens_twice(
// CHECK: jepa.gradient "p0"
func.func @gather_tokens_twice(%m: tensor<2x3xi32> {jepa.mask = 5}, %n: tensor<2x4xi32> {jepa.mask = 5},
                               %t: tensor<2x3x4xf64>, %u: tensor<2x4x4xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x5x4xf64>
  %y = jepa.gather_tokens %x, %m : (tensor<2x5x4xf64>, tensor<2x3xi32>) -> tensor<2x3x4xf64>
  %z = jepa.gather_tokens %x, %n : (tensor<2x5x4xf64>, tensor<2x4xi32>) -> tensor<2x4x4xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf64>, tensor<2x3x4xf64>) -> tensor<f64>
  %k = jepa.power_loss %z, %u {exponent = 2.0} : (tensor<2x4x4xf64>, tensor<2x4x4xf64>) -> tensor<f64>
  %s = jepa.add %l, %k : (tensor<f64>, tensor<f64>) -> tensor<f64>
  return %s : tensor<f64>
}

// CHECK-LABEL: func.func @concat_tokens(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
func.func @concat_tokens(%u: tensor<2x1x4xf64>, %t: tensor<2x6x4xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x4xf64>
  %z = jepa.parameter "p1" {init = "ones"} : tensor<2x2x4xf64>
  %y = jepa.concat_tokens %x, %u, %z : (tensor<2x3x4xf64>, tensor<2x1x4xf64>, tensor<2x2x4xf64>) -> tensor<2x6x4xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x6x4xf64>, tensor<2x6x4xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @slice_tokens(
// CHECK: jepa.gradient "p0"
func.func @slice_tokens(%t: tensor<2x2x4xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x6x4xf64>
  %y = jepa.slice_tokens %x {offset = 3} : (tensor<2x6x4xf64>) -> tensor<2x2x4xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x2x4xf64>, tensor<2x2x4xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// A mask over a packed batch of two clips reads the table twice.
// CHECK-LABEL: func.func @gather_tokens_cyclic(
// CHECK: jepa.gradient "p0"
func.func @gather_tokens_cyclic(%m: tensor<1x6xi32> {jepa.mask = 10}, %t: tensor<1x6x4xf64>)
    -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<1x5x4xf64>
  %y = jepa.gather_tokens %x, %m {cyclic} : (tensor<1x5x4xf64>, tensor<1x6xi32>) -> tensor<1x6x4xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<1x6x4xf64>, tensor<1x6x4xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// A packed batch: what is read is a view of the parameter.
// CHECK-LABEL: func.func @regroup_tokens(
// CHECK: jepa.gradient "p0"
func.func @regroup_tokens(%m: tensor<1x4xi32> {jepa.mask = 6}, %t: tensor<1x4x4xf64>)
    -> (tensor<f64> {jepa.name = "loss"}) {
  %x = jepa.parameter "p0" {init = "ones"} : tensor<2x3x4xf64>
  %p = jepa.regroup_tokens %x : (tensor<2x3x4xf64>) -> tensor<1x6x4xf64>
  %y = jepa.gather_tokens %p, %m : (tensor<1x6x4xf64>, tensor<1x4xi32>) -> tensor<1x4x4xf64>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<1x4x4xf64>, tensor<1x4x4xf64>) -> tensor<f64>
  return %l : tensor<f64>
}
