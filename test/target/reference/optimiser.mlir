// The optimiser works in place on the run's named buffers, and the moments are made where it first asks for them.
// RUN: %jepa-opt %s --jepa-lower-to-kernels=target=reference | FileCheck %s

// CHECK-LABEL: func.func @jepa_run(
// CHECK-DAG: %[[W:.*]] = jepa.buffer {{.*}}kind = "parameter", name = "w"{{.*}} -> memref<3x2x4xf32>
// CHECK-DAG: %[[T:.*]] = jepa.buffer {{.*}}kind = "parameter", name = "target_w"{{.*}} -> memref<3x2x4xf32>
// CHECK-DAG: %[[M:.*]] = jepa.buffer {{.*}}kind = "moment", name = "m:w"{{.*}} -> memref<3x2x4xf32>
// CHECK-DAG: %[[V:.*]] = jepa.buffer {{.*}}kind = "moment", name = "v:w"{{.*}} -> memref<3x2x4xf32>
// CHECK-DAG: %[[P_ROWS:.*]] = memref.collapse_shape %[[W]]
// CHECK-DAG: %[[M_ROWS:.*]] = memref.collapse_shape %[[M]]
// CHECK-DAG: %[[V_ROWS:.*]] = memref.collapse_shape %[[V]]
// CHECK: jepa.launch @adamw_0(%[[P_ROWS]], %[[M_ROWS]], %[[V_ROWS]], {{.*}}writes = 3 : i64}
// CHECK: %[[T_ROWS:.*]] = memref.collapse_shape %[[T]]
// CHECK: jepa.launch @ema_1(%[[T_ROWS]], {{.*}}writes = 1 : i64}
func.func @jepa_run(%g: tensor<3x2x4xf32> {jepa.name = "g"}, %hyper: tensor<9xf32> {jepa.name = "hyper"},
                    %norm: tensor<f32> {jepa.name = "norm"}) {
  %w = jepa.parameter "w" {init = "zeros"} : tensor<3x2x4xf32>
  %t = jepa.parameter "target_w" {init = "zeros", trainable = false, ema_of = "w"} : tensor<3x2x4xf32>
  jepa.adamw "w", %g, %hyper norm %norm {decay = true} : tensor<3x2x4xf32>, tensor<9xf32>, tensor<f32>
  jepa.ema "target_w" of "w", %hyper {shape = array<i64: 3, 2, 4>} : tensor<9xf32>
  return
}
