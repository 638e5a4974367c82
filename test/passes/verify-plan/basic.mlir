// RUN: %jepa-opt %s --pass-pipeline='builtin.module(func.func(jepa-verify-plan))' --verify-diagnostics

// One after the other in time: the same bytes are fine.
func.func @turns(%arena: memref<512xi8>) {
  %a = jepa.buffer %arena {kind = "temporary", offset = 0 : i64} : memref<512xi8> -> memref<64xf32>
  %b = jepa.buffer %arena {kind = "temporary", offset = 256 : i64} : memref<512xi8> -> memref<64xf32>
  %c = jepa.buffer %arena {kind = "temporary", offset = 0 : i64} : memref<512xi8> -> memref<64xf32>
  memref.copy %a, %b : memref<64xf32> to memref<64xf32>
  memref.copy %b, %c : memref<64xf32> to memref<64xf32>
  return
}
