// RUN: %jepa-opt %s --jepa-lower-to-kernels=target=cpu --canonicalize --cse --split-input-file | FileCheck %s

// What follows a product place by place runs inside it, on parts of some columns. GELU's input is kept here.

// CHECK-LABEL: func.func @jepa_run
// CHECK: %[[H:.*]] = jepa.buffer {{.*}}name = "h"
// CHECK: %[[Y:.*]] = jepa.buffer {{.*}}name = "y"
// CHECK: jepa.gemm %[[H]], %{{.*}} epilogue @gelu_0(%[[Y]], %[[H]]) {epilogueColumns = 256 : i64, epilogueRows = 32 : i64,
// CHECK-NOT: jepa.launch
// CHECK: func.func private @gelu_0(
// CHECK: memref.prefetch
// CHECK: math.erf {{.*}} : vector<64xf32>
func.func @jepa_run(%x: tensor<40x96xf32> {jepa.name = "x"}, %w: tensor<384x96xf32> {jepa.name = "w"})
    -> (tensor<40x384xf32> {jepa.name = "h"}, tensor<40x384xf32> {jepa.name = "y"}) {
  %h, %y = jepa.fused(%x, %w) {
  ^bb0(%0: tensor<40x96xf32>, %1: tensor<384x96xf32>):
    %2 = jepa.linear %0, %1 : (tensor<40x96xf32>, tensor<384x96xf32>) -> tensor<40x384xf32>
    %3 = jepa.gelu %2 : tensor<40x384xf32>
    jepa.yield %2, %3 : tensor<40x384xf32>, tensor<40x384xf32>
  } : (tensor<40x96xf32>, tensor<384x96xf32>) -> (tensor<40x384xf32>, tensor<40x384xf32>)
  return %h, %y : tensor<40x384xf32>, tensor<40x384xf32>
}

// -----

// A norm needs rows as a whole. The product, which nothing else reads, stands where the sum will: in f32, and rounded to
// bf16 as it is read.

// CHECK-LABEL: func.func @jepa_run
// CHECK: %[[S:.*]] = jepa.buffer {{.*}}name = "s"{{.*}} memref<40x384xf32>
// CHECK: jepa.gemm %[[S]], %{{.*}} epilogue @add_layer_norm_0(%[[S]], %{{.*}}, %{{.*}}) {epilogueColumns = 384 : i64, epilogueRows = 32 : i64,
// CHECK-SAME: : memref<40x384xf32>, memref<40x96xbf16>, memref<384x96xbf16>
// CHECK: func.func private @add_layer_norm_0(
// CHECK: %[[SUM:.*]] = vector.load
// CHECK: arith.truncf
// CHECK: arith.extf
// CHECK: arith.addf
func.func @jepa_run(%x: tensor<40x96xbf16> {jepa.name = "x"}, %w: tensor<384x96xbf16> {jepa.name = "w"},
                    %r: tensor<40x384xf32> {jepa.name = "r"})
    -> (tensor<40x384xf32> {jepa.name = "s"}, tensor<40x384xbf16> {jepa.name = "y"}) {
  %s, %y = jepa.fused(%x, %w, %r) {
  ^bb0(%0: tensor<40x96xbf16>, %1: tensor<384x96xbf16>, %2: tensor<40x384xf32>):
    %3 = jepa.linear %0, %1 : (tensor<40x96xbf16>, tensor<384x96xbf16>) -> tensor<40x384xbf16>
    %4 = jepa.add %2, %3 : (tensor<40x384xf32>, tensor<40x384xbf16>) -> tensor<40x384xf32>
    %5 = jepa.layer_norm %4 {eps = 1.0e-06} : (tensor<40x384xf32>) -> tensor<40x384xbf16>
    jepa.yield %4, %5 : tensor<40x384xf32>, tensor<40x384xbf16>
  } : (tensor<40x96xbf16>, tensor<384x96xbf16>, tensor<40x384xf32>) -> (tensor<40x384xf32>, tensor<40x384xbf16>)
  return %s, %y : tensor<40x384xf32>, tensor<40x384xbf16>
}

// -----

// Sums over rows have a partial sum for each chunk of rows; the sum of those is a launch of its own. The scaled rows cannot
// take the product's place: the relu reads that later.

// CHECK-LABEL: func.func @jepa_run
// CHECK: jepa.gemm %[[C:[^ ,]*]], %{{.*}} epilogue @scale_relu_cast_sum_to_0(%{{.*}}, %{{.*}}, %{{.*}}, %[[C]]) {{.*}} epilogue memref<40x48xf32>, memref<40x48xbf16>, memref<1x2x48xf32>, memref<40x48xf32>
// CHECK: jepa.launch @sum_chunks_1
func.func @jepa_run(%x: tensor<40x96xf32> {jepa.name = "x"}, %w: tensor<48x96xf32> {jepa.name = "w"})
    -> (tensor<40x48xf32> {jepa.name = "s"}, tensor<40x48xbf16> {jepa.name = "y"}, tensor<48xf32> {jepa.name = "b"}) {
  %s, %y, %b = jepa.fused(%x, %w) {
  ^bb0(%0: tensor<40x96xf32>, %1: tensor<48x96xf32>):
    %2 = jepa.linear %0, %1 : (tensor<40x96xf32>, tensor<48x96xf32>) -> tensor<40x48xf32>
    %3 = jepa.scale %2 {factor = 2.0} : tensor<40x48xf32>
    %4 = jepa.relu %2 : tensor<40x48xf32>
    %5 = jepa.cast %4 : (tensor<40x48xf32>) -> tensor<40x48xbf16>
    %6 = jepa.sum_to %3 : (tensor<40x48xf32>) -> tensor<48xf32>
    jepa.yield %3, %5, %6 : tensor<40x48xf32>, tensor<40x48xbf16>, tensor<48xf32>
  } : (tensor<40x96xf32>, tensor<48x96xf32>) -> (tensor<40x48xf32>, tensor<40x48xbf16>, tensor<48xf32>)
  return %s, %y, %b : tensor<40x48xf32>, tensor<40x48xbf16>, tensor<48xf32>
}
