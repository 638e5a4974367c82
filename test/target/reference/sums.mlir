// Sums over rows do not depend on threads: a task owns an output, or rows leave partial sums that one task adds in order.
// RUN: %jepa-opt %s --jepa-lower-to-kernels=target=reference | FileCheck %s

// CHECK-LABEL: func.func @weight(
// CHECK: jepa.launch @linear_weight_grad_0({{.*}}) {count = 3 : i64, {{.*}}writes = 1 : i64} : memref<3x8xf32>, memref<8x3xf32>, memref<8x8xf32>
func.func @weight(%dy: tensor<2x4x3xf32>, %x: tensor<2x4x8xf32>) -> tensor<3x2x2x2xf32> {
  %dw = jepa.linear_weight_grad %dy, %x : (tensor<2x4x3xf32>, tensor<2x4x8xf32>) -> tensor<3x2x2x2xf32>
  return %dw : tensor<3x2x2x2xf32>
}

// CHECK-LABEL: func.func @norm(
// CHECK: jepa.launch @layer_norm_statistics_1({{.*}}) {count = 8 : i64, {{.*}} : memref<8x2xf64>, memref<8x8xf32>
// CHECK: jepa.launch @layer_norm_weight_grad_2({{.*}}) {count = 8 : i64, {{.*}}writes = 2 : i64}
func.func @norm(%dy: tensor<2x4x8xf32>, %x: tensor<2x4x8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %dw, %db = jepa.layer_norm_weight_grad %dy, %x {eps = 1.0e-06}
    : (tensor<2x4x8xf32>, tensor<2x4x8xf32>) -> (tensor<8xf32>, tensor<8xf32>)
  return %dw, %db : tensor<8xf32>, tensor<8xf32>
}

// CHECK-LABEL: func.func @loss(
// CHECK: jepa.launch @power_loss_rows_3({{.*}}) {count = 8 : i64, {{.*}} : memref<8xf64>, memref<2x4x8xf32>, memref<2x4x8xf32>, memref<1xi32>
// CHECK: jepa.launch @power_loss_4({{.*}}) {count = 1 : i64, grain = 1 : i64, {{.*}} : memref<f32>, memref<8xf64>{{$}}
func.func @loss(%p: tensor<2x4x8xf32>, %t: tensor<2x4x8xf32>, %n: tensor<1xi32>) -> tensor<f32> {
  %l = jepa.power_loss %p, %t length %n {exponent = 1.0}
    : (tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<1xi32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @squares(
// CHECK: jepa.launch @squared_norm_rows_5({{.*}}) {{.*}} : memref<1xf64>, memref<1x8xf32>
// CHECK: jepa.launch @squared_norm_rows_6({{.*}}) {{.*}} : memref<4xf64>, memref<4x8xf32>
// CHECK: jepa.launch @squared_norm_7({{.*}}) {{.*}} : memref<f32>, memref<1xf64>, memref<4xf64>
func.func @squares(%a: tensor<8xf32>, %b: tensor<4x8xf32>) -> tensor<f32> {
  %n = jepa.squared_norm %a, %b : (tensor<8xf32>, tensor<4x8xf32>) -> tensor<f32>
  return %n : tensor<f32>
}
