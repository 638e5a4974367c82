// RUN: %jepa-opt %s --jepa-lower-to-kernels=target=cuda --split-input-file --verify-diagnostics

func.func @jepa_run(%x: tensor<2x4x8xf64> {jepa.name = "x"}) -> (tensor<2x4x8xf64> {jepa.name = "y"}) {
  // expected-error @below {{the cuda target takes f32 and bf16; use --target reference for f64}}
  %0 = jepa.gelu %x : tensor<2x4x8xf64>
  return %0 : tensor<2x4x8xf64>
}

// -----

func.func @gradients(%x: tensor<2x4x8xf32>) {
  // expected-error @below {{has no kernels for target 'cuda'}}
  jepa.gradient "w", %x : tensor<2x4x8xf32>
  return
}

// -----

func.func @sizes(%x: tensor<2x3x48xf8E4M3FN>, %w: tensor<48x48xbf16>) -> tensor<2x3x48xbf16> {
  // expected-error @below {{in e4m3 has sizes that are multiples of 16 on the cuda target, found 6 x 48 x 48}}
  %0 = jepa.linear %x, %w : (tensor<2x3x48xf8E4M3FN>, tensor<48x48xbf16>) -> tensor<2x3x48xbf16>
  return %0 : tensor<2x3x48xbf16>
}
