// RUN: %jepa-opt %s --jepa-verify-phase=phase=gradient --split-input-file --verify-diagnostics

func.func @gradient(%g: tensor<48xf32>) {
  // expected-error @below {{is a gradient that no optimiser took, which must not be there at the end of phase 'gradient'}}
  jepa.gradient "w", %g : tensor<48xf32>
  return
}

// -----

func.func @read_after_update(%g: tensor<48xf32>, %n: tensor<f32>, %hyper: tensor<9xf32>) -> tensor<48xf32> {
  // expected-note @below {{the update}}
  jepa.adamw "w", %g, %hyper norm %n {decay = true} : tensor<48xf32>, tensor<9xf32>, tensor<f32>
  // expected-error @below {{stands after an update, so it may see a parameter that has changed}}
  %w = jepa.parameter "w" {init = "zeros"} : tensor<48xf32>
  return %w : tensor<48xf32>
}

// -----

func.func @teacher_first(%g: tensor<48xf32>, %n: tensor<f32>, %hyper: tensor<9xf32>) {
  // expected-note @below {{the update}}
  jepa.ema "t" of "w", %hyper {shape = array<i64: 48>} : tensor<9xf32>
  // expected-error @below {{stands after an update, so it may see a parameter that has changed}}
  jepa.adamw "w", %g, %hyper norm %n {decay = true} : tensor<48xf32>, tensor<9xf32>, tensor<f32>
  return
}
