// RUN: %jepa-opt %s --jepa-lower-to-kernels="target=cpu max-threads=4 features=avx512bf16,amx-bf16" --split-input-file | FileCheck %s

// With tile registers: 40 keys of 24 features are 2 x 2 tiles of 16 rows of 16 words, left operands by features and by
// tokens; 32 queries one panel of two tiles. A page lies between two threads. The registers are configured once for a chunk of tasks.

// CHECK: jepa.launch @attention_tiles_0({{.*}}) {count = 3 : i64, {{.*}}writes = 10 : i64}
// CHECK-SAME: memref<3x8x1x16x16xi32>, memref<3x4x2x16x16xi32>, memref<3x3x2x16x16xi32>, memref<3x6x2x16x16xf32>, memref<3x4x2x16x16xi32>
// CHECK: func.func private @attention_tiles_0
// CHECK: llvm.call_intrinsic "llvm.x86.ldtilecfg"
// CHECK: scf.for
// CHECK: llvm.call_intrinsic "llvm.x86.tilezero"
// CHECK: llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK: llvm.call_intrinsic "llvm.x86.tilestored64"
// The next block's scores are computed while this one's exponentials are.
// CHECK: llvm.call_intrinsic "llvm.x86.tilezero"
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK-NOT: llvm.x86.tilestored64
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.mask.reduce.ps.512"
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"
// CHECK: llvm.call_intrinsic "llvm.x86.tilestored64"
// CHECK: llvm.call_intrinsic "llvm.x86.tilerelease"
// CHECK-NEXT: return
func.func @jepa_run(%q: tensor<1x100x72xbf16> {jepa.name = "q"}, %k: tensor<1x40x72xbf16> {jepa.name = "k"})
    -> (tensor<1x100x72xbf16> {jepa.name = "o"}) {
  %o, %l = jepa.attention %q, %k, %k {heads = 3}
    : (tensor<1x100x72xbf16>, tensor<1x40x72xbf16>, tensor<1x40x72xbf16>) -> (tensor<1x100x72xbf16>, tensor<1x3x100xf32>)
  return %o : tensor<1x100x72xbf16>
}

// -----

// The adjoint: its products' operands are words of bf16, gradients sums of f32.

// CHECK: jepa.launch @attention_grad_tiles_0
// CHECK-SAME: memref<2x6x2x16x16xi32>, memref<2x6x2x16x16xi32>
// CHECK: func.func private @attention_grad_tiles_0
// CHECK: llvm.call_intrinsic "llvm.x86.ldtilecfg"
// CHECK: llvm.call_intrinsic "llvm.x86.tilerelease"
func.func @jepa_run(%d: tensor<1x60x128xbf16> {jepa.name = "d"}, %l: tensor<1x2x60xf32> {jepa.name = "l"})
    -> (tensor<1x60x128xbf16> {jepa.name = "dq"}) {
  %dq, %dk, %dv = jepa.attention_grad %d, %d, %d, %d, %d, %l {heads = 2}
    : (tensor<1x60x128xbf16>, tensor<1x60x128xbf16>, tensor<1x60x128xbf16>, tensor<1x60x128xbf16>,
       tensor<1x60x128xbf16>, tensor<1x2x60xf32>) -> (tensor<1x60x128xbf16>, tensor<1x60x128xbf16>, tensor<1x60x128xbf16>)
  return %dq : tensor<1x60x128xbf16>
}

// -----

// Floats stay in vectors.

// CHECK: jepa.launch @attention_0
// CHECK-NOT: tdpbf16ps
func.func @jepa_run(%q: tensor<1x32x48xf32> {jepa.name = "q"}) -> (tensor<1x32x48xf32> {jepa.name = "o"}) {
  %o, %l = jepa.attention %q, %q, %q {heads = 3}
    : (tensor<1x32x48xf32>, tensor<1x32x48xf32>, tensor<1x32x48xf32>) -> (tensor<1x32x48xf32>, tensor<1x3x32xf32>)
  return %o : tensor<1x32x48xf32>
}
