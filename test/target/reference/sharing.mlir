// Equal launches share a kernel. Those that differ in what their code depends on do not, even where the buffers that
// they are launched over look alike.
// RUN: %jepa-opt %s --split-input-file --jepa-lower-to-kernels=target=reference | FileCheck %s

// CHECK-LABEL: func.func @equal(
// CHECK-COUNT-2: jepa.launch @gelu_0(
func.func @equal(%x: tensor<2x4x8xf32>) -> tensor<2x4x8xf32> {
  %a = jepa.gelu %x {jepa.scope = "encoder.blocks.0"} : tensor<2x4x8xf32>
  %b = jepa.gelu %a {jepa.scope = "encoder.blocks.1"} : tensor<2x4x8xf32>
  return %b : tensor<2x4x8xf32>
}

// -----

// CHECK-LABEL: func.func @attributes(
// CHECK: jepa.launch @scale_0(
// CHECK: jepa.launch @scale_1(
func.func @attributes(%x: tensor<2x4x8xf32>) -> tensor<2x4x8xf32> {
  %a = jepa.scale %x {factor = 2.0} : tensor<2x4x8xf32>
  %b = jepa.scale %a {factor = 3.0} : tensor<2x4x8xf32>
  return %b : tensor<2x4x8xf32>
}

// -----

// Both sum four by two numbers to sixteen, over different dimensions.
// CHECK-LABEL: func.func @sums(
// CHECK: jepa.launch @sum_to_0(%{{.*}}) {{.*}} : memref<2x1x8xf32>, memref<2x2x8xf32>
// CHECK: jepa.launch @sum_to_1(%{{.*}}) {{.*}} : memref<1x2x8xf32>, memref<2x2x8xf32>
func.func @sums(%x: tensor<2x2x8xf32>) -> (tensor<2x1x8xf32>, tensor<1x2x8xf32>) {
  %a = jepa.sum_to %x : (tensor<2x2x8xf32>) -> tensor<2x1x8xf32>
  %b = jepa.sum_to %x : (tensor<2x2x8xf32>) -> tensor<1x2x8xf32>
  return %a, %b : tensor<2x1x8xf32>, tensor<1x2x8xf32>
}

// -----

// Eight partial sums each, but means over different numbers of elements.
// CHECK-LABEL: func.func @means(
// CHECK: jepa.launch @mean_1(%{{.*}}) {{.*}} : memref<f32>, memref<8xf64>, memref<8x4xf32>
// CHECK: jepa.launch @mean_3(%{{.*}}) {{.*}} : memref<f32>, memref<8xf64>, memref<8x2xf32>
func.func @means(%x: tensor<8x4xf32>, %y: tensor<8x2xf32>) -> (tensor<f32>, tensor<f32>) {
  %a = jepa.mean %x : (tensor<8x4xf32>) -> tensor<f32>
  %b = jepa.mean %y : (tensor<8x2xf32>) -> tensor<f32>
  return %a, %b : tensor<f32>, tensor<f32>
}
