// RUN: %jepa-opt %s --jepa-pack-weights | FileCheck %s

// A weight that its products read alone is packed in place, and they need less scratch from then on.
// CHECK-LABEL: func.func @jepa_run
func.func @jepa_run(%arena: memref<?xi8>) {
  // CHECK: %[[W:.*]] = jepa.buffer %{{.*}} {info = {init = "zeros", packed = array<i64: 144, 48, 1>}, kind = "parameter", name = "w"}
  %w = jepa.buffer %arena {info = {init = "zeros"}, kind = "parameter", name = "w"} : memref<?xi8> -> memref<144x48xbf16>
  %x = jepa.buffer %arena {kind = "input", name = "x"} : memref<?xi8> -> memref<10x48xbf16>
  %y = jepa.buffer %arena {kind = "output", name = "y"} : memref<?xi8> -> memref<10x144xbf16>
  %s = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<4096xi8>
  // CHECK: jepa.gemm %{{.*}}, %{{.*}}, %[[W]] scratch %{{.*}} packed {k = 48
  jepa.gemm %y, %x, %w scratch %s {m = 10, n = 144, k = 48, lda = 48, ldb = 48, ldc = 144, transA = false, transB = true}
    : memref<10x144xbf16>, memref<10x48xbf16>, memref<144x48xbf16>, memref<4096xi8>
  return
}
