// RUN: %jepa-opt %s --jepa-lower-to-kernels=target=cpu | FileCheck %s

// Where launches and products come from, for profiles: their op's module path, and the FLOPs of an op's only launch.

// CHECK-LABEL: func.func @jepa_run(
func.func @jepa_run(%x: tensor<2x4x8xf32> {jepa.name = "x"}, %h: tensor<9xf32> {jepa.name = "hyper"})
    -> (tensor<2x4x8xf32> {jepa.name = "y"}) {
  // CHECK: call @layer({{.*}}) {jepa.scope = "net.blocks.0"}
  %0 = call @layer(%x) {jepa.scope = "net.blocks.0"} : (tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  // CHECK: jepa.launch @gelu_{{[0-9]+}}({{.*}}) {count = {{[0-9]+}} : i64, grain = {{[0-9]+}} : i64, writes = 1 : i64}
  %1 = jepa.gelu %0 : tensor<2x4x8xf32>
  // The update and the norm that only the update reads.
  // CHECK: jepa.launch @squared_norm{{.*}}jepa.scope = "optimizer"
  %n = jepa.squared_norm %x : (tensor<2x4x8xf32>) -> tensor<f32>
  // CHECK: jepa.launch @adamw{{.*}}jepa.scope = "optimizer"
  jepa.adamw "w", %x, %h norm %n {decay = true} : tensor<2x4x8xf32>, tensor<9xf32>, tensor<f32>
  return %1 : tensor<2x4x8xf32>
}

// CHECK-LABEL: func.func private @layer(
func.func private @layer(%x: tensor<2x4x8xf32>) -> tensor<2x4x8xf32> {
  // Scores and values of 2 clips and 2 heads, 4 x 4 x 4 each, a multiply-add being two.
  // CHECK: jepa.launch @attention_{{[0-9]+}}({{.*}}) {{{.*}}jepa.flops = 1024 : i64, jepa.scope = "attn"
  %0, %1 = jepa.attention %x, %x, %x {heads = 2, jepa.scope = "attn"}
    : (tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>) -> (tensor<2x4x8xf32>, tensor<2x2x4xf32>)
  return %0 : tensor<2x4x8xf32>
}
