// RUN: %jepa-opt %s --jepa-differentiate | FileCheck %s

// A residual: the adjoint of its input is the sum over both uses, the later use first.
// CHECK-LABEL: func.func @several_uses(
// CHECK:         %[[X:.*]] = jepa.parameter "x"
// CHECK:         %[[DY:.*]] = jepa.power_loss_grad
// CHECK-NEXT:    %[[DG:.*]] = jepa.gelu_grad %[[DY]], %[[X]]
// CHECK-NEXT:    %[[SUM:.*]] = jepa.add %[[DY]], %[[DG]]
// CHECK-NEXT:    jepa.gradient "x", %[[SUM]]
// CHECK-NEXT:    return
func.func @several_uses(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x3x4xf32>
  %g = jepa.gelu %x : tensor<2x3x4xf32>
  %y = jepa.add %x, %g : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// One encoder, once per mask group: two ops read the weight, and it has one gradient, the sum. The order of the
// gradients is that of the parameters, not that of the sweep.
// CHECK-LABEL: func.func @two_mask_groups(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: {{.*}}, %[[M0:[a-z0-9]+]]: {{.*}}, %[[M1:[a-z0-9]+]]:
// CHECK:         jepa.constant {value = 1.000000e+00 : f64}
// CHECK:         %[[D1:.*]] = jepa.linear_weight_grad
// CHECK-SAME:      tensor<2x2x4xf32, #jepa.axes<clip, "context#1", embed>>
// CHECK:         %[[D0:.*]] = jepa.linear_weight_grad
// CHECK-SAME:      tensor<2x3x4xf32, #jepa.axes<clip, "context#0", embed>>
// CHECK-NEXT:    %[[DB:.*]] = jepa.sum_to
// CHECK-NEXT:    %[[SUM:.*]] = jepa.add %[[D1]], %[[D0]]
// CHECK-NEXT:    jepa.gradient "encoder.w", %[[SUM]]
// CHECK-NEXT:    jepa.gradient "predictor.b", %[[DB]]
// CHECK-NEXT:    return
func.func @two_mask_groups(%x: tensor<2x5x4xf32, #jepa.axes<clip, token, embed>>,
    %m0: tensor<2x3xi32, #jepa.axes<clip, "context#0">> {jepa.mask = 5},
    %m1: tensor<2x2xi32, #jepa.axes<clip, "context#1">> {jepa.mask = 5},
    %t0: tensor<2x3x4xf32>, %t1: tensor<2x2x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %w0 = jepa.parameter "encoder.w" {init = "ones"} : tensor<4x4xf32>
  %b = jepa.parameter "predictor.b" {init = "zeros"} : tensor<4xf32>
  %x0 = jepa.gather_tokens %x, %m0 : (tensor<2x5x4xf32, #jepa.axes<clip, token, embed>>,
    tensor<2x3xi32, #jepa.axes<clip, "context#0">>) -> tensor<2x3x4xf32, #jepa.axes<clip, "context#0", embed>>
  %y0 = jepa.linear %x0, %w0 bias %b : (tensor<2x3x4xf32, #jepa.axes<clip, "context#0", embed>>, tensor<4x4xf32>,
    tensor<4xf32>) -> tensor<2x3x4xf32, #jepa.axes<clip, "context#0", embed>>
  %l0 = jepa.power_loss %y0, %t0 {exponent = 1.0}
    : (tensor<2x3x4xf32, #jepa.axes<clip, "context#0", embed>>, tensor<2x3x4xf32>) -> tensor<f32>
  %w1 = jepa.parameter "encoder.w" {init = "ones"} : tensor<4x4xf32>
  %x1 = jepa.gather_tokens %x, %m1 : (tensor<2x5x4xf32, #jepa.axes<clip, token, embed>>,
    tensor<2x2xi32, #jepa.axes<clip, "context#1">>) -> tensor<2x2x4xf32, #jepa.axes<clip, "context#1", embed>>
  %y1 = jepa.linear %x1, %w1 : (tensor<2x2x4xf32, #jepa.axes<clip, "context#1", embed>>, tensor<4x4xf32>)
    -> tensor<2x2x4xf32, #jepa.axes<clip, "context#1", embed>>
  %l1 = jepa.power_loss %y1, %t1 {exponent = 1.0}
    : (tensor<2x2x4xf32, #jepa.axes<clip, "context#1", embed>>, tensor<2x2x4xf32>) -> tensor<f32>
  %l = jepa.add %l0, %l1 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %l : tensor<f32>
}

// A target behind stop_gradient: neither its parameter nor the ops on either side of the stop get an adjoint.
// CHECK-LABEL: func.func @stop_gradient(
// CHECK:         %[[ONE:.*]] = jepa.constant
// CHECK-NEXT:    %[[D:.*]] = jepa.power_loss_grad %[[ONE]]
// CHECK-NEXT:    jepa.gradient "p", %[[D]]
// CHECK-NEXT:    return
func.func @stop_gradient(%m: tensor<2x2xi32> {jepa.mask = 3}) -> (tensor<f32> {jepa.name = "loss"}) {
  %p = jepa.parameter "p" {init = "ones"} : tensor<2x2x4xf32>
  %q = jepa.parameter "q" {init = "ones"} : tensor<2x3x4xf32>
  %g = jepa.gelu %q : tensor<2x3x4xf32>
  %s = jepa.stop_gradient %g : tensor<2x3x4xf32>
  %t = jepa.gather_tokens %s, %m : (tensor<2x3x4xf32>, tensor<2x2xi32>) -> tensor<2x2x4xf32>
  %l = jepa.power_loss %p, %t {exponent = 1.0} : (tensor<2x2x4xf32>, tensor<2x2x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// A teacher gets none, and neither does the op that only it feeds. A frozen bias costs no sum.
// CHECK-LABEL: func.func @teacher(
// CHECK:         jepa.power_loss_grad
// CHECK-NEXT:    jepa.linear_weight_grad
// CHECK-NEXT:    jepa.gradient "encoder.w"
// CHECK-NEXT:    return
func.func @teacher(%x: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %w = jepa.parameter "encoder.w" {init = "ones"} : tensor<4x4xf32>
  %b = jepa.parameter "encoder.b" {init = "ones", trainable = false} : tensor<4xf32>
  %v = jepa.parameter "target.w" {init = "ones", trainable = false, ema_of = "encoder.w"} : tensor<4x4xf32>
  %y = jepa.linear %x, %w bias %b : (tensor<2x3x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  %t = jepa.linear %x, %v : (tensor<2x3x4xf32>, tensor<4x4xf32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 1.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// What the loss does not need is left alone: a tap, an op without adjoint on another path, another result.
// CHECK-LABEL: func.func @beside_the_loss(
// CHECK:         %[[L:.*]] = jepa.power_loss %
// CHECK-NEXT:    %[[F:.*]] = jepa.scatter_tokens
// CHECK-NEXT:    jepa.tap
// CHECK-NEXT:    jepa.constant
// CHECK-NEXT:    %[[D:.*]] = jepa.power_loss_grad
// CHECK-NEXT:    jepa.gradient "x", %[[D]]
// CHECK-NEXT:    return %[[F]], %[[L]]
func.func @beside_the_loss(%t: tensor<2x2x4xf32>, %m: tensor<2x2xi32> {jepa.mask = 5})
    -> (tensor<2x5x4xf32> {jepa.name = "features"}, tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x2x4xf32>
  %l = jepa.power_loss %x, %t {exponent = 2.0} : (tensor<2x2x4xf32>, tensor<2x2x4xf32>) -> tensor<f32>
  %f = jepa.scatter_tokens %x, %m : (tensor<2x2x4xf32>, tensor<2x2xi32>) -> tensor<2x5x4xf32>
  jepa.tap %f {name = "features"} : tensor<2x5x4xf32>
  return %f, %l : tensor<2x5x4xf32>, tensor<f32>
}

// The only resultis the loss where it is a scalar without a name.
// CHECK-LABEL: func.func @unnamed(
// CHECK:         jepa.gradient "x"
func.func @unnamed() -> tensor<f32> {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x4xf32>
  %l = jepa.mean %x : (tensor<2x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @no_loss(
// CHECK-NEXT:    %[[X:.*]] = jepa.parameter
// CHECK-NEXT:    return %[[X]]
func.func @no_loss() -> tensor<2x4xf32> {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x4xf32>
  return %x : tensor<2x4xf32>
}

// CHECK: func.func private @declared(tensor<2xf32>) -> tensor<f32>
func.func private @declared(tensor<2xf32>) -> tensor<f32>
