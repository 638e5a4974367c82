// Every remaining op of a layer, its adjoint or a loss lowers to kernels of its own name.
// RUN: %jepa-opt %s --jepa-lower-to-kernels=target=reference | FileCheck %s

!x = tensor<2x4x8xf64>
!v = tensor<8xf64>
!s = tensor<f64>
!d = tensor<2x8xf64>

// CHECK-LABEL: func.func @layers(
func.func @layers(%x: !x, %y: !x, %w: !v, %b: !v, %table: tensor<1x4x8xf64>, %weight: tensor<8x8xf64>) -> !x {
  // CHECK: jepa.launch @layer_norm_{{[0-9]+}}({{.*}}) {{.*}} : memref<8x8xf64>, memref<8x8xf64>, memref<8xf64>, memref<8xf64>
  %0 = jepa.layer_norm %x weight %w bias %b {eps = 1.0e-06} : (!x, !v, !v) -> !x
  // CHECK: jepa.launch @layer_norm_{{[0-9]+}}({{.*}}) {{.*}} : memref<8x8xf64>, memref<8x8xf64>{{$}}
  %1 = jepa.layer_norm %0 {eps = 1.0e-06} : (!x) -> !x
  // CHECK: jepa.launch @add_{{[0-9]+}}({{.*}}) {{.*}} : memref<2x4x8xf64>, memref<2x4x8xf64>, memref<1x4x8xf64>
  %2 = jepa.add %1, %table : (!x, tensor<1x4x8xf64>) -> !x
  // CHECK: jepa.launch @add_{{[0-9]+}}({{.*}}) {{.*}} : memref<8x8xf64>, memref<8x8xf64>, memref<8x8xf64>
  %3 = jepa.add %2, %y : (!x, !x) -> !x
  // CHECK: jepa.launch @layer_norm_grad_
  %4 = jepa.layer_norm_grad %3, %x weight %w {eps = 1.0e-06} : (!x, !x, !v) -> !x
  // CHECK: jepa.launch @linear_input_grad_
  %5 = jepa.linear_input_grad %4, %weight : (!x, tensor<8x8xf64>) -> !x
  // CHECK: jepa.launch @gelu_grad_
  %6 = jepa.gelu_grad %5, %x : !x
  // CHECK: jepa.launch @relu_grad_
  %7 = jepa.relu_grad %6, %x : !x
  return %7 : !x
}

// CHECK-LABEL: func.func @losses(
func.func @losses(%x: !x, %t: !x, %n: tensor<1xi32>) -> (!x, !x, tensor<2x4x16xf64>) {
  // CHECK: jepa.launch @constant_{{[0-9]+}}({{.*}}) {{.*}} : memref<1x1xf64>
  %one = jepa.constant {value = 1.0} : !s
  // CHECK: jepa.launch @power_loss_grad_
  %0 = jepa.power_loss_grad %one, %x, %t length %n {exponent = 1.5} : (!s, !x, !x, tensor<1xi32>) -> !x
  // CHECK: jepa.launch @token_std_
  %1 = jepa.token_std %x length %n {eps = 1.0e-04} : (!x, tensor<1xi32>) -> !d
  // CHECK: jepa.launch @splat_
  %2 = jepa.splat %one : (!s) -> !d
  // CHECK: jepa.launch @token_std_grad_
  %3 = jepa.token_std_grad %2, %x, %1 length %n : (!d, !x, !d, tensor<1xi32>) -> !x
  // CHECK: jepa.launch @concat_features_
  %4 = jepa.concat_features %0, %3 : (!x, !x) -> tensor<2x4x16xf64>
  return %0, %3, %4 : !x, !x, tensor<2x4x16xf64>
}
