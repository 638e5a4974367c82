// RUN: %jepa-opt %s --jepa-approximate-math | FileCheck %s

// Vectors of f32 get polynomials.
// CHECK-LABEL: func.func @vectors(
// CHECK-NOT: math.exp
// CHECK-NOT: math.erf
// CHECK-NOT: math.log
// CHECK: return
func.func @vectors(%x: vector<16xf32>) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>) {
  %0 = math.exp %x : vector<16xf32>
  %1 = math.erf %x : vector<16xf32>
  %2 = math.log %x : vector<16xf32>
  return %0, %1, %2 : vector<16xf32>, vector<16xf32>, vector<16xf32>
}

// Scalars call the C library, f64 keeps its precision, and other functions have instructions.
// CHECK-LABEL: func.func @left_alone(
// CHECK: math.exp %{{.*}} : f32
// CHECK: math.erf %{{.*}} : vector<8xf64>
// CHECK: math.sqrt %{{.*}} : vector<16xf32>
func.func @left_alone(%x: f32, %y: vector<8xf64>, %z: vector<16xf32>) -> (f32, vector<8xf64>, vector<16xf32>) {
  %0 = math.exp %x : f32
  %1 = math.erf %y : vector<8xf64>
  %2 = math.sqrt %z : vector<16xf32>
  return %0, %1, %2 : f32, vector<8xf64>, vector<16xf32>
}
