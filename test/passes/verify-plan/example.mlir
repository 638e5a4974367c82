// RUN: %jepa-opt %s --pass-pipeline='builtin.module(func.func(jepa-verify-plan))' --split-input-file --verify-diagnostics

func.func @overlap(%arena: memref<512xi8>) {
  // expected-note @below {{the other buffer, at offset 0}}
  %a = jepa.buffer %arena {kind = "temporary", offset = 0 : i64} : memref<512xi8> -> memref<64xf32>
  // expected-error @below {{shares bytes with a buffer that is live at the same time}}
  %b = jepa.buffer %arena {kind = "temporary", offset = 192 : i64} : memref<512xi8> -> memref<64xf32>
  memref.copy %a, %b : memref<64xf32> to memref<64xf32>
  return
}
