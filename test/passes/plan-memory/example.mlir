// RUN: %jepa-opt %s --jepa-plan-memory | FileCheck %s
// RUN: %jepa-opt %s --pass-pipeline='builtin.module(jepa-plan-memory,func.func(jepa-verify-plan))' -o %t

// The weight lives for the whole run; %a and %c are never live together and share bytes; %b overlaps both.
// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[ARENA:.*]]: memref<768xi8>)
func.func @step(%arena: memref<?xi8>) {
  // CHECK: jepa.buffer %[[ARENA]] {kind = "parameter", name = "w", offset = 0 : i64}
  %w = jepa.buffer %arena {kind = "parameter", name = "w"} : memref<?xi8> -> memref<64xf32>
  // CHECK: jepa.buffer %[[ARENA]] {kind = "temporary", offset = 256 : i64}
  %a = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<64xf32>
  // CHECK: jepa.buffer %[[ARENA]] {kind = "temporary", offset = 512 : i64}
  %b = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<64xf32>
  // CHECK: jepa.buffer %[[ARENA]] {kind = "temporary", offset = 256 : i64}
  %c = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<64xf32>
  memref.copy %w, %a : memref<64xf32> to memref<64xf32>
  memref.copy %a, %b : memref<64xf32> to memref<64xf32>
  memref.copy %b, %c : memref<64xf32> to memref<64xf32>
  memref.copy %c, %w : memref<64xf32> to memref<64xf32>
  return
}
