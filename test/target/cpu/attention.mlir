// RUN: %jepa-opt %s --jepa-lower-to-kernels="target=cpu max-threads=4" --split-input-file | FileCheck %s

// Few heads: keys and values are packed first, then every block of queries is a task. 40 keys are two panels of 32.

// CHECK: jepa.launch @attention_pack_0({{.*}}) {count = 3 : i64, {{.*}}} : memref<3x2x16x32xf32>, memref<3x64x16xf32>
// CHECK: jepa.launch @attention_1({{.*}}) {count = 6 : i64, grain = 1 : i64
// CHECK: func.func private @attention_1
// CHECK: vector.create_mask
// CHECK: math.fma {{.*}} : vector<16xf32>
// CHECK: math.exp {{.*}} : vector<32xf32>
func.func @jepa_run(%q: tensor<1x70x48xf32> {jepa.name = "q"}, %k: tensor<1x40x48xf32> {jepa.name = "k"})
    -> (tensor<1x70x48xf32> {jepa.name = "o"}) {
  %o, %l = jepa.attention %q, %k, %k {heads = 3}
    : (tensor<1x70x48xf32>, tensor<1x40x48xf32>, tensor<1x40x48xf32>) -> (tensor<1x70x48xf32>, tensor<1x3x70xf32>)
  return %o : tensor<1x70x48xf32>
}

// -----

// Many heads: each is a task that packs its keys into its thread's scratch. Whole panels need no mask.

// CHECK-NOT: attention_pack
// CHECK: jepa.launch @attention_0({{.*}}) {count = 8 : i64, grain = 1 : i64
// CHECK-NOT: vector.create_mask
func.func @jepa_run(%q: tensor<4x64x32xf32> {jepa.name = "q"}) -> (tensor<4x64x32xf32> {jepa.name = "o"}) {
  %o, %l = jepa.attention %q, %q, %q {heads = 2}
    : (tensor<4x64x32xf32>, tensor<4x64x32xf32>, tensor<4x64x32xf32>) -> (tensor<4x64x32xf32>, tensor<4x2x64xf32>)
  return %o : tensor<4x64x32xf32>
}

// -----

// Run-time lengths become a list of keys and its length, which all heads of a clip share.

// CHECK: jepa.launch @attention_keys_0({{.*}}) {count = 2 : i64, grain = 1 : i64, writes = 2 : i64} : memref<2x48xi32>, memref<2xi32>, memref<1xi32>, memref<1xi32>
func.func @jepa_run(%q: tensor<2x48x32xf32> {jepa.name = "q"}, %a: tensor<1xi32> {jepa.name = "a"},
                    %b: tensor<1xi32> {jepa.name = "b"}) -> (tensor<2x48x32xf32> {jepa.name = "o"}) {
  %o, %l = jepa.attention %q, %q, %q lengths(%a, %b) {heads = 1, segments = array<i64: 16, 32>}
    : (tensor<2x48x32xf32>, tensor<2x48x32xf32>, tensor<2x48x32xf32>, tensor<1xi32>, tensor<1xi32>)
    -> (tensor<2x48x32xf32>, tensor<2x1x48xf32>)
  return %o : tensor<2x48x32xf32>
}
