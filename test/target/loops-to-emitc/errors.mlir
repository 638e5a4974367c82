// RUN: %jepa-opt %s --jepa-loops-to-emitc --split-input-file --verify-diagnostics

func.func private @vectors(%begin: index, %end: index, %thread: index, %y: memref<64xf32>) {
  // expected-error @below {{is no part of a scalar kernel that the cuda target can print}}
  %0 = vector.load %y[%begin] : memref<64xf32>, vector<16xf32>
  vector.store %0, %y[%begin] : memref<64xf32>, vector<16xf32>
  return
}
func.func @jepa_run(%y: memref<64xf32>) {
  jepa.launch @vectors(%y) {count = 64, grain = 16, writes = 1} : memref<64xf32>
  return
}

// -----

func.func private @unordered(%begin: index, %end: index, %thread: index, %y: memref<64xf32>) {
  %0 = memref.load %y[%begin] : memref<64xf32>
  // expected-error @below {{is no part of a scalar kernel that the cuda target can print}}
  %1 = arith.cmpf ueq, %0, %0 : f32
  %2 = arith.select %1, %0, %0 : f32
  memref.store %2, %y[%begin] : memref<64xf32>
  return
}
func.func @jepa_run(%y: memref<64xf32>) {
  jepa.launch @unordered(%y) {count = 64, grain = 16, writes = 1} : memref<64xf32>
  return
}
