// RUN: %jepa-opt %s --split-input-file --jepa-lower-to-kernels=target=cuda --canonicalize --cse --jepa-plan-memory --jepa-loops-to-emitc --jepa-print-cuda -o /dev/null | FileCheck %s

// Tokens of a part of the features lie as far apart as the whole's: they are read where they are.

// CHECK-NOT: Loop
// CHECK: slice_tokens_[[S:[0-9]+]](bf16 *to, const bf16 *from) {
// CHECK-NEXT: CopyTokens<48>::run(Rows<bf16>{to, 48}, 3, 0, Rows<const bf16>{from, 144}, 8, 4, 3);
// CHECK: launch("slice_tokens_[[S]]", {1, 2, 1}, {y, qkv + 96});
func.func @jepa_run(%qkv: tensor<2x8x144xbf16> {jepa.name = "qkv"}) -> (tensor<2x3x48xbf16> {jepa.name = "y"}) {
  %q, %k, %v = jepa.split_features %qkv : (tensor<2x8x144xbf16>) -> (tensor<2x8x48xbf16>, tensor<2x8x48xbf16>, tensor<2x8x48xbf16>)
  %y = jepa.slice_tokens %k {offset = 4} : (tensor<2x8x48xbf16>) -> tensor<2x3x48xbf16>
  return %y : tensor<2x3x48xbf16>
}

// -----

// What leaves a layer is whole, so a part is copied out: rows whose places are less aligned than their width's vectors.

// CHECK: copy_rows_[[C:[0-9]+]](float *to, const float *from) {
// CHECK-NEXT: TileBlock<8>::forRows(6, [&](int row) {
// CHECK-NEXT: auto values = loadTile<8, 4>(from, row, 12);
// CHECK-NEXT: storeRow(to, row, 8, values);
// CHECK: launch("copy_rows_[[C]]", {2, 1, 1}, {a1, {{.*}} + 16});
func.func private @layer(%x: tensor<2x3x12xf32>) -> tensor<2x3x8xf32> {
  %a, %b = jepa.split_features %x : (tensor<2x3x12xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x8xf32>)
  return %b : tensor<2x3x8xf32>
}
func.func @jepa_run(%x: tensor<2x3x12xf32> {jepa.name = "x"}) -> (tensor<2x3x8xf32> {jepa.name = "y"}) {
  %y = call @layer(%x) : (tensor<2x3x12xf32>) -> tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}

// -----

// Tokens put back: a clip's at its mask's places, a table's as the sums over the clips. How often a cyclic mask goes
// through a table no launch knows.

// CHECK: ScatterTokens<48>::run(Rows<float>{to, 48}, 8, Rows<const float>{from, 48}, mask, 3, 2, false);
// CHECK: ScatterTokens<48>::run(Rows<float>{to, 48}, 8, Rows<const float>{from, 48}, mask, 3, 2, true);
// CHECK: JEPA_KERNEL(Loop::threads)
// CHECK-NEXT: scatter_tokens_
// CHECK: launch("scatter_tokens_{{[0-9]+}}", {2, 2, 1}, {y, x, m});
// CHECK: launch("scatter_tokens_{{[0-9]+}}", {2, 1, 1}, {t, x, m});
func.func @jepa_run(%x: tensor<2x3x48xf32> {jepa.name = "x"}, %m: tensor<2x3xi32> {jepa.name = "m"}, %p: tensor<1x3x48xf32> {jepa.name = "p"},
                    %n: tensor<1x3xi32> {jepa.name = "n"}) -> (tensor<2x8x48xf32> {jepa.name = "y"}, tensor<1x8x48xf32> {jepa.name = "t"}, tensor<1x8x48xf32> {jepa.name = "c"}) {
  %y = jepa.scatter_tokens %x, %m : (tensor<2x3x48xf32>, tensor<2x3xi32>) -> tensor<2x8x48xf32>
  %t = jepa.scatter_tokens %x, %m : (tensor<2x3x48xf32>, tensor<2x3xi32>) -> tensor<1x8x48xf32>
  %c = jepa.scatter_tokens %p, %n {cyclic} : (tensor<1x3x48xf32>, tensor<1x3xi32>) -> tensor<1x8x48xf32>
  return %y, %t, %c : tensor<2x8x48xf32>, tensor<1x8x48xf32>, tensor<1x8x48xf32>
}

// -----

// Masked attention has its keys gathered, and their gradients put back among zeros, in their places in the joint one.

// CHECK-NOT: Loop
// CHECK: GatherTokens<48>::run(Rows<bf16>{to, 48}, Rows<const bf16>{from, 48}, mask, 3, 10, false, false);
// CHECK: AttentionKeyGrad<24, bf16>::run(
// CHECK: ScatterTokens<48>::run(Rows<bf16>{to, 144}, 10, Rows<const bf16>{from, 48}, mask, 3, 2, false);
// CHECK-NOT: Loop
// CHECK: launch("scatter_tokens_{{[0-9]+}}", {3, 2, 1}, {d + 96, {{.*}}, m});
// CHECK: launch("scatter_tokens_{{[0-9]+}}", {3, 2, 1}, {d + 192, {{.*}}, m});
func.func @jepa_run(%do: tensor<2x10x48xbf16> {jepa.name = "do"}, %q: tensor<2x10x48xbf16> {jepa.name = "q"},
                    %k: tensor<2x10x48xbf16> {jepa.name = "k"}, %v: tensor<2x10x48xbf16> {jepa.name = "v"},
                    %o: tensor<2x10x48xbf16> {jepa.name = "o"}, %l: tensor<2x2x10xf32> {jepa.name = "l"}, %m: tensor<2x3xi32> {jepa.name = "m"})
    -> (tensor<2x10x144xbf16> {jepa.name = "d"}) {
  %dq, %dk, %dv = jepa.attention_grad %do, %q, %k, %v, %o, %l mask %m {heads = 2} : (tensor<2x10x48xbf16>, tensor<2x10x48xbf16>,
    tensor<2x10x48xbf16>, tensor<2x10x48xbf16>, tensor<2x10x48xbf16>, tensor<2x2x10xf32>, tensor<2x3xi32>) -> (tensor<2x10x48xbf16>, tensor<2x10x48xbf16>, tensor<2x10x48xbf16>)
  %d = jepa.concat_features %dq, %dk, %dv : (tensor<2x10x48xbf16>, tensor<2x10x48xbf16>, tensor<2x10x48xbf16>) -> tensor<2x10x144xbf16>
  return %d : tensor<2x10x144xbf16>
}
