// RUN: %jepa-opt %s --jepa-lower-to-kernels=target=cpu --canonicalize --cse --split-input-file | FileCheck %s

// A width that the vector divides: full vectors alone. Equal layers share one kernel.

// CHECK-LABEL: func.func @jepa_run
// CHECK: jepa.launch @layer_norm_0
// CHECK: jepa.launch @layer_norm_0
// CHECK: func.func private @layer_norm_0(
// CHECK-NOT: maskedload
// CHECK: vector.load {{.*}} vector<16xf32>
// CHECK: vector.reduction <add>
// CHECK: vector.store
// CHECK-NOT: @layer_norm_1
func.func @jepa_run(%x: tensor<2x5x48xf32> {jepa.name = "x"}, %w: tensor<48xf32> {jepa.name = "w"},
                    %b: tensor<48xf32> {jepa.name = "b"}) -> (tensor<2x5x48xf32> {jepa.name = "y"}) {
  %0 = jepa.layer_norm %x weight %w bias %b {eps = 1.0e-06} : (tensor<2x5x48xf32>, tensor<48xf32>, tensor<48xf32>)
    -> tensor<2x5x48xf32>
  %1 = jepa.layer_norm %0 weight %w bias %b {eps = 1.0e-06} : (tensor<2x5x48xf32>, tensor<48xf32>, tensor<48xf32>)
    -> tensor<2x5x48xf32>
  return %1 : tensor<2x5x48xf32>
}

// -----

// An odd width: vectors of 64 and one masked tail of 37; the mask is a constant.

// CHECK-LABEL: func.func private @layer_norm_0({{.*}}memref<10x101xf32>
// CHECK: vector.load {{.*}} vector<64xf32>
// CHECK: %[[MASK:.*]] = vector.constant_mask [37] : vector<64xi1>
// CHECK: vector.maskedload {{.*}}, %[[MASK]]
// CHECK: vector.maskedstore {{.*}}, %[[MASK]]
func.func @jepa_run(%x: tensor<2x5x101xf32> {jepa.name = "x"}) -> (tensor<2x5x101xf32> {jepa.name = "y"}) {
  %0 = jepa.layer_norm %x {eps = 1.0e-06} : (tensor<2x5x101xf32>) -> tensor<2x5x101xf32>
  return %0 : tensor<2x5x101xf32>
}

// -----

// Elementwise ops see one long row, in chunks that no number of threads changes.

// CHECK: jepa.launch @gelu_0({{.*}}) {count = 17664 : i64, grain = 16384 : i64, writes = 1 : i64} : memref<17664xf32>
// CHECK: math.erf {{.*}} : vector<64xf32>
func.func @jepa_run(%x: tensor<2x92x96xf32> {jepa.name = "x"}) -> (tensor<2x92x96xf32> {jepa.name = "y"}) {
  %0 = jepa.gelu %x : tensor<2x92x96xf32>
  return %0 : tensor<2x92x96xf32>
}

// -----

// A long sum is cut into chunks of rows, whose partial sums are added in order.

// CHECK: jepa.launch @sum_rows_0({{.*}}) {count = 13 : i64, grain = 1 : i64, writes = 1 : i64} : memref<13x48xf32>, memref<400x48xf32>
// CHECK: jepa.launch @sum_columns_1
func.func @jepa_run(%x: tensor<4x100x48xf32> {jepa.name = "x"}) -> (tensor<48xf32> {jepa.name = "y"}) {
  %0 = jepa.sum_to %x : (tensor<4x100x48xf32>) -> tensor<48xf32>
  return %0 : tensor<48xf32>
}

// -----

// A group is one sweep over its rows: the sum is read again where it was just written, GELU's input never leaves registers.

// CHECK: jepa.launch @scale_gelu_add_layer_norm_0({{.*}}) {count = 10 : i64, {{.*}}writes = 2 : i64} : memref<10x48xf32>, memref<10x48xf32>, memref<10x48xf32>
// CHECK-NOT: jepa.launch
// CHECK: func.func private @scale_gelu_add_layer_norm_0(
// CHECK: math.erf {{.*}} : vector<16xf32>
// CHECK: vector.store
// CHECK: vector.reduction <add>
// CHECK: vector.store
func.func @jepa_run(%x: tensor<2x5x48xf32> {jepa.name = "x"})
    -> (tensor<2x5x48xf32> {jepa.name = "s"}, tensor<2x5x48xf32> {jepa.name = "y"}) {
  %s, %y = jepa.fused(%x) {
  ^bb0(%0: tensor<2x5x48xf32>):
    %1 = jepa.scale %0 {factor = 2.0} : tensor<2x5x48xf32>
    %2 = jepa.gelu %1 : tensor<2x5x48xf32>
    %3 = jepa.add %2, %0 : (tensor<2x5x48xf32>, tensor<2x5x48xf32>) -> tensor<2x5x48xf32>
    %4 = jepa.layer_norm %3 {eps = 1.0e-06} : (tensor<2x5x48xf32>) -> tensor<2x5x48xf32>
    jepa.yield %3, %4 : tensor<2x5x48xf32>, tensor<2x5x48xf32>
  } : (tensor<2x5x48xf32>) -> (tensor<2x5x48xf32>, tensor<2x5x48xf32>)
  return %s, %y : tensor<2x5x48xf32>, tensor<2x5x48xf32>
}
