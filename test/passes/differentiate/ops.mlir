// RUN: %jepa-opt %s --jepa-differentiate | FileCheck %s

// The adjoint of each op, as its rule writes it. That they are right is what finite-difference/ is for.

// CHECK-LABEL: func.func @linear(
// CHECK: %[[DX:.*]] = jepa.linear_input_grad %[[DY:.*]], %{{.*}} : (tensor<2x3x4xf32>, tensor<4x6xf32>) -> tensor<2x3x6xf32>
// CHECK: %[[DW:.*]] = jepa.linear_weight_grad %[[DY]], %{{.*}} : (tensor<2x3x4xf32>, tensor<2x3x6xf32>) -> tensor<4x6xf32>
// CHECK: %[[DB:.*]] = jepa.sum_to %[[DY]] : (tensor<2x3x4xf32>) -> tensor<4xf32>
func.func @linear(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x3x6xf32>
  %w = jepa.parameter "w" {init = "ones"} : tensor<4x6xf32>
  %b = jepa.parameter "b" {init = "ones"} : tensor<4xf32>
  %y = jepa.linear %x, %w bias %b : (tensor<2x3x6xf32>, tensor<4x6xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// Only the weight is trained: the input's adjoint is not computed.
// CHECK-LABEL: func.func @linear_of_data(
// CHECK: jepa.power_loss_grad
// CHECK-NEXT: jepa.linear_weight_grad
// CHECK-NEXT: jepa.gradient
func.func @linear_of_data(%x: tensor<2x3x6xf32>, %t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %w = jepa.parameter "w" {init = "ones"} : tensor<4x6xf32>
  %y = jepa.linear %x, %w : (tensor<2x3x6xf32>, tensor<4x6xf32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @layer_norm(
// CHECK: %[[DX:.*]] = jepa.layer_norm_grad %[[DY:.*]], %[[X:.*]] weight %{{.*}} {eps = {{.*}} : f64}
// CHECK: %[[DW:.*]], %[[DB:.*]] = jepa.layer_norm_weight_grad %[[DY]], %[[X]] {eps = {{.*}} : f64}
// CHECK: jepa.gradient "x", %[[DX]]
// CHECK: jepa.gradient "w", %[[DW]]
// CHECK: jepa.gradient "b", %[[DB]]
func.func @layer_norm(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x3x4xf32>
  %w = jepa.parameter "w" {init = "ones"} : tensor<4xf32>
  %b = jepa.parameter "b" {init = "ones"} : tensor<4xf32>
  %y = jepa.layer_norm %x weight %w bias %b {eps = 1.0e-06} : (tensor<2x3x4xf32>, tensor<4xf32>, tensor<4xf32>)
    -> tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @layer_norm_plain(
// CHECK: jepa.layer_norm_grad %{{.*}}, %{{[0-9]+}} {eps = {{.*}} : f64}
func.func @layer_norm_plain(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x3x4xf32>
  %y = jepa.layer_norm %x {eps = 1.0e-06} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @gelu(
// CHECK: %[[X:.*]] = jepa.parameter "x"
// CHECK: jepa.gelu_grad %{{.*}}, %[[X]] : tensor<2x3x4xf32>
func.func @gelu(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x3x4xf32>
  %y = jepa.gelu %x : tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @relu(
// CHECK: %[[X:.*]] = jepa.parameter "x"
// CHECK: jepa.relu_grad %{{.*}}, %[[X]] : tensor<2x3x4xf32>
func.func @relu(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x3x4xf32>
  %y = jepa.relu %x : tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// The offset is gone.
// CHECK-LABEL: func.func @scale(
// CHECK: jepa.scale %{{.*}} {factor = -2.000000e+00 : f64} : tensor<2x3x4xf32>
// CHECK: jepa.gradient
func.func @scale(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x3x4xf32>
  %y = jepa.scale %x {factor = -2.0, offset = 1.0} : tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @add(
// CHECK: %[[DY:.*]] = jepa.power_loss_grad
// CHECK: %[[DB:.*]] = jepa.sum_to %[[DY]] : (tensor<2x3x4xf32>) -> tensor<1x1x4xf32>
// CHECK: jepa.gradient "x", %[[DY]]
// CHECK: jepa.gradient "b", %[[DB]]
func.func @add(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x3x4xf32>
  %b = jepa.parameter "b" {init = "ones"} : tensor<1x1x4xf32>
  %y = jepa.add %x, %b : (tensor<2x3x4xf32>, tensor<1x1x4xf32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// With one clip, a table differs from the clip by the name of an axis alone; its adjoint has the table's.
// CHECK-LABEL: func.func @add_axes(
// CHECK: %[[DY:.*]] = jepa.power_loss_grad
// CHECK: %[[DB:.*]] = jepa.sum_to %[[DY]] : (tensor<1x3x4xf32, #jepa.axes<clip, token, embed>>) -> tensor<1x3x4xf32, #jepa.axes<one, token, embed>>
// CHECK: jepa.gradient "x", %[[DY]]
// CHECK: jepa.gradient "b", %[[DB]]
func.func @add_axes(%t: tensor<1x3x4xf32, #jepa.axes<clip, token, embed>>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<1x3x4xf32, #jepa.axes<clip, token, embed>>
  %b = jepa.parameter "b" {init = "ones"} : tensor<1x3x4xf32, #jepa.axes<one, token, embed>>
  %y = jepa.add %x, %b : (tensor<1x3x4xf32, #jepa.axes<clip, token, embed>>,
    tensor<1x3x4xf32, #jepa.axes<one, token, embed>>) -> tensor<1x3x4xf32, #jepa.axes<clip, token, embed>>
  %l = jepa.power_loss %y, %t {exponent = 2.0}
   
    : (tensor<1x3x4xf32, #jepa.axes<clip, token, embed>>, tensor<1x3x4xf32, #jepa.axes<clip, token, embed>>) -> tensor<f32>
  return %l : tensor<f32>
}

// A part that the loss does not need counts as zero.
// CHECK-LABEL: func.func @split_features(
// CHECK: %[[DA:.*]] = jepa.power_loss_grad
// CHECK: %[[ZERO:.*]] = jepa.constant {value = 0.000000e+00 : f64} : tensor<2x3x2xf32>
// CHECK: jepa.concat_features %[[DA]], %[[ZERO]] : (tensor<2x3x4xf32>, tensor<2x3x2xf32>) -> tensor<2x3x6xf32>
func.func @split_features(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x3x6xf32>
  %a, %b = jepa.split_features %x : (tensor<2x3x6xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x2xf32>)
  %l = jepa.power_loss %a, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @concat_features(
// CHECK: %[[D:.*]]:2 = jepa.split_features %{{.*}} : (tensor<2x3x4xf32>) -> (tensor<2x3x1xf32>, tensor<2x3x3xf32>)
// CHECK: jepa.gradient "x", %[[D]]#0
// CHECK: jepa.gradient "y", %[[D]]#1
func.func @concat_features(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x3x1xf32>
  %y = jepa.parameter "y" {init = "ones"} : tensor<2x3x3xf32>
  %z = jepa.concat_features %x, %y : (tensor<2x3x1xf32>, tensor<2x3x3xf32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %z, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @attention(
// CHECK: %[[O:.*]], %[[S:.*]] = jepa.attention
// CHECK: %[[DQ:.*]], %[[DK:.*]], %[[DV:.*]] = jepa.attention_grad %{{.*}}, %[[Q:.*]], %[[K:.*]], %[[V:.*]], %[[O]], %[[S]] mask %{{.*}} lengths(%{{.*}}) {heads = 2 : i64, segments = array<i64: 2>}
// CHECK: jepa.gradient "q", %[[DQ]]
// CHECK: jepa.gradient "k", %[[DK]]
// CHECK: jepa.gradient "v", %[[DV]]
func.func @attention(%m: tensor<2x2xi32> {jepa.mask = 3}, %n: tensor<1xi32>, %t: tensor<2x3x4xf32>)
    -> (tensor<f32> {jepa.name = "loss"}) {
  %q = jepa.parameter "q" {init = "ones"} : tensor<2x3x4xf32>
  %k = jepa.parameter "k" {init = "ones"} : tensor<2x3x4xf32>
  %v = jepa.parameter "v" {init = "ones"} : tensor<2x3x4xf32>
  %o, %s = jepa.attention %q, %k, %v mask %m lengths(%n) {heads = 2, segments = array<i64: 2>}
    : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x2xi32>, tensor<1xi32>)
    -> (tensor<2x3x4xf32>, tensor<2x2x3xf32>)
  %l = jepa.power_loss %o, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @gather_tokens(
// CHECK: jepa.scatter_tokens %{{.*}}, %arg0 : (tensor<2x3x4xf32>, tensor<2x3xi32>) -> tensor<1x5x4xf32>
func.func @gather_tokens(%m: tensor<2x3xi32> {jepa.mask = 5}, %t: tensor<2x3x4xf32>)
    -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<1x5x4xf32>
  %y = jepa.gather_tokens %x, %m : (tensor<1x5x4xf32>, tensor<2x3xi32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// What is not trained is not cut out.
// CHECK-LABEL: func.func @concat_tokens(
// CHECK: %[[DZ:.*]] = jepa.power_loss_grad
// CHECK-NEXT: %[[DY:.*]] = jepa.slice_tokens %[[DZ]] {offset = 1 : i64} : (tensor<2x3x4xf32>) -> tensor<2x2x4xf32>
// CHECK-NEXT: jepa.gradient
func.func @concat_tokens(%x: tensor<2x1x4xf32>, %t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %y = jepa.parameter "y" {init = "ones"} : tensor<2x2x4xf32>
  %z = jepa.concat_tokens %x, %y : (tensor<2x1x4xf32>, tensor<2x2x4xf32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %z, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @slice_tokens(
// CHECK: jepa.pad_tokens %{{.*}} {offset = 2 : i64} : (tensor<2x3x4xf32>) -> tensor<2x6x4xf32>
func.func @slice_tokens(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x6x4xf32>
  %y = jepa.slice_tokens %x {offset = 2} : (tensor<2x6x4xf32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %y, %t {exponent = 2.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @power_loss(
// CHECK: %[[ONE:.*]] = jepa.constant
// CHECK: %[[DP:.*]] = jepa.power_loss_grad %[[ONE]], %{{.*}}, %{{.*}} length %{{.*}} {exponent = 1.000000e+00 : f64}
// CHECK: %[[DT:.*]] = jepa.scale %[[DP]] {factor = -1.000000e+00 : f64}
// CHECK: jepa.gradient "p", %[[DP]]
// CHECK: jepa.gradient "t", %[[DT]]
func.func @power_loss(%n: tensor<1xi32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %p = jepa.parameter "p" {init = "ones"} : tensor<2x3x4xf32>
  %t = jepa.parameter "t" {init = "ones"} : tensor<2x3x4xf32>
  %l = jepa.power_loss %p, %t length %n {exponent = 1.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<1xi32>)
    -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @token_std(
// CHECK: %[[S:.*]] = jepa.token_std %[[X:.*]] length %[[N:.*]] {eps
// CHECK: %[[ONE:.*]] = jepa.constant
// CHECK: %[[EACH:.*]] = jepa.scale %[[ONE]] {factor = 1.250000e-01 : f64} : tensor<f32>
// CHECK: %[[DS:.*]] = jepa.splat %[[EACH]] : (tensor<f32>) -> tensor<2x4xf32>
// CHECK: jepa.token_std_grad %[[DS]], %[[X]], %[[S]] length %[[N]] : 
func.func @token_std(%n: tensor<1xi32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x3x4xf32>
  %s = jepa.token_std %x length %n {eps = 1.0e-04} : (tensor<2x3x4xf32>, tensor<1xi32>) -> tensor<2x4xf32>
  %l = jepa.mean %s : (tensor<2x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}
