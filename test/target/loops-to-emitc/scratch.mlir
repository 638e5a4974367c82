// RUN: %jepa-opt %s --jepa-loops-to-emitc=max-threads=256 --jepa-print-cuda -o /dev/null | FileCheck %s

// A kernel with scratch for each thread is run by as many threads as there is scratch for; a carried value is a variable.
// CHECK: sum(float *y0, float *y1, const float *x0) {
// CHECK-NEXT: for (long long item = Loop::first(); item < 1000; item += Loop::step()) {
// CHECK-NEXT: float [[SUM:.*]];
// CHECK-NEXT: [[SUM]] = 0.0f;
// CHECK-NEXT: for (long long i = 0; i < 8; ++i) {
// CHECK: [[SUM]] = {{.*}};
// CHECK: if (item < 500) {
// CHECK: } else {
// CHECK: y1[Loop::first()] =
// CHECK: launch("sum", {2, 1, 1},
func.func private @sum(%begin: index, %end: index, %thread: index, %y: memref<1000xf32>, %scratch: memref<256xf32>,
                       %x: memref<1000x8xf32>) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %width = arith.constant 8 : index
  %half = arith.constant 500 : index
  %none = arith.constant 0.0 : f32
  scf.for %i = %begin to %end step %one {
    %sum = scf.for %j = %zero to %width step %one iter_args(%carried = %none) -> f32 {
      %0 = memref.load %x[%i, %j] : memref<1000x8xf32>
      %1 = arith.addf %carried, %0 : f32
      scf.yield %1 : f32
    }
    %less = arith.cmpi slt, %i, %half : index
    %value = scf.if %less -> f32 {
      scf.yield %sum : f32
    } else {
      %2 = arith.negf %sum : f32
      scf.yield %2 : f32
    }
    memref.store %value, %scratch[%thread] : memref<256xf32>
    %3 = memref.load %scratch[%thread] : memref<256xf32>
    memref.store %3, %y[%i] : memref<1000xf32>
  }
  return
}
func.func @jepa_run(%arena: memref<65536xi8>) {
  %x = jepa.buffer %arena {kind = "input", name = "x", offset = 0 : i64} : memref<65536xi8> -> memref<1000x8xf32>
  %y = jepa.buffer %arena {kind = "output", name = "y", offset = 32000 : i64} : memref<65536xi8> -> memref<1000xf32>
  %s = jepa.buffer %arena {kind = "temporary", offset = 36032 : i64} : memref<65536xi8> -> memref<256xf32>
  jepa.launch @sum(%y, %s, %x) {count = 1000, grain = 1, writes = 2} : memref<1000xf32>, memref<256xf32>, memref<1000x8xf32>
  return
}
