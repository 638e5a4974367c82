// RUN: %jepa-opt %s --split-input-file --jepa-split-kernels=parts=3 | FileCheck %s
// RUN: %jepa-opt %s --split-input-file --pass-pipeline="builtin.module(jepa-split-kernels{parts=3},builtin.module(jepa-kernels-to-llvm))" -o %t

// What launches is one module; it declares the kernels.
// CHECK: module {
// CHECK-NEXT: module {
// CHECK: func.func @jepa_run(
// CHECK: call @layer(
// CHECK: func.func private @layer(%
// CHECK: jepa.launch @large(
// CHECK-DAG: func.func private @small(index, index, index, memref<8xf32>)
// CHECK-DAG: func.func private @large(index, index, index, memref<8xf32> {llvm.noalias})
// CHECK-NOT: memref.global

// The largest kernel is alone; the others share a module, with a copy of the constant that they read.
// CHECK: module {
// CHECK-NEXT: func.func private @large(%
// CHECK-NOT: func.func
// CHECK: module {
// CHECK-DAG: func.func private @small(%
// CHECK-DAG: func.func private @table_reader(%
// CHECK-DAG: memref.global "private" constant @table
// CHECK-NOT: func.func
func.func @jepa_run(%arena: memref<1024xi8>) {
  %x = jepa.buffer %arena {kind = "input", name = "x", offset = 0 : i64} : memref<1024xi8> -> memref<8xf32>
  jepa.launch @small(%x) {count = 1, grain = 1, writes = 1} : memref<8xf32>
  call @layer(%x) : (memref<8xf32>) -> ()
  return
}
func.func private @layer(%x: memref<8xf32>) {
  jepa.launch @large(%x) {count = 1, grain = 1, writes = 1} : memref<8xf32>
  jepa.launch @table_reader(%x) {count = 1, grain = 1, writes = 1} : memref<8xf32>
  return
}
memref.global "private" constant @table : memref<2xf32> = dense<[1.0, 2.0]>
func.func private @small(%begin: index, %end: index, %thread: index, %x: memref<8xf32>) {
  return
}
func.func private @large(%begin: index, %end: index, %thread: index, %x: memref<8xf32> {llvm.noalias}) {
  %zero = arith.constant 0.0 : f32
  %at = arith.constant 0 : index
  memref.store %zero, %x[%at] : memref<8xf32>
  %one = arith.constant 1 : index
  memref.store %zero, %x[%one] : memref<8xf32>
  return
}
func.func private @table_reader(%begin: index, %end: index, %thread: index, %x: memref<8xf32>) {
  %table = memref.get_global @table : memref<2xf32>
  return
}

// -----

// A variable may not be copied: all stays in one module.
// CHECK: module {
// CHECK-NEXT: module {
// CHECK-DAG: func.func @jepa_run(
// CHECK-DAG: func.func private @counts(%
// CHECK-DAG: memref.global "private" @counter
// CHECK-NOT: module {
func.func @jepa_run(%arena: memref<1024xi8>) {
  %x = jepa.buffer %arena {kind = "input", name = "x", offset = 0 : i64} : memref<1024xi8> -> memref<8xf32>
  jepa.launch @counts(%x) {count = 1, grain = 1, writes = 1} : memref<8xf32>
  return
}
memref.global "private" @counter : memref<2xf32> = dense<[1.0, 2.0]>
func.func private @counts(%begin: index, %end: index, %thread: index, %x: memref<8xf32>) {
  %counter = memref.get_global @counter : memref<2xf32>
  return
}

// -----

// What runs inside a product is a kernel too.
// CHECK: module {
// CHECK-NEXT: module {
// CHECK-DAG: jepa.gemm {{.*}} epilogue @inside(
// CHECK-DAG: func.func private @inside(index, index, index, memref<8x8xf32>)
// CHECK: module {
// CHECK-DAG: func.func private @inside(%
func.func @jepa_run(%arena: memref<1024xi8>) {
  %x = jepa.buffer %arena {kind = "input", name = "x", offset = 0 : i64} : memref<1024xi8> -> memref<8x8xf32>
  %s = jepa.buffer %arena {kind = "temporary", offset = 256 : i64} : memref<1024xi8> -> memref<64xi8>
  jepa.gemm %x, %x, %x scratch %s epilogue @inside(%x) {epilogueRows = 8, epilogueColumns = 8, m = 8, n = 8, k = 8, lda = 8,
    ldb = 8, ldc = 8, transA = false, transB = false}
    : memref<8x8xf32>, memref<8x8xf32>, memref<8x8xf32>, memref<64xi8> epilogue memref<8x8xf32>
  return
}
func.func private @inside(%begin: index, %end: index, %thread: index, %x: memref<8x8xf32>) {
  return
}
