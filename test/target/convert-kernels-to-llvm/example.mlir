// RUN: %jepa-opt %s --jepa-kernels-to-llvm --canonicalize --cse | FileCheck %s

// The product's description is a constant: sizes, strides, then 32-bit fields in pairs: transA and transB, packedB and
// the inputs' element type, the result's and whether B is rounded; then the parts of an epilogue.
// CHECK: llvm.mlir.global internal constant @[[INSIDE:gemm[0-9.]*]](dense<[4, 16, 8, 8, 8, 16, 4294967296, 0, 0, 2, 16]>
// CHECK: llvm.mlir.global internal constant @[[LOW:gemm[0-9.]*]](dense<[16, 8, 4, 16, 8, 8, 1, 4294967296, 1, 0, 0]>
// CHECK: llvm.mlir.global internal constant @[[DESC:gemm[0-9.]*]](dense<[4, 16, 8, 8, 8, 16, 4294967296, 0, 0, 0, 0]>
// CHECK-DAG: llvm.func @jepac_gemm(!llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr)
// CHECK-DAG: llvm.func @jepac_parallel_for(!llvm.ptr, !llvm.ptr, i64, i64)

// CHECK-LABEL: llvm.func @jepa_run(
// CHECK-SAME: %[[ARENA:.*]]: !llvm.ptr
func.func @jepa_run(%arena: memref<1024xi8>) {
  // CHECK-DAG: %[[D:.*]] = llvm.mlir.addressof @[[DESC]] :
  // CHECK-DAG: %[[L:.*]] = llvm.mlir.addressof @[[LOW]] :
  // CHECK-DAG: %[[I:.*]] = llvm.mlir.addressof @[[INSIDE]] :
  // CHECK-DAG: %[[SCALE:.*]] = llvm.mlir.addressof @scale_0.task
  // CHECK-DAG: %[[NO_BIAS:.*]] = llvm.mlir.zero : !llvm.ptr
  // CHECK-DAG: %[[COUNT:.*]] = llvm.mlir.constant(4 : i64)
  // CHECK-DAG: %[[GRAIN:.*]] = llvm.mlir.constant(2 : i64)
  // CHECK-DAG: %[[TASK:.*]] = llvm.mlir.addressof @copy_0.task
  // CHECK-DAG: %[[SLOTS:.*]] = llvm.alloca %[[GRAIN]] x !llvm.ptr
  %x = jepa.buffer %arena {kind = "input", name = "x", offset = 0 : i64} : memref<1024xi8> -> memref<4x8xf32>
  %y = jepa.buffer %arena {kind = "temporary", offset = 128 : i64} : memref<1024xi8> -> memref<4x8xf32>
  // CHECK: %[[Y:.*]] = llvm.getelementptr %[[ARENA]][128] : (!llvm.ptr) -> !llvm.ptr, i8
  // CHECK: llvm.store %[[Y]], %[[SLOTS]]
  // CHECK: %[[SLOT1:.*]] = llvm.getelementptr %[[SLOTS]][1]
  // CHECK: llvm.store %[[ARENA]], %[[SLOT1]]
  // CHECK: llvm.call @jepac_parallel_for(%[[TASK]], %[[SLOTS]], %[[COUNT]], %[[GRAIN]])
  jepa.launch @copy_0(%y, %x) {count = 4, grain = 2, writes = 1} : memref<4x8xf32>, memref<4x8xf32>
  %w = jepa.buffer %arena {kind = "parameter", name = "w", offset = 256 : i64} : memref<1024xi8> -> memref<16x8xf32>
  %z = jepa.buffer %arena {kind = "output", name = "z", offset = 768 : i64} : memref<1024xi8> -> memref<4x16xf32>
  %s = jepa.buffer %arena {kind = "temporary", offset = 0 : i64} : memref<1024xi8> -> memref<64xi8>
  // CHECK: llvm.call @jepac_gemm(%[[D]], %{{.*}}, %{{.*}}, %{{.*}}, %[[NO_BIAS]], %{{.*}}, %[[NO_BIAS]], %[[NO_BIAS]])
  jepa.gemm %z, %y, %w scratch %s {m = 4, n = 16, k = 8, lda = 8, ldb = 8, ldc = 16, transA = false, transB = true}
    : memref<4x16xf32>, memref<4x8xf32>, memref<16x8xf32>, memref<64xi8>
  %a = jepa.buffer %arena {kind = "temporary", offset = 0 : i64} : memref<1024xi8> -> memref<4x16xbf16>
  %b = jepa.buffer %arena {kind = "temporary", offset = 0 : i64} : memref<1024xi8> -> memref<4x8xbf16>
  %c = jepa.buffer %arena {kind = "temporary", offset = 0 : i64} : memref<1024xi8> -> memref<16x8xbf16>
  // CHECK: llvm.call @jepac_gemm(%[[L]],
  jepa.gemm %c, %a, %b scratch %s {m = 16, n = 8, k = 4, lda = 16, ldb = 8, ldc = 8, transA = true, transB = false}
    : memref<16x8xbf16>, memref<4x16xbf16>, memref<4x8xbf16>, memref<64xi8>
  // An epilogue is called like a launch's kernel, by the product.
  // CHECK: llvm.store %{{.*}}, %[[PARTS:.*]] : !llvm.ptr, !llvm.ptr
  // CHECK: llvm.call @jepac_gemm(%[[I]], %{{.*}}, %{{.*}}, %{{.*}}, %[[NO_BIAS]], %{{.*}}, %[[SCALE]], %[[PARTS]])
  jepa.gemm %z, %y, %w scratch %s epilogue @scale_0(%z) {epilogueRows = 2, epilogueColumns = 16, m = 4, n = 16, k = 8,
    lda = 8, ldb = 8, ldc = 16, transA = false, transB = true}
    : memref<4x16xf32>, memref<4x8xf32>, memref<16x8xf32>, memref<64xi8> epilogue memref<4x16xf32>
  return
}

func.func private @scale_0(%begin: index, %end: index, %thread: index, %c: memref<4x16xf32>) {
  return
}

func.func private @copy_0(%begin: index, %end: index, %thread: index, %to: memref<4x8xf32>, %from: memref<4x8xf32>) {
  return
}

// A task unpacks the addresses and calls the kernel.
// CHECK-LABEL: llvm.func internal @copy_0.task(
// CHECK-SAME: %[[ARGS:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64, %[[THREAD:.*]]: i64
// CHECK: %[[TO:.*]] = llvm.load %[[ARGS]]
// CHECK: %[[SLOT1:.*]] = llvm.getelementptr %[[ARGS]][1]
// CHECK: %[[FROM:.*]] = llvm.load %[[SLOT1]]
// CHECK: llvm.call @copy_0(%[[BEGIN]], %[[END]], %[[THREAD]], %[[TO]], %[[FROM]])
