// RUN: %jepa-opt %s --jepa-lower-to-kernels --split-input-file --verify-diagnostics

// expected-error @below {{argument #1 has no 'jepa.name'}}
func.func @jepa_run(%x: tensor<2x4x8xf32> {jepa.name = "x"}, %y: tensor<2x4x8xf32>) {
  return
}

// -----

// expected-error @below {{result #0 has no 'jepa.name'}}
func.func @jepa_run(%x: tensor<2x4x8xf32> {jepa.name = "x"}) -> tensor<2x4x8xf32> {
  return %x : tensor<2x4x8xf32>
}

// -----

func.func @layer(%x: tensor<2x4x8xf32>) -> tensor<2x4x8xf32> {
  // expected-error @below {{must be in 'jepa_run', not in an outlined layer}}
  jepa.tap %x {name = "x"} : tensor<2x4x8xf32>
  return %x : tensor<2x4x8xf32>
}

// -----

func.func @gradients(%x: tensor<2x4x8xf32>) {
  // expected-error @below {{has no kernels for target 'reference'}}
  jepa.gradient "w", %x : tensor<2x4x8xf32>
  return
}
