// Arithmetic is in f64 whatever the buffers hold; a value is rounded once, where it is stored.
// RUN: %jepa-opt %s --split-input-file --jepa-lower-to-kernels=target=reference | FileCheck %s

// CHECK-LABEL: func.func private @linear_0(
// CHECK: %[[SUM:.*]] = scf.for {{.*}} iter_args(%[[SO_FAR:.*]] = %{{.*}}) -> (f64)
// CHECK: %[[A:.*]] = arith.extf {{.*}} : f32 to f64
// CHECK: %[[B:.*]] = arith.extf {{.*}} : f32 to f64
// CHECK: %[[PRODUCT:.*]] = arith.mulf %[[A]], %[[B]] : f64
// CHECK: arith.addf %[[SO_FAR]], %[[PRODUCT]] : f64
// CHECK: %[[BIAS:.*]] = arith.extf
// CHECK: %[[Y:.*]] = arith.addf %[[SUM]], %[[BIAS]] : f64
// CHECK: arith.truncf %[[Y]] : f64 to f32
// CHECK-NOT: truncf
func.func @linear32(%x: tensor<2x4x8xf32>, %w: tensor<3x8xf32>, %b: tensor<3xf32>) -> tensor<2x4x3xf32> {
  %y = jepa.linear %x, %w bias %b : (tensor<2x4x8xf32>, tensor<3x8xf32>, tensor<3xf32>) -> tensor<2x4x3xf32>
  return %y : tensor<2x4x3xf32>
}

// -----

// CHECK-LABEL: func.func private @linear_0(
// CHECK-NOT: f32
// CHECK: return
func.func @linear64(%x: tensor<2x4x8xf64>, %w: tensor<3x8xf64>) -> tensor<2x4x3xf64> {
  %y = jepa.linear %x, %w : (tensor<2x4x8xf64>, tensor<3x8xf64>) -> tensor<2x4x3xf64>
  return %y : tensor<2x4x3xf64>
}

// -----

// e4m3: both operands are rounded first, with the scale of their largest size; the product is the same as ever.

// CHECK: jepa.launch @e4m3_round_2(%[[X:[0-9]+]], %{{.*}} : memref<8x16xf64>
// CHECK: jepa.launch @e4m3_round_5(%[[W:[0-9]+]], %{{.*}} : memref<16x16xf64>
// CHECK: jepa.launch @linear_6(%{{.*}}, %[[X]], %[[W]])
// CHECK-LABEL: func.func private @e4m3_largest_0(
// CHECK: math.absf
// CHECK: arith.maxnumf
// CHECK-LABEL: func.func private @e4m3_scale_1(
// CHECK: %[[MOST:.*]] = arith.constant 4.480000e+02 : f64
// CHECK: arith.divf %{{.*}}, %[[MOST]]
// CHECK-LABEL: func.func private @e4m3_round_2(
// CHECK: arith.constant 9218868437227405312 : i64
// CHECK: arith.constant 0x4338000000000000 : f64
func.func @e4m3(%x: tensor<2x4x16xbf16>, %w: tensor<16x16xbf16>) -> tensor<2x4x16xbf16> {
  %y = jepa.linear %x, %w {e4m3} : (tensor<2x4x16xbf16>, tensor<16x16xbf16>) -> tensor<2x4x16xbf16>
  return %y : tensor<2x4x16xbf16>
}
