// RUN: %jepa-opt %s | %jepa-opt | FileCheck %s

func.func private @gelu(index, index, index, memref<128x192xf32>, memref<128x192xf32>)

// CHECK-LABEL: func.func @kernels
func.func @kernels(%arena: memref<?xi8>) {
  // CHECK: jepa.buffer %{{.*}} {kind = "temporary", offset = 4096 : i64} : memref<?xi8> -> memref<128x192xf32>
  %t = jepa.buffer %arena {kind = "temporary", offset = 4096 : i64} : memref<?xi8> -> memref<128x192xf32>
  // CHECK: jepa.buffer %{{.*}} {info = {init = "ones"}, kind = "parameter", name = "encoder.norm.weight"}
  %p = jepa.buffer %arena {kind = "parameter", name = "encoder.norm.weight", info = {init = "ones"}} : memref<?xi8> -> memref<192xf32>
  %w = jepa.buffer %arena {kind = "parameter", name = "w"} : memref<?xi8> -> memref<192x192xf32>
  %o = jepa.buffer %arena {kind = "output", name = "o"} : memref<?xi8> -> memref<128x192xf32>
  %s = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<4096xi8>
  // CHECK: jepa.launch @gelu(%{{.*}}, %{{.*}}) {count = 128 : i64, grain = 16 : i64, writes = 1 : i64} : memref<128x192xf32>, memref<128x192xf32>
  jepa.launch @gelu(%o, %t) {count = 128, grain = 16, writes = 1} : memref<128x192xf32>, memref<128x192xf32>
  // CHECK: jepa.gemm %{{.*}}, %{{.*}}, %{{.*}} scratch %{{[a-z0-9]+}} {
  jepa.gemm %o, %t, %w scratch %s {m = 128, n = 192, k = 192, lda = 192, ldb = 192, ldc = 192, transA = false, transB = true}
    : memref<128x192xf32>, memref<128x192xf32>, memref<192x192xf32>, memref<4096xi8>
  // CHECK: jepa.gemm %{{.*}}, %{{.*}}, %{{.*}} scratch %{{.*}} bias %{{.*}} {
  jepa.gemm %o, %t, %w scratch %s bias %p {m = 128, n = 192, k = 192, lda = 192, ldb = 192, ldc = 192, transA = false, transB = true}
    : memref<128x192xf32>, memref<128x192xf32>, memref<192x192xf32>, memref<4096xi8>, memref<192xf32>
  // CHECK: jepa.gemm %{{.*}}, %{{.*}}, %{{.*}} scratch %{{.*}} bias %{{.*}} packed epilogue @gelu(%{{.*}}, %{{.*}}) {epilogueColumns = 192 : i64, epilogueRows = 32 : i64,
  // CHECK-SAME: memref<192xf32> epilogue memref<128x192xf32>, memref<128x192xf32>
  jepa.gemm %o, %t, %w scratch %s bias %p packed epilogue @gelu(%t, %o) {epilogueRows = 32, epilogueColumns = 192, m = 128,
    n = 192, k = 192, lda = 192, ldb = 192, ldc = 192, transA = false, transB = true}
    : memref<128x192xf32>, memref<128x192xf32>, memref<192x192xf32>, memref<4096xi8>, memref<192xf32>
      epilogue memref<128x192xf32>, memref<128x192xf32>
  return
}
