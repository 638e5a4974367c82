// RUN: %jepa-opt %s --jepa-verify-phase=phase=kernels --split-input-file --verify-diagnostics

func.func @model_op(%x: tensor<2x48xf32>) -> tensor<2x48xf32> {
  // expected-error @below {{is an op on tensors, which must not be there at the end of phase 'kernels'}}
  %0 = jepa.gelu %x : tensor<2x48xf32>
  return %0 : tensor<2x48xf32>
}

// -----

func.func @tensor(%x: tensor<2x48xf32>) -> tensor<2x48xf32> {
  // expected-error @below {{still has a tensor after lowering to kernels}}
  return %x : tensor<2x48xf32>
}
