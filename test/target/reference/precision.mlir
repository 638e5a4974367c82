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

// e4m3: x is rounded as it is stored, the weight with the scale of its largest size, which the sum is multiplied by.

// CHECK: %[[X:.*]] = jepa.buffer %{{.*}} memref<2x4x16xf8E4M3FN>
// CHECK: jepa.launch @cast_0(%{{.*}}, %{{.*}})
// CHECK: jepa.launch @e4m3_round_3(%[[W:[0-9]+]], %{{.*}} : memref<16x16xf8E4M3FN>
// CHECK: jepa.launch @linear_4(%{{.*}}, %{{.*}}, %[[W]], %{{.*}})
// CHECK-LABEL: func.func private @cast_0(
// CHECK: %[[MOST:.*]] = arith.constant 4.480000e+02 : f32
// CHECK: arith.truncf {{.*}} : f32 to f8E4M3FN
// CHECK-LABEL: func.func private @e4m3_largest_1(
// CHECK: math.absf
// CHECK: arith.maxnumf
// CHECK-LABEL: func.func private @e4m3_scale_2(
// CHECK: %[[MOST:.*]] = arith.constant 4.480000e+02 : f64
// CHECK: arith.divf %{{.*}}, %[[MOST]]
// CHECK-LABEL: func.func private @linear_4(
// CHECK: arith.extf {{.*}} : f8E4M3FN to f32
func.func @e4m3(%x: tensor<2x4x16xbf16>, %w: tensor<16x16xbf16>) -> tensor<2x4x16xbf16> {
  %0 = jepa.cast %x : (tensor<2x4x16xbf16>) -> tensor<2x4x16xf8E4M3FN>
  %y = jepa.linear %0, %w : (tensor<2x4x16xf8E4M3FN>, tensor<16x16xbf16>) -> tensor<2x4x16xbf16>
  return %y : tensor<2x4x16xbf16>
}
