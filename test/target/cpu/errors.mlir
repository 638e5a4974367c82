// RUN: %jepa-opt %s --jepa-lower-to-kernels=target=cpu --split-input-file --verify-diagnostics

func.func @jepa_run(%x: tensor<2x4xf64> {jepa.name = "x"}) -> (tensor<2x4xf64> {jepa.name = "y"}) {
  // expected-error @+1 {{the cpu target takes f32 and bf16; use --target reference for f64}}
  %0 = jepa.gelu %x : tensor<2x4xf64>
  return %0 : tensor<2x4xf64>
}

// -----

func.func @jepa_run(%x: tensor<2x4xf64> {jepa.name = "x"}, %w: tensor<3x4xf64> {jepa.name = "w"})
    -> (tensor<2x3xf64> {jepa.name = "y"}) {
  // expected-error @+1 {{the cpu target takes f32 and bf16; use --target reference for f64}}
  %0 = jepa.linear %x, %w : (tensor<2x4xf64>, tensor<3x4xf64>) -> tensor<2x3xf64>
  return %0 : tensor<2x3xf64>
}
