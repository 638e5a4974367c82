// RUN: %jepa-opt %s --split-input-file --verify-diagnostics

emitc.func @kernel(%y: !emitc.ptr<!emitc.opaque<"float">>) {
  emitc.return
}

func.func @grid(%y: memref<48xf32>) {
  // expected-error @+1 {{has a grid of 0 blocks along an axis, where 1 to 65535 fit}}
  jepa.device_launch @kernel(%y) {grid = array<i64: 1, 0, 1>, writes = 1} : memref<48xf32>
  return
}

// -----

emitc.func @kernel(%y: !emitc.ptr<!emitc.opaque<"float">>) {
  emitc.return
}

func.func @rank(%y: memref<48xf32>) {
  // expected-error @+1 {{needs a grid of three numbers, found 2}}
  jepa.device_launch @kernel(%y) {grid = array<i64: 1, 1>, writes = 1} : memref<48xf32>
  return
}

// -----

emitc.func @kernel(%y: !emitc.ptr<!emitc.opaque<"float">>) {
  emitc.return
}

func.func @writes(%y: memref<48xf32>) {
  // expected-error @+1 {{writes 2 of 1 buffers}}
  jepa.device_launch @kernel(%y) {grid = array<i64: 1, 1, 1>, writes = 2} : memref<48xf32>
  return
}

// -----

emitc.func @kernel(%y: !emitc.ptr<!emitc.opaque<"float">>) {
  emitc.return
}

func.func @places(%y: memref<48xf32>) {
  // expected-error @+1 {{has places: expected their entry type and a table with whole rows of its columns}}
  jepa.device_launch @kernel(%y) places(%y : memref<48xf32>) {grid = array<i64: 1, 1, 1>, writes = 0} : memref<48xf32>
  return
}

// -----

emitc.func @kernel(%y: !emitc.ptr<!emitc.opaque<"float">>) {
  emitc.return
}

func.func @table(%y: memref<48xf32>) {
  // expected-error @+1 {{names place 1 of 1 in its table}}
  jepa.device_launch @kernel(%y) places(%y : memref<48xf32>) {grid = array<i64: 1, 1, 1>, writes = 0, entry = "Place", columns = 1, table = array<i64: 1>} : memref<48xf32>
  return
}

// -----

emitc.func @kernel(%y: !emitc.ptr<!emitc.opaque<"float">>) {
  emitc.return
}

func.func @missing(%y: memref<48xf32>) {
  // expected-error @+1 {{calls 'nobody', which is no kernel here}}
  jepa.device_launch @nobody(%y) {grid = array<i64: 1, 1, 1>, writes = 1} : memref<48xf32>
  return
}

// -----

emitc.func @kernel(%y: !emitc.ptr<!emitc.opaque<"float">>) {
  emitc.return
}

func.func @parameters(%y: memref<48xf32>) {
  // expected-error @+1 {{'kernel' takes 1 addresses, found 2}}
  jepa.device_launch @kernel(%y, %y) {grid = array<i64: 1, 1, 1>, writes = 1} : memref<48xf32>, memref<48xf32>
  return
}

// -----

func.func @sizes(%c: memref<8x8xbf16>, %a: memref<8x8xbf16>, %b: memref<8x8xbf16>, %f: memref<8x8xf32>, %s: memref<64xi8>,
                %v: memref<8xbf16>, %e: memref<8x8xf8E4M3FN>) {
  // expected-error @+1 {{needs positive m, n and k}}
  jepa.device_gemm %c, %a, %b workspace %s {m = 0, n = 8, k = 8, lda = 8, ldb = 8, ldc = 8, transA = false, transB = true} : memref<8x8xbf16>, memref<8x8xbf16>, memref<8x8xbf16>, memref<64xi8>
  return
}

// -----

func.func @stride(%c: memref<8x8xbf16>, %a: memref<8x8xbf16>, %b: memref<8x8xbf16>, %f: memref<8x8xf32>, %s: memref<64xi8>,
                %v: memref<8xbf16>, %e: memref<8x8xf8E4M3FN>) {
  // expected-error @+1 {{has a row stride smaller than a row}}
  jepa.device_gemm %c, %a, %b workspace %s {m = 8, n = 8, k = 8, lda = 8, ldb = 8, ldc = 4, transA = false, transB = true} : memref<8x8xbf16>, memref<8x8xbf16>, memref<8x8xbf16>, memref<64xi8>
  return
}

// -----

func.func @inputs(%c: memref<8x8xbf16>, %a: memref<8x8xbf16>, %b: memref<8x8xbf16>, %f: memref<8x8xf32>, %s: memref<64xi8>,
                %v: memref<8xbf16>, %e: memref<8x8xf8E4M3FN>) {
  // expected-error @+1 {{needs a and b of f32, bf16 or e4m3, found 'bf16' and 'f32'}}
  jepa.device_gemm %c, %a, %f workspace %s {m = 8, n = 8, k = 8, lda = 8, ldb = 8, ldc = 8, transA = false, transB = true} : memref<8x8xbf16>, memref<8x8xbf16>, memref<8x8xf32>, memref<64xi8>
  return
}

// -----

func.func @result(%c: memref<8x8xbf16>, %a: memref<8x8xbf16>, %b: memref<8x8xbf16>, %f: memref<8x8xf32>, %s: memref<64xi8>,
                %v: memref<8xbf16>, %e: memref<8x8xf8E4M3FN>) {
  // expected-error @+1 {{needs c of f32, or of bf16 where a and b are narrower, found 'bf16'}}
  jepa.device_gemm %c, %f, %f workspace %s {m = 8, n = 8, k = 8, lda = 8, ldb = 8, ldc = 8, transA = false, transB = true} : memref<8x8xbf16>, memref<8x8xf32>, memref<8x8xf32>, memref<64xi8>
  return
}

// -----

func.func @scales(%c: memref<8x8xbf16>, %a: memref<8x8xbf16>, %b: memref<8x8xbf16>, %f: memref<8x8xf32>, %s: memref<64xi8>,
                %v: memref<8xbf16>, %e: memref<8x8xf8E4M3FN>) {
  // expected-error @+1 {{needs a scale for b in e4m3, and for nothing else}}
  jepa.device_gemm %c, %e, %e workspace %s {m = 8, n = 8, k = 8, lda = 8, ldb = 8, ldc = 8, transA = false, transB = true} : memref<8x8xbf16>, memref<8x8xf8E4M3FN>, memref<8x8xf8E4M3FN>, memref<64xi8>
  return
}

// -----

func.func @epilogue(%c: memref<8x8xbf16>, %a: memref<8x8xbf16>, %b: memref<8x8xbf16>, %f: memref<8x8xf32>, %s: memref<64xi8>,
                %v: memref<8xbf16>, %e: memref<8x8xf8E4M3FN>) {
  // expected-error @+1 {{has unknown epilogue 'tanh': use none, bias, gelu, dgelu or bias_grad}}
  jepa.device_gemm %c, %a, %b workspace %s {epilogue = "tanh", m = 8, n = 8, k = 8, lda = 8, ldb = 8, ldc = 8, transA = false, transB = true} : memref<8x8xbf16>, memref<8x8xbf16>, memref<8x8xbf16>, memref<64xi8>
  return
}

// -----

func.func @operands(%c: memref<8x8xbf16>, %a: memref<8x8xbf16>, %b: memref<8x8xbf16>, %f: memref<8x8xf32>, %s: memref<64xi8>,
                %v: memref<8xbf16>, %e: memref<8x8xf8E4M3FN>) {
  // expected-error @+1 {{with epilogue 'gelu' needs bias}}
  jepa.device_gemm %c, %a, %b workspace %s {epilogue = "gelu", m = 8, n = 8, k = 8, lda = 8, ldb = 8, ldc = 8, transA = false, transB = true} : memref<8x8xbf16>, memref<8x8xbf16>, memref<8x8xbf16>, memref<64xi8>
  return
}

// -----

func.func @bias_grad(%c: memref<8x8xbf16>, %a: memref<8x8xbf16>, %b: memref<8x8xbf16>, %f: memref<8x8xf32>, %s: memref<64xi8>,
                %v: memref<8xbf16>, %e: memref<8x8xf8E4M3FN>) {
  // expected-error @+1 {{sums the columns of a: a must be transposed}}
  jepa.device_gemm %c, %a, %b workspace %s bias %v {epilogue = "bias_grad", m = 8, n = 8, k = 8, lda = 8, ldb = 8, ldc = 8, transA = false, transB = true} : memref<8x8xbf16>, memref<8x8xbf16>, memref<8x8xbf16>, memref<64xi8> bias memref<8xbf16>
  return
}
