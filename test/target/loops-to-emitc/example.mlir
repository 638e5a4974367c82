// RUN: %jepa-opt %s --jepa-loops-to-emitc | FileCheck %s
// RUN: %jepa-opt %s --jepa-loops-to-emitc --jepa-print-cuda -o /dev/null | FileCheck %s --check-prefix=TEXT

// A thread has every step-th item: the loop over a chunk is gone, and a view's elements lie at strides from its address.
// Kernels that differ in where their views begin are one.
// CHECK-DAG: jepa.device_launch @scale(%{{.*}}, %{{.*}}) {grid = array<i64: 1, 1, 1>, jepa.scope = "encoder", writes = 1 : i64}
// CHECK-DAG: emitc.func @scale(%{{.*}}: !emitc.ptr<!emitc.opaque<"bf16">>, %{{.*}}: !emitc.ptr<!emitc.opaque<"float">>)

// TEXT: JEPA_KERNEL(Loop::threads)
// TEXT: scale(bf16 *y0, const float *x0) {
// TEXT-NEXT: for (long long item = Loop::first(); item < 96; item += Loop::step()) {
// TEXT-NEXT: long long [[ROW:.*]] = item / 8;
// TEXT-NEXT: long long [[COLUMN:.*]] = item % 8;
// TEXT-NEXT: float [[X:.*]] = x0[([[ROW]] * 24) + [[COLUMN]]];
// TEXT-NEXT: y0[([[ROW]] * 8) + [[COLUMN]]] = fromFloat<bf16>(expf([[X]]) * 0.5f);
// TEXT: JEPA_LAUNCH_INFO(scale, 2, Loop)
// TEXT-NOT: JEPA_KERNEL
// TEXT: void jepa_run(char *arena) {
// TEXT: launch("scale", {1, 1, 1}, {y, x + 32});
// TEXT: launch("scale", {1, 1, 1}, {y, x + 64});
func.func private @scale(%begin: index, %end: index, %thread: index, %y: memref<12x8xbf16>,
                         %x: memref<12x8xf32, strided<[24, 1], offset: 8>>) {
  %one = arith.constant 1 : index
  %width = arith.constant 8 : index
  %half = arith.constant 5.0e-01 : f32
  scf.for %i = %begin to %end step %one {
    %row = arith.divsi %i, %width : index
    %column = arith.remsi %i, %width : index
    %0 = memref.load %x[%row, %column] : memref<12x8xf32, strided<[24, 1], offset: 8>>
    %1 = math.exp %0 : f32
    %2 = arith.mulf %1, %half : f32
    %3 = arith.truncf %2 : f32 to bf16
    memref.store %3, %y[%row, %column] : memref<12x8xbf16>
  }
  return
}
func.func private @scale_1(%begin: index, %end: index, %thread: index, %y: memref<12x8xbf16>,
                           %x: memref<12x8xf32, strided<[24, 1], offset: 16>>) {
  %one = arith.constant 1 : index
  %width = arith.constant 8 : index
  %half = arith.constant 5.0e-01 : f32
  scf.for %i = %begin to %end step %one {
    %row = arith.divsi %i, %width : index
    %column = arith.remsi %i, %width : index
    %0 = memref.load %x[%row, %column] : memref<12x8xf32, strided<[24, 1], offset: 16>>
    %1 = math.exp %0 : f32
    %2 = arith.mulf %1, %half : f32
    %3 = arith.truncf %2 : f32 to bf16
    memref.store %3, %y[%row, %column] : memref<12x8xbf16>
  }
  return
}
func.func @jepa_run(%arena: memref<4096xi8>) {
  %x = jepa.buffer %arena {kind = "input", name = "x", offset = 0 : i64} : memref<4096xi8> -> memref<12x24xf32>
  %y = jepa.buffer %arena {kind = "output", name = "y", offset = 1152 : i64} : memref<4096xi8> -> memref<12x8xbf16>
  %part = memref.subview %x[0, 8] [12, 8] [1, 1] : memref<12x24xf32> to memref<12x8xf32, strided<[24, 1], offset: 8>>
  jepa.launch @scale(%y, %part) {count = 96, grain = 4, writes = 1, jepa.scope = "encoder"}
    : memref<12x8xbf16>, memref<12x8xf32, strided<[24, 1], offset: 8>>
  %other = memref.subview %x[0, 16] [12, 8] [1, 1] : memref<12x24xf32> to memref<12x8xf32, strided<[24, 1], offset: 16>>
  jepa.launch @scale_1(%y, %other) {count = 96, grain = 4, writes = 1} : memref<12x8xbf16>, memref<12x8xf32, strided<[24, 1], offset: 16>>
  return
}
