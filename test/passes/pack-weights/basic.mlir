// RUN: %jepa-opt %s --jepa-pack-weights --split-input-file | FileCheck %s
// RUN: %jepa-opt %s --jepa-pack-weights --split-input-file --jepa-pass-report=text 2>&1 | FileCheck %s --check-prefix=REPORT

// Two layers share a function; the weight reaches its product through a view.
// REPORT: 1 products_packed
// REPORT-NEXT: 2 weights_packed
// CHECK-LABEL: func.func private @layer
// CHECK: jepa.gemm %{{.*}} packed {
func.func private @layer(%arena: memref<?xi8>, %y: memref<10x32xf32>, %x: memref<10x24xf32>, %w: memref<32x2x12xf32>) {
  %m = memref.collapse_shape %w [[0], [1, 2]] : memref<32x2x12xf32> into memref<32x24xf32>
  %s = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<4096xi8>
  jepa.gemm %y, %x, %m scratch %s {m = 10, n = 32, k = 24, lda = 24, ldb = 24, ldc = 32, transA = false, transB = true}
    : memref<10x32xf32>, memref<10x24xf32>, memref<32x24xf32>, memref<4096xi8>
  return
}
// CHECK-LABEL: func.func @jepa_run
// CHECK: packed = array<i64: 32, 24, 1>}, kind = "parameter", name = "a"
// CHECK: packed = array<i64: 32, 24, 1>}, kind = "parameter", name = "b"
func.func @jepa_run(%arena: memref<?xi8>) {
  %a = jepa.buffer %arena {kind = "parameter", name = "a"} : memref<?xi8> -> memref<32x2x12xf32>
  %b = jepa.buffer %arena {kind = "parameter", name = "b"} : memref<?xi8> -> memref<32x2x12xf32>
  %x = jepa.buffer %arena {kind = "input", name = "x"} : memref<?xi8> -> memref<10x24xf32>
  %y = jepa.buffer %arena {kind = "output", name = "y"} : memref<?xi8> -> memref<10x32xf32>
  call @layer(%arena, %y, %x, %a) : (memref<?xi8>, memref<10x32xf32>, memref<10x24xf32>, memref<32x2x12xf32>) -> ()
  call @layer(%arena, %y, %x, %b) : (memref<?xi8>, memref<10x32xf32>, memref<10x24xf32>, memref<32x2x12xf32>) -> ()
  return
}

// -----

// One caller passes what is no parameter: the shared product takes plain weights, and so do all callers.
// CHECK-LABEL: func.func private @shared
// CHECK-NOT: packed
func.func private @shared(%arena: memref<?xi8>, %y: memref<8x8xf32>, %x: memref<8x8xf32>, %w: memref<8x8xf32>) {
  %s = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<64xi8>
  jepa.gemm %y, %x, %w scratch %s {m = 8, n = 8, k = 8, lda = 8, ldb = 8, ldc = 8, transA = false, transB = false}
    : memref<8x8xf32>, memref<8x8xf32>, memref<8x8xf32>, memref<64xi8>
  return
}
func.func @jepa_run(%arena: memref<?xi8>) {
  %a = jepa.buffer %arena {kind = "parameter", name = "a"} : memref<?xi8> -> memref<8x8xf32>
  %x = jepa.buffer %arena {kind = "input", name = "x"} : memref<?xi8> -> memref<8x8xf32>
  %y = jepa.buffer %arena {kind = "output", name = "y"} : memref<?xi8> -> memref<8x8xf32>
  call @shared(%arena, %y, %x, %a) : (memref<?xi8>, memref<8x8xf32>, memref<8x8xf32>, memref<8x8xf32>) -> ()
  call @shared(%arena, %y, %x, %x) : (memref<?xi8>, memref<8x8xf32>, memref<8x8xf32>, memref<8x8xf32>) -> ()
  return
}

// -----

// Read in both directions, as the left operand, with gaps, or by a kernel: left as they are.
// CHECK-LABEL: func.func private @kernel
func.func private @kernel(%begin: index, %end: index, %thread: index, %w: memref<8x8xf32>) {
  return
}
// CHECK-LABEL: func.func @jepa_run
// CHECK-NOT: packed
func.func @jepa_run(%arena: memref<?xi8>) {
  %both = jepa.buffer %arena {kind = "parameter", name = "both"} : memref<?xi8> -> memref<8x8xf32>
  %left = jepa.buffer %arena {kind = "parameter", name = "left"} : memref<?xi8> -> memref<8x8xf32>
  %gaps = jepa.buffer %arena {kind = "parameter", name = "gaps"} : memref<?xi8> -> memref<8x8xf32>
  %read = jepa.buffer %arena {kind = "parameter", name = "read"} : memref<?xi8> -> memref<8x8xf32>
  %y = jepa.buffer %arena {kind = "output", name = "y"} : memref<?xi8> -> memref<8x8xf32>
  %s = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<64xi8>
  jepa.gemm %y, %left, %both scratch %s {m = 8, n = 8, k = 8, lda = 8, ldb = 8, ldc = 8, transA = false, transB = false}
    : memref<8x8xf32>, memref<8x8xf32>, memref<8x8xf32>, memref<64xi8>
  jepa.gemm %y, %left, %both scratch %s {m = 8, n = 8, k = 8, lda = 8, ldb = 8, ldc = 8, transA = false, transB = true}
    : memref<8x8xf32>, memref<8x8xf32>, memref<8x8xf32>, memref<64xi8>
  jepa.gemm %y, %left, %gaps scratch %s {m = 8, n = 4, k = 8, lda = 8, ldb = 8, ldc = 8, transA = false, transB = false}
    : memref<8x8xf32>, memref<8x8xf32>, memref<8x8xf32>, memref<64xi8>
  jepa.gemm %y, %left, %read scratch %s {m = 8, n = 8, k = 8, lda = 8, ldb = 8, ldc = 8, transA = false, transB = false}
    : memref<8x8xf32>, memref<8x8xf32>, memref<8x8xf32>, memref<64xi8>
  jepa.launch @kernel(%read) {count = 8, grain = 8, writes = 0} : memref<8x8xf32>
  return
}
