// RUN: %jepa-opt %s --jepa-kernels-to-llvm | FileCheck %s

// A launch is a constant description and an array of addresses; a view's address is where it begins. A kernel that finds
// its buffers in a table gets the arena.

// CHECK-DAG: llvm.mlir.global internal constant @name.scale("scale\00")
// CHECK-DAG: llvm.mlir.global internal constant @launch.scale.12.1.1.128.512.2()
// CHECK-DAG: llvm.mlir.global internal constant @device_gemm
// CHECK-NOT: emitc
// CHECK: llvm.func @jepa_run(%[[ARENA:.*]]: !llvm.ptr
// CHECK: llvm.call @jepac_launch(
// CHECK: llvm.store %[[ARENA]]
// CHECK: llvm.call @jepac_launch(
// CHECK: llvm.call @jepac_device_gemm(
emitc.func @scale(%y: !emitc.ptr<!emitc.opaque<"float">>, %x: !emitc.ptr<!emitc.opaque<"float">>) {
  emitc.return
}
emitc.func @sweep(%arena: !emitc.ptr<!emitc.opaque<"unsigned char">>, %y: !emitc.ptr<!emitc.opaque<"float">>) {
  emitc.return
}
func.func @jepa_run(%arena: memref<8192xi8>) {
  %x = jepa.buffer %arena {kind = "input", name = "x", offset = 0 : i64} : memref<8192xi8> -> memref<12x24xf32>
  %y = jepa.buffer %arena {kind = "output", name = "y", offset = 1152 : i64} : memref<8192xi8> -> memref<12x8xf32>
  %s = jepa.buffer %arena {kind = "temporary", offset = 4096 : i64} : memref<8192xi8> -> memref<64xi8>
  %part = memref.subview %x[0, 8] [12, 8] [1, 1] : memref<12x24xf32> to memref<12x8xf32, strided<[24, 1], offset: 8>>
  jepa.device_launch @scale(%y, %part) {grid = array<i64: 12, 1, 1>, writes = 1, jepa.threads = 128, jepa.shared_bytes = 512}
    : memref<12x8xf32>, memref<12x8xf32, strided<[24, 1], offset: 8>>
  jepa.device_launch @sweep(%y) places(%x : memref<12x24xf32>) {grid = array<i64: 1, 1, 1>, writes = 0, entry = "Place", columns = 1,
    table = array<i64: 0>, jepa.threads = 128, jepa.shared_bytes = 0} : memref<12x8xf32>
  jepa.device_gemm %y, %x, %x workspace %s {m = 12, n = 8, k = 8, lda = 24, ldb = 24, ldc = 8, transA = false, transB = true}
    : memref<12x8xf32>, memref<12x24xf32>, memref<12x24xf32>, memref<64xi8>
  return
}
