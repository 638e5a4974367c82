// RUN: %jepa-opt %s --split-input-file --verify-diagnostics --jepa-lower-to-kernels=target=reference

func.func @half(%x: tensor<2x4x8xbf16>) -> tensor<2x4x8xbf16> {
  // expected-error @+1 {{'jepa.gelu' op has no reference kernel for 'bf16': use f32 or f64}}
  %y = jepa.gelu %x : tensor<2x4x8xbf16>
  return %y : tensor<2x4x8xbf16>
}

// -----

func.func @half_gradient(%g: tensor<8xbf16>, %hyper: tensor<9xf32>, %n: tensor<f32>) {
  // expected-error @+1 {{'jepa.adamw' op has no reference kernel for 'bf16': use f32 or f64}}
  jepa.adamw "w", %g, %hyper norm %n {decay = false} : tensor<8xbf16>, tensor<9xf32>, tensor<f32>
  return
}
