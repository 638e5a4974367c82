// RUN: %jepa-opt %s --jepa-pack-weights --split-input-file --verify-diagnostics

func.func @jepa_run(%arena: memref<?xi8>) {
  // expected-error @below {{has its place already: weights are packed before memory is planned}}
  %w = jepa.buffer %arena {kind = "parameter", name = "w", offset = 64 : i64} : memref<?xi8> -> memref<8xf32>
  return
}
