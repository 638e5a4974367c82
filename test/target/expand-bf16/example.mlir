// RUN: %jepa-opt %s --jepa-expand-bf16 | FileCheck %s

// Half of the last place, and one more where the last bit that stays is set, is added before the rest is cut off.
// CHECK-LABEL: func.func @round(
// CHECK-NOT: truncf
// CHECK: arith.bitcast %{{.*}} : vector<8xf32> to vector<8xi32>
// CHECK: arith.trunci %{{.*}} : vector<8xi32> to vector<8xi16>
// CHECK: arith.bitcast %{{.*}} : vector<8xi16> to vector<8xbf16>
func.func @round(%x: vector<8xf32>) -> vector<8xbf16> {
  %y = arith.truncf %x : vector<8xf32> to vector<8xbf16>
  return %y : vector<8xbf16>
}

// CHECK-LABEL: func.func @widen(
// CHECK-NOT: extf
// CHECK: arith.shli
func.func @widen(%x: vector<8xbf16>) -> vector<8xf32> {
  %y = arith.extf %x : vector<8xbf16> to vector<8xf32>
  return %y : vector<8xf32>
}

// Conversions between other types are left to the processor.
// CHECK-LABEL: func.func @double(
// CHECK: arith.truncf %{{.*}} : f64 to f32
func.func @double(%x: f64) -> f32 {
  %y = arith.truncf %x : f64 to f32
  return %y : f32
}
