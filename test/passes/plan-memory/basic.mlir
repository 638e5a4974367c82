// RUN: %jepa-opt %s --jepa-plan-memory --split-input-file | FileCheck %s

// A view keeps its buffer alive: %b may not take %a's place.
// CHECK-LABEL: func.func @view
// CHECK-SAME: memref<512xi8>
func.func @view(%arena: memref<?xi8>) {
  // CHECK: offset = 0
  %a = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<64xf32>
  // CHECK: offset = 256
  %b = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<64xf32>
  %half = memref.subview %a[0] [32] [1] : memref<64xf32> to memref<32xf32, strided<[1]>>
  %other = memref.subview %b[0] [32] [1] : memref<64xf32> to memref<32xf32, strided<[1]>>
  memref.copy %half, %other : memref<32xf32, strided<[1]>> to memref<32xf32, strided<[1]>>
  memref.copy %other, %half : memref<32xf32, strided<[1]>> to memref<32xf32, strided<[1]>>
  return
}

// -----

// The larger temporary is placed first; offsets are multiples of 64 bytes.
// CHECK-LABEL: func.func @largest_first
// CHECK-SAME: memref<320xi8>
func.func @largest_first(%arena: memref<?xi8>) {
  // CHECK: offset = 256 : i64} : {{.*}} -> memref<3xf32>
  %small = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<3xf32>
  // CHECK: offset = 0 : i64} : {{.*}} -> memref<64xf32>
  %large = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<64xf32>
  %head = memref.subview %large[0] [3] [1] : memref<64xf32> to memref<3xf32, strided<[1]>>
  memref.copy %head, %small : memref<3xf32, strided<[1]>> to memref<3xf32>
  return
}

// -----

// A function's frame is a temporary of each call.
// CHECK-LABEL: func.func @layer
// CHECK-SAME: memref<256xi8>
func.func @layer(%arena: memref<?xi8>, %x: memref<64xf32>) {
  %a = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<64xf32>
  memref.copy %x, %a : memref<64xf32> to memref<64xf32>
  memref.copy %a, %x : memref<64xf32> to memref<64xf32>
  return
}
// CHECK-LABEL: func.func @calls
// CHECK-SAME: (%[[ARENA:.*]]: memref<512xi8>)
func.func @calls(%arena: memref<?xi8>) {
  %x = jepa.buffer %arena {kind = "output", name = "x"} : memref<?xi8> -> memref<64xf32>
  // CHECK: %[[FRAME:.*]] = jepa.buffer %[[ARENA]] {kind = "temporary", offset = 256 : i64} : {{.*}} -> memref<256xi8>
  // CHECK: call @layer(%[[FRAME]],
  func.call @layer(%arena, %x) : (memref<?xi8>, memref<64xf32>) -> ()
  return
}
