// RUN: %jepa-opt %s --pass-pipeline='builtin.module(func.func(jepa-verify-plan))' --split-input-file --verify-diagnostics

func.func @no_offset(%arena: memref<512xi8>) {
  // expected-error @below {{has no offset: run jepa-plan-memory first}}
  %a = jepa.buffer %arena {kind = "temporary"} : memref<512xi8> -> memref<64xf32>
  memref.copy %a, %a : memref<64xf32> to memref<64xf32>
  return
}

// -----

func.func @beyond(%arena: memref<512xi8>) {
  // expected-error @below {{ends at byte 576, beyond its arena 'memref<512xi8>'}}
  %a = jepa.buffer %arena {kind = "temporary", offset = 320 : i64} : memref<512xi8> -> memref<64xf32>
  memref.copy %a, %a : memref<64xf32> to memref<64xf32>
  return
}

// -----

// A name makes a buffer live for the whole run, whoever touches it.
func.func @named(%arena: memref<512xi8>) {
  // expected-note @below {{the other buffer, at offset 0}}
  %w = jepa.buffer %arena {kind = "parameter", name = "w", offset = 0 : i64} : memref<512xi8> -> memref<64xf32>
  // expected-error @below {{shares bytes with a buffer that is live at the same time}}
  %a = jepa.buffer %arena {kind = "temporary", offset = 128 : i64} : memref<512xi8> -> memref<32xf32>
  memref.copy %a, %a : memref<32xf32> to memref<32xf32>
  return
}
