// RUN: %jepa-opt %s --jepa-lower-to-kernels=target=cpu --jepa-plan-memory --jepa-kernels-to-llvm | FileCheck %s

// Multiply-adds and roots of vectors stay instructions: a call per lane would be a hundred times slower.

// CHECK-NOT: @fmaf
// CHECK: llvm.intr.fma({{.*}}) : (vector<64xf32>, vector<64xf32>, vector<64xf32>) -> vector<64xf32>
// CHECK-NOT: @fmaf
func.func @jepa_run(%x: tensor<4x64xf32> {jepa.name = "x"}) -> (tensor<4x64xf32> {jepa.name = "y"}) {
  %y = jepa.scale %x {factor = 2.0, offset = 1.0} : tensor<4x64xf32>
  return %y : tensor<4x64xf32>
}
