// Parts of a split are views of the whole, with their offset in the type; elementwise kernels see them as strided rows.
// RUN: %jepa-opt %s --jepa-lower-to-kernels=target=reference | FileCheck %s

// CHECK-LABEL: func.func @split(
// CHECK-SAME: %[[ARENA:.*]]: memref<?xi8>, %[[Y:.*]]: memref<2x4x8xf32>, %[[X:.*]]: memref<2x4x12xf32>
// CHECK: memref.subview %[[X]][0, 0, 0] [2, 4, 4] [1, 1, 1]
// CHECK: %[[B:.*]] = memref.subview %[[X]][0, 0, 4] [2, 4, 8] [1, 1, 1]
// CHECK-SAME: to memref<2x4x8xf32, strided<[48, 12, 1], offset: 4>>
// CHECK: %[[ROWS:.*]] = memref.collapse_shape %[[B]] {{\[\[}}0, 1], [2]]
// CHECK-SAME: into memref<8x8xf32, strided<[12, 1], offset: 4>>
// CHECK: jepa.launch @gelu_0(%{{.*}}, %[[ROWS]])
func.func @split(%x: tensor<2x4x12xf32>) -> tensor<2x4x8xf32> {
  %a, %b = jepa.split_features %x : (tensor<2x4x12xf32>) -> (tensor<2x4x4xf32>, tensor<2x4x8xf32>)
  %y = jepa.gelu %b : tensor<2x4x8xf32>
  return %y : tensor<2x4x8xf32>
}

// stop_gradient costs nothing.
// CHECK-LABEL: func.func @stop(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<2x4x12xf32>)
// CHECK-NOT: jepa.buffer
// CHECK: %[[ROWS:.*]] = memref.collapse_shape %[[X]]
// CHECK: jepa.launch @relu_1(%{{.*}}, %[[ROWS]])
func.func @stop(%x: tensor<2x4x12xf32>) -> tensor<2x4x12xf32> {
  %s = jepa.stop_gradient %x : tensor<2x4x12xf32>
  %y = jepa.relu %s : tensor<2x4x12xf32>
  return %y : tensor<2x4x12xf32>
}
