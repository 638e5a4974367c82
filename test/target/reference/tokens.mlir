// Patches, selections and concatenations: one task writes whole rows of the result.
// RUN: %jepa-opt %s --jepa-lower-to-kernels="target=reference max-threads=4" --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @patchify(
// CHECK: jepa.launch @patchify_0({{.*}}) {count = 10 : i64
func.func @patchify(%c: tensor<2x3x4x4x6xf32>, %m: tensor<2x5xi32>) -> tensor<2x5x24xf32> {
  %y = jepa.patchify %c tokens %m {patch = 2, tubelet = 2}
    : (tensor<2x3x4x4x6xf32>, tensor<2x5xi32>) -> tensor<2x5x24xf32>
  return %y : tensor<2x5x24xf32>
}

// Each of the table's rows collects what any clip sends to it.
// CHECK-LABEL: func.func @scatter(
// CHECK: %[[SUM:.*]] = jepa.buffer {{.*}} -> memref<4x8xf64>
// CHECK: jepa.launch @scatter_tokens_1(%{{.*}}, %[[SUM]], {{.*}}) {count = 6 : i64, {{.*}}writes = 2 : i64}
func.func @scatter(%x: tensor<2x3x8xf32>, %m: tensor<2x3xi32>) -> tensor<1x6x8xf32> {
  %y = jepa.scatter_tokens %x, %m : (tensor<2x3x8xf32>, tensor<2x3xi32>) -> tensor<1x6x8xf32>
  return %y : tensor<1x6x8xf32>
}

// CHECK-LABEL: func.func @segments(
// CHECK: jepa.launch @concat_tokens_2({{.*}}) {count = 14 : i64
// CHECK: jepa.launch @slice_tokens_3({{.*}}) {count = 8 : i64
// CHECK: jepa.launch @pad_tokens_4({{.*}}) {count = 14 : i64
func.func @segments(%a: tensor<2x3x8xf32>, %b: tensor<2x4x8xf32>) -> tensor<2x7x8xf32> {
  %c = jepa.concat_tokens %a, %b : (tensor<2x3x8xf32>, tensor<2x4x8xf32>) -> tensor<2x7x8xf32>
  %s = jepa.slice_tokens %c {offset = 2} : (tensor<2x7x8xf32>) -> tensor<2x4x8xf32>
  %p = jepa.pad_tokens %s {offset = 1} : (tensor<2x4x8xf32>) -> tensor<2x7x8xf32>
  return %p : tensor<2x7x8xf32>
}

// The token id, read from the mask, is taken apart: 6 tokens a frame pair, 3 a row.
// CHECK-LABEL: func.func private @patchify_0(
// CHECK-SAME: %[[Y:[a-z0-9]+]]: memref<2x5x24xf32> {{[^%]*}} %[[CLIP:[a-z0-9]+]]: memref<2x3x4x4x6xf32> {{[^%]*}} %[[MASK:[a-z0-9]+]]: memref<2x5xi32>
// CHECK-DAG: %[[C6:.*]] = arith.constant 6 : index
// CHECK-DAG: %[[C3:.*]] = arith.constant 3 : index
// CHECK: memref.load %[[MASK]]
// CHECK: %[[TOKEN:.*]] = arith.index_cast
// CHECK: arith.divui %[[TOKEN]], %[[C6]]
// CHECK: arith.divui %[[TOKEN]], %[[C3]]
// CHECK: arith.remui %[[TOKEN]], %[[C3]]
// CHECK: memref.load %[[CLIP]]

// CHECK-LABEL: func.func private @scatter_tokens_1(
// CHECK: arith.cmpi eq
// CHECK: scf.if
