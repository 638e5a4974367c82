// RUN: %jepa-opt %s --jepa-mixed-precision --split-input-file --verify-diagnostics

func.func @double(%x: tensor<2x4x8xf64>, %w: tensor<8x8xf64>) -> tensor<2x4x8xf64> {
  // expected-error@+1 {{'jepa.linear' op computes in f64: mixed precision begins with f32, so leave jepa-mixed-precision out}}
  %0 = jepa.linear %x, %w : (tensor<2x4x8xf64>, tensor<8x8xf64>) -> tensor<2x4x8xf64>
  return %0 : tensor<2x4x8xf64>
}

// -----

// expected-error@+1 {{has several blocks: precision is chosen in straight-line functions}}
func.func @branches(%x: tensor<4xf32>) -> tensor<4xf32> {
  llvm.br ^end
^end:
  return %x : tensor<4xf32>
}
