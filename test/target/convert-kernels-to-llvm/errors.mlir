// RUN: %jepa-opt %s --jepa-convert-kernels-to-llvm --split-input-file --verify-diagnostics

func.func @jepa_run(%arena: memref<64xi8>) {
  // expected-error @+2 {{has no offset: run jepa-plan-memory first}}
  // expected-error @+1 {{failed to legalize operation 'jepa.buffer'}}
  %a = jepa.buffer %arena {kind = "input", name = "x"} : memref<64xi8> -> memref<8xf32>
  return
}

// -----

// What is left of the graph has no meaning here.
func.func @jepa_run(%arena: memref<64xi8>) {
  // expected-error @+1 {{failed to legalize operation 'jepa.constant'}}
  %one = jepa.constant {value = 1.0} : tensor<f32>
  return
}
