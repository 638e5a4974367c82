// RUN: %jepa-opt %s --jepa-lower-to-kernels="target=cpu max-threads=4" --split-input-file | FileCheck %s

// Few heads: parts of a head's queries are tasks, three here. 40 keys of 16 features are packed as rows of
// words, 32 queries as one panel, each with a page behind it; vectors are of 16 queries, so that the softmax goes across
// vectors.

// CHECK: jepa.launch @attention_0({{.*}}) {count = 9 : i64, grain = 1 : i64, {{.*}}writes = 9 : i64} : memref<1x520x48xf32>, memref<1x3x520xf32>, memref<4x104x16xf32>, memref<4x104x16xf32>, memref<4x3x16x32xf32>
// CHECK: func.func private @attention_0
// CHECK: vector.shuffle
// CHECK: math.fma {{.*}} : vector<16xf32>
// CHECK: arith.maxnumf {{.*}} : vector<16xf32>
func.func @jepa_run(%q: tensor<1x520x48xf32> {jepa.name = "q"}, %k: tensor<1x40x48xf32> {jepa.name = "k"})
    -> (tensor<1x520x48xf32> {jepa.name = "o"}) {
  %o, %l = jepa.attention %q, %k, %k {heads = 3}
    : (tensor<1x520x48xf32>, tensor<1x40x48xf32>, tensor<1x40x48xf32>) -> (tensor<1x520x48xf32>, tensor<1x3x520xf32>)
  return %o : tensor<1x520x48xf32>
}

// -----

// Many heads: each is a task, with its thread's scratch. Whole vectors of features need no mask.

// CHECK: jepa.launch @attention_0({{.*}}) {count = 16 : i64, grain = 1 : i64, {{.*}}writes = 9 : i64} : {{.*}}, memref<4x96x32xf32>
// CHECK-NOT: vector.create_mask
func.func @jepa_run(%q: tensor<8x64x32xf32> {jepa.name = "q"}) -> (tensor<8x64x32xf32> {jepa.name = "o"}) {
  %o, %l = jepa.attention %q, %q, %q {heads = 2}
    : (tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>) -> (tensor<8x64x32xf32>, tensor<8x2x64xf32>)
  return %o : tensor<8x64x32xf32>
}

// -----

// Run-time lengths become a list of keys and where it starts and ends, which all heads of a clip share.

// CHECK: jepa.launch @attention_keys_0({{.*}}) {count = 2 : i64, grain = 1 : i64, {{.*}}writes = 2 : i64} : memref<2x48xi32>, memref<2x2xi32>, memref<1xi32>, memref<1xi32>
func.func @jepa_run(%q: tensor<2x48x32xf32> {jepa.name = "q"}, %a: tensor<1xi32> {jepa.name = "a"},
                    %b: tensor<1xi32> {jepa.name = "b"}) -> (tensor<2x48x32xf32> {jepa.name = "o"}) {
  %o, %l = jepa.attention %q, %q, %q lengths(%a, %b) {heads = 1, segments = array<i64: 16, 32>}
    : (tensor<2x48x32xf32>, tensor<2x48x32xf32>, tensor<2x48x32xf32>, tensor<1xi32>, tensor<1xi32>)
    -> (tensor<2x48x32xf32>, tensor<2x1x48xf32>)
  return %o : tensor<2x48x32xf32>
}

// -----

// Sequences are groups with tokens of their own: no list, and twice the tasks.

// CHECK: jepa.launch @attention_0({{.*}}) {count = 4 : i64
func.func @jepa_run(%q: tensor<2x48x32xf32> {jepa.name = "q"}) -> (tensor<2x48x32xf32> {jepa.name = "o"}) {
  %o, %l = jepa.attention %q, %q, %q {heads = 1, query_sequences = array<i64: 40, 8>, key_sequences = array<i64: 16, 32>}
    : (tensor<2x48x32xf32>, tensor<2x48x32xf32>, tensor<2x48x32xf32>) -> (tensor<2x48x32xf32>, tensor<2x1x48xf32>)
  return %o : tensor<2x48x32xf32>
}

// -----

// Packed samples: lists on both sides, zeros for padding, a task for each sample.

// CHECK: jepa.launch @attention_queries_0({{.*}}) {count = 1 : i64{{.*}}} : memref<1x48xi32>, memref<1x4xi32>, memref<4xi32>
// CHECK: jepa.launch @attention_keys_1({{.*}}) {count = 1 : i64{{.*}}} : memref<1x48xi32>, memref<1x4xi32>, memref<4xi32>
// CHECK: jepa.launch @attention_clear_2
// CHECK: jepa.launch @attention_4({{.*}}) {count = 3 : i64
func.func @jepa_run(%q: tensor<1x48x32xf32> {jepa.name = "q"}, %b: tensor<4xi32> {jepa.name = "b"})
    -> (tensor<1x48x32xf32> {jepa.name = "o"}) {
  %o, %l = jepa.attention %q, %q, %q query_bounds(%b) key_bounds(%b)
    {heads = 1, segments = array<i64: 48>, query_segments = array<i64: 48>}
    : (tensor<1x48x32xf32>, tensor<1x48x32xf32>, tensor<1x48x32xf32>, tensor<4xi32>, tensor<4xi32>)
    -> (tensor<1x48x32xf32>, tensor<1x1x48xf32>)
  return %o : tensor<1x48x32xf32>
}

// -----

// The adjoint of few heads does parts of their keys; the parts' gradients of queries are added afterwards.

// CHECK: jepa.launch @attention_grad_0({{.*}}) {count = 4 : i64{{.*}}} : memref<4x300x32xf32>, memref<1x500x32xf32>, memref<1x500x32xf32>
// CHECK: jepa.launch @attention_grad_sum_1({{.*}}) {count = 300 : i64, {{.*}}} : memref<300x32xf32>, memref<1200x32xf32>
func.func @jepa_run(%d: tensor<1x300x32xf32> {jepa.name = "d"}, %k: tensor<1x500x32xf32> {jepa.name = "k"},
                    %l: tensor<1x1x300xf32> {jepa.name = "l"}) -> (tensor<1x300x32xf32> {jepa.name = "dq"}) {
  %dq, %dk, %dv = jepa.attention_grad %d, %d, %k, %k, %d, %l {heads = 1}
    : (tensor<1x300x32xf32>, tensor<1x300x32xf32>, tensor<1x500x32xf32>, tensor<1x500x32xf32>, tensor<1x300x32xf32>,
       tensor<1x1x300xf32>) -> (tensor<1x300x32xf32>, tensor<1x500x32xf32>, tensor<1x500x32xf32>)
  return %dq : tensor<1x300x32xf32>
}
