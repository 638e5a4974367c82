// RUN: %jepa-opt %s --split-input-file --verify-diagnostics

func.func @kind(%arena: memref<?xi8>) {
  // expected-error @+1 {{has unknown kind 'weights': use parameter, moment, copy, table, input, output or temporary}}
  %0 = jepa.buffer %arena {kind = "weights"} : memref<?xi8> -> memref<48xf32>
  return
}

// -----

func.func @name(%arena: memref<?xi8>) {
  // expected-error @+1 {{of kind 'moment' needs a name}}
  %0 = jepa.buffer %arena {kind = "moment"} : memref<?xi8> -> memref<48xf32>
  return
}

// -----

func.func @shape(%arena: memref<?xi8>) {
  // expected-error @+1 {{must have a static shape and the plain layout}}
  %0 = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<?xf32>
  return
}

// -----

func.func @offset(%arena: memref<?xi8>) {
  // expected-error @+1 {{has offset 100, which is not a multiple of 64}}
  %0 = jepa.buffer %arena {kind = "temporary", offset = 100 : i64} : memref<?xi8> -> memref<48xf32>
  return
}

// -----

func.func private @k(index, index, index, memref<48xf32>)

func.func @grain(%x: memref<48xf32>) {
  // expected-error @+1 {{needs a count of at least 0 and a grain of at least 1}}
  jepa.launch @k(%x) {count = 48, grain = 0, writes = 1} : memref<48xf32>
  return
}

// -----

func.func private @k(index, index, index, memref<48xf32>)

func.func @writes(%x: memref<48xf32>) {
  // expected-error @+1 {{writes 2 of 1 buffers}}
  jepa.launch @k(%x) {count = 48, grain = 8, writes = 2} : memref<48xf32>
  return
}

// -----

func.func @unknown(%x: memref<48xf32>) {
  // expected-error @+1 {{calls 'k', which is no function here}}
  jepa.launch @k(%x) {count = 48, grain = 8, writes = 1} : memref<48xf32>
  return
}

// -----

func.func private @k(index, index, memref<48xf32>)

func.func @signature(%x: memref<48xf32>) {
  // expected-error @+1 {{'k' must take (begin, end, thread) and the launch's buffers}}
  jepa.launch @k(%x) {count = 48, grain = 8, writes = 1} : memref<48xf32>
  return
}

// -----

func.func @gemm_size(%x: memref<48x48xf32>, %s: memref<64xi8>) {
  // expected-error @+1 {{needs positive m, n and k}}
  jepa.gemm %x, %x, %x scratch %s {m = 48, n = 0, k = 48, lda = 48, ldb = 48, ldc = 48, transA = false, transB = false}
    : memref<48x48xf32>, memref<48x48xf32>, memref<48x48xf32>, memref<64xi8>
  return
}

// -----

func.func @gemm_stride(%x: memref<48x48xf32>, %s: memref<64xi8>) {
  // expected-error @+1 {{has a row stride smaller than a row}}
  jepa.gemm %x, %x, %x scratch %s {m = 48, n = 48, k = 48, lda = 32, ldb = 48, ldc = 48, transA = false, transB = false}
    : memref<48x48xf32>, memref<48x48xf32>, memref<48x48xf32>, memref<64xi8>
  return
}

// -----

func.func @gemm_operands(%x: memref<48x48xf32>, %y: memref<48x48xbf16>, %s: memref<64xi8>) {
  // expected-error @+1 {{needs a of f32 or bf16, and b the same or of f32, found 'f32' and 'bf16'}}
  jepa.gemm %x, %x, %y scratch %s {m = 48, n = 48, k = 48, lda = 48, ldb = 48, ldc = 48, transA = false, transB = false}
    : memref<48x48xf32>, memref<48x48xf32>, memref<48x48xbf16>, memref<64xi8>
  return
}

// -----

func.func @gemm_result(%x: memref<48x48xf32>, %y: memref<48x48xbf16>, %s: memref<64xi8>) {
  // expected-error @+1 {{needs c of f32, or of bf16 where a and b are, found 'bf16'}}
  jepa.gemm %y, %x, %x scratch %s {m = 48, n = 48, k = 48, lda = 48, ldb = 48, ldc = 48, transA = false, transB = false}
    : memref<48x48xbf16>, memref<48x48xf32>, memref<48x48xf32>, memref<64xi8>
  return
}

// -----

func.func @gemm_bias(%y: memref<48x48xbf16>, %b: memref<48xbf16>, %s: memref<64xi8>) {
  // expected-error @+1 {{needs a bias of f32, found 'bf16'}}
  jepa.gemm %y, %y, %y scratch %s bias %b {m = 48, n = 48, k = 48, lda = 48, ldb = 48, ldc = 48, transA = false, transB = false}
    : memref<48x48xbf16>, memref<48x48xbf16>, memref<48x48xbf16>, memref<64xi8>, memref<48xbf16>
  return
}

// -----

func.func @gemm_packed(%x: memref<48x48xf32>, %s: memref<64xi8>) {
  // expected-error @+1 {{has a packed weight with gaps between its rows}}
  jepa.gemm %x, %x, %x scratch %s packed {m = 48, n = 24, k = 48, lda = 48, ldb = 48, ldc = 48, transA = false, transB = false}
    : memref<48x48xf32>, memref<48x48xf32>, memref<48x48xf32>, memref<64xi8>
  return
}

// -----

func.func private @part(index, index, index, memref<48x48xf32>)

func.func @epilogue_parts(%x: memref<48x48xf32>, %s: memref<64xi8>) {
  // expected-error @+1 {{has an epilogue, which needs epilogueRows and epilogueColumns of at least 1}}
  jepa.gemm %x, %x, %x scratch %s epilogue @part(%x) {epilogueRows = 0, epilogueColumns = 48, m = 48, n = 48, k = 48, lda = 48, ldb = 48, ldc = 48, transA = false, transB = false}
    : memref<48x48xf32>, memref<48x48xf32>, memref<48x48xf32>, memref<64xi8> epilogue memref<48x48xf32>
  return
}

// -----

func.func @no_epilogue(%x: memref<48x48xf32>, %s: memref<64xi8>) {
  // expected-error @+1 {{has buffers or parts of an epilogue, but none}}
  jepa.gemm %x, %x, %x scratch %s {epilogueRows = 32, epilogueColumns = 48, m = 48, n = 48, k = 48, lda = 48, ldb = 48, ldc = 48, transA = false, transB = false}
    : memref<48x48xf32>, memref<48x48xf32>, memref<48x48xf32>, memref<64xi8>
  return
}

// -----

func.func @epilogue_unknown(%x: memref<48x48xf32>, %s: memref<64xi8>) {
  // expected-error @+1 {{calls 'nowhere', which is no function here}}
  jepa.gemm %x, %x, %x scratch %s epilogue @nowhere(%x) {epilogueRows = 32, epilogueColumns = 48, m = 48, n = 48, k = 48, lda = 48, ldb = 48, ldc = 48, transA = false, transB = false}
    : memref<48x48xf32>, memref<48x48xf32>, memref<48x48xf32>, memref<64xi8> epilogue memref<48x48xf32>
  return
}

// -----

func.func private @other(index, index, index, memref<48xf32>)

func.func @epilogue_signature(%x: memref<48x48xf32>, %s: memref<64xi8>) {
  // expected-error @+1 {{'other' must take (begin, end, thread) and the epilogue's buffers}}
  jepa.gemm %x, %x, %x scratch %s epilogue @other(%x) {epilogueRows = 32, epilogueColumns = 48, m = 48, n = 48, k = 48, lda = 48, ldb = 48, ldc = 48, transA = false, transB = false}
    : memref<48x48xf32>, memref<48x48xf32>, memref<48x48xf32>, memref<64xi8> epilogue memref<48x48xf32>
  return
}

// -----

func.func @packed_table(%arena: memref<?xi8>) {
  // expected-error @+1 {{is packed: expected a parameter and [n, k, transB] with n * k elements, found array<i64: 4, 3, 0>}}
  %w = jepa.buffer %arena {info = {packed = array<i64: 4, 3, 0>}, kind = "parameter", name = "w"} : memref<?xi8> -> memref<8xf32>
  return
}
