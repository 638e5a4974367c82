// RUN: not %jepa-opt %s --jepa-kernels-to-llvm 2>&1 | FileCheck %s

// What the host runs is known when the device's code is: see jepac build.

// CHECK: error: 'jepa.device_launch' op does not say how many threads and how much shared memory a block has: its kernel is not compiled
emitc.func @kernel(%y: !emitc.ptr<!emitc.opaque<"float">>) {
  emitc.return
}
func.func @jepa_run(%arena: memref<256xi8>) {
  %y = jepa.buffer %arena {kind = "output", name = "y", offset = 0 : i64} : memref<256xi8> -> memref<48xf32>
  jepa.device_launch @kernel(%y) {grid = array<i64: 1, 1, 1>, writes = 1} : memref<48xf32>
  return
}
