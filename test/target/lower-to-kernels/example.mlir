// RUN: %jepa-opt %s --jepa-lower-to-kernels | FileCheck %s

// Inputs, parameters, tables and outputs become named buffers of the arena, the only argument that is left.

// CHECK-LABEL: func.func @jepa_run(
// CHECK-SAME: %[[ARENA:[a-z0-9]+]]: memref<?xi8>) {
// CHECK-DAG: jepa.buffer %[[ARENA]] {kind = "input", name = "x"}
// CHECK-DAG: jepa.buffer %[[ARENA]] {info = {mask_tokens = 6 : i64}, kind = "input", name = "mask0.context"}
// CHECK-DAG: jepa.buffer %[[ARENA]] {info = {init = "trunc_normal", std = 2.000000e-02 : f64, trainable = true}, kind = "parameter", name = "w"}
// CHECK-DAG: jepa.buffer %[[ARENA]] {info = {grid = array<i64: 2, 1, 3>, {{.*}}uniform = true}, kind = "table", name = "position
func.func @jepa_run(%x: tensor<2x6x8xf32> {jepa.name = "x"},
                    %m: tensor<2x3xi32> {jepa.name = "mask0.context", jepa.mask = 6 : i64})
    -> (tensor<2x3x8xf32> {jepa.name = "dense.y"}) {
  %w = jepa.parameter "w" {init = "trunc_normal", std = 0.02 : f64} : tensor<8x8xf32>
  %p = jepa.position {grid = array<i64: 2, 1, 3>, uniform = true} : tensor<1x6x8xf32>
  // CHECK: %[[SUM:.*]] = jepa.buffer %[[ARENA]] {kind = "output", name = "tapped"}
  // CHECK: jepa.launch @add_0(
  %0 = jepa.add %x, %p : (tensor<2x6x8xf32>, tensor<1x6x8xf32>) -> tensor<2x6x8xf32>
  jepa.tap %0 {name = "tapped"} : tensor<2x6x8xf32>
  // CHECK: %[[GATHERED:.*]] = jepa.buffer %[[ARENA]] {kind = "temporary"}
  // CHECK: jepa.launch @gather_tokens_1(
  %1 = jepa.gather_tokens %0, %m : (tensor<2x6x8xf32>, tensor<2x3xi32>) -> tensor<2x3x8xf32>
  // CHECK: %[[Y:.*]] = jepa.buffer %[[ARENA]] {kind = "output", name = "dense.y"}
  // CHECK: jepa.launch @linear_2(
  %2 = jepa.linear %1, %w : (tensor<2x3x8xf32>, tensor<8x8xf32>) -> tensor<2x3x8xf32>
  return %2 : tensor<2x3x8xf32>
}
// CHECK: func.func private @add_0(%{{.*}}: index, %{{.*}}: index, %{{.*}}: index, %{{.*}}: memref<2x6x8xf32> {llvm.noalias}
