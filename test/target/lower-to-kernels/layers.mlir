// RUN: %jepa-opt %s --jepa-lower-to-kernels --jepa-plan-memory --split-input-file | FileCheck %s

// An outlined layer takes its arena, its results' destinations, its arguments.
// CHECK-LABEL: func.func @jepa_run(
// CHECK-SAME: %[[ARENA:[a-z0-9]+]]: memref
// CHECK-DAG: %[[X:.*]] = jepa.buffer %[[ARENA]] {kind = "input", name = "x"
// CHECK-DAG: %[[H:.*]] = jepa.buffer %[[ARENA]] {kind = "temporary"{{.*}} -> memref<2x4x8xf32>
// CHECK: call @layer(%{{.*}}, %[[H]], %[[X]])
// CHECK: %[[Y:.*]] = jepa.buffer %[[ARENA]] {kind = "output", name = "y"
// CHECK: call @layer(%{{.*}}, %[[Y]], %[[H]])
func.func @jepa_run(%x: tensor<2x4x8xf32> {jepa.name = "x"}) -> (tensor<2x4x8xf32> {jepa.name = "y"}) {
  %0 = call @layer(%x) : (tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %1 = call @layer(%0) : (tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %1 : tensor<2x4x8xf32>
}

// CHECK-LABEL: func.func private @layer(
// CHECK-SAME: %{{.*}}: memref<{{[0-9]+}}xi8>, %[[RESULT:.*]]: memref<2x4x8xf32>, %[[ARGUMENT:.*]]: memref<2x4x8xf32>)
// The result is written where the caller wants it, without a copy.
// CHECK-NOT: @copy
// CHECK: return
func.func private @layer(%x: tensor<2x4x8xf32>) -> tensor<2x4x8xf32> {
  %0 = jepa.gelu %x : tensor<2x4x8xf32>
  %1 = jepa.relu %0 : tensor<2x4x8xf32>
  return %1 : tensor<2x4x8xf32>
}

// -----

// A value that is returned twice, and an argument that is returned, are copied.
func.func @jepa_run(%x: tensor<2x4x8xf32> {jepa.name = "x"})
    -> (tensor<2x4x8xf32> {jepa.name = "a"}, tensor<2x4x8xf32> {jepa.name = "b"}, tensor<2x4x8xf32> {jepa.name = "c"}) {
  %0:3 = call @layer(%x) : (tensor<2x4x8xf32>) -> (tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>)
  return %0#0, %0#1, %0#2 : tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>
}

// CHECK-LABEL: func.func private @layer(
// CHECK-COUNT-2: jepa.launch @copy
// CHECK-NOT: jepa.launch @copy
// CHECK: return
func.func private @layer(%x: tensor<2x4x8xf32>) -> (tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>) {
  %0 = jepa.gelu %x : tensor<2x4x8xf32>
  return %0, %0, %x : tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>
}
