// RUN: %jepa-opt %s | %jepa-opt | FileCheck %s

emitc.func @gelu(%y: !emitc.ptr<!emitc.opaque<"bf16">>, %x: !emitc.ptr<!emitc.opaque<"bf16">>) {
  emitc.return
}
emitc.func @adamw(%arena: !emitc.ptr<!emitc.opaque<"unsigned char">>, %hyper: !emitc.ptr<!emitc.opaque<"float">>) {
  emitc.return
}

// CHECK-LABEL: func.func @kernels
func.func @kernels(%y: memref<128x192xbf16>, %x: memref<128x192xbf16>, %p: memref<48xf32>, %hyper: memref<9xf32>) {
  // CHECK: jepa.device_launch @gelu(%{{.*}}, %{{.*}}) {grid = array<i64: 12, 1, 1>, writes = 1 : i64} : memref<128x192xbf16>, memref<128x192xbf16>
  jepa.device_launch @gelu(%y, %x) {grid = array<i64: 12, 1, 1>, writes = 1} : memref<128x192xbf16>, memref<128x192xbf16>
  // CHECK: jepa.device_launch @adamw(%{{.*}}) places(%{{.*}} : memref<48xf32>) {columns = 3 : i64, entry = "Place", grid = array<i64: 1, 1, 1>, table = array<i64: 0, -1, -50>, writes = 0 : i64} : memref<9xf32>
  jepa.device_launch @adamw(%hyper) places(%p : memref<48xf32>)
    {grid = array<i64: 1, 1, 1>, writes = 0, entry = "Place", columns = 3, table = array<i64: 0, -1, -50>} : memref<9xf32>
  return
}

// CHECK-LABEL: func.func @products
func.func @products(%c: memref<128x144xbf16>, %a: memref<128x48xbf16>, %b: memref<144x48xbf16>, %s: memref<4096xi8>,
                    %bias: memref<144xbf16>, %aux: memref<128x144xbf16>, %a8: memref<128x48xf8E4M3FN>, %b8: memref<144x48xf8E4M3FN>,
                    %scale: memref<f32>) {
  // CHECK: jepa.device_gemm %{{.*}}, %{{.*}}, %{{.*}} workspace %{{[a-z0-9]+}} {
  jepa.device_gemm %c, %a, %b workspace %s {m = 128, n = 144, k = 48, lda = 48, ldb = 48, ldc = 144, transA = false, transB = true}
    : memref<128x144xbf16>, memref<128x48xbf16>, memref<144x48xbf16>, memref<4096xi8>
  // CHECK: jepa.device_gemm {{.*}} workspace %{{.*}} bias %{{.*}} aux %{{.*}} {epilogue = "gelu"
  jepa.device_gemm %c, %a, %b workspace %s bias %bias aux %aux
    {epilogue = "gelu", m = 128, n = 144, k = 48, lda = 48, ldb = 48, ldc = 144, transA = false, transB = true}
    : memref<128x144xbf16>, memref<128x48xbf16>, memref<144x48xbf16>, memref<4096xi8> bias memref<144xbf16> aux memref<128x144xbf16>
  // CHECK: jepa.device_gemm {{.*}} scale %{{.*}} {
  jepa.device_gemm %c, %a8, %b8 workspace %s scale %scale
    {m = 128, n = 144, k = 48, lda = 48, ldb = 48, ldc = 144, transA = false, transB = true}
    : memref<128x144xbf16>, memref<128x48xf8E4M3FN>, memref<144x48xf8E4M3FN>, memref<4096xi8> scale memref<f32>
  return
}
