// RUN: %jepa-opt %s --split-input-file --jepa-lower-to-kernels=target=cuda --canonicalize --cse --jepa-plan-memory --jepa-loops-to-emitc --jepa-print-cuda -o /dev/null | FileCheck %s

// Two sequences on one token axis: a launch each. Parts of one product are read where they are.

// CHECK: JEPA_KERNEL(AttentionForward<16, bf16>::threads)
// CHECK-NEXT: attention_[[A:[0-9]+]](bf16 *result, float *logsumexp, const bf16 *query, const bf16 *key, const bf16 *value) {
// CHECK-NEXT: auto queries = Packing<1>{100, {0}, {30}, {nullptr}, {nullptr}};
// CHECK-NEXT: auto keys = Packing<1>{100, {0}, {30}, {nullptr}, {nullptr}};
// CHECK-NEXT: AttentionForward<16, bf16>::run(Rows<bf16>{result, 48}, logsumexp, Rows<const bf16>{query, 144},
// CHECK-NEXT: Rows<const bf16>{key, 144}, Rows<const bf16>{value, 144}, queries, keys, 3, 2, 0.25f);
// CHECK: Packing<1>{100, {30}, {70}, {nullptr}, {nullptr}};
// CHECK: launch("attention_[[A]]", {1, 3, 2}, {{.*}}, qkv, qkv + 96, qkv + 192});
// CHECK: launch("attention_{{[0-9]+}}", {2, 3, 2},
func.func @jepa_run(%qkv: tensor<2x100x144xbf16> {jepa.name = "qkv"}) -> (tensor<2x100x48xbf16> {jepa.name = "y"}) {
  %0:3 = jepa.split_features %qkv : (tensor<2x100x144xbf16>) -> (tensor<2x100x48xbf16>, tensor<2x100x48xbf16>, tensor<2x100x48xbf16>)
  %1, %2 = jepa.attention %0#0, %0#1, %0#2 {heads = 3, query_sequences = array<i64: 30, 70>, key_sequences = array<i64: 30, 70>}
    : (tensor<2x100x48xbf16>, tensor<2x100x48xbf16>, tensor<2x100x48xbf16>) -> (tensor<2x100x48xbf16>, tensor<2x3x100xf32>)
  return %1 : tensor<2x100x48xbf16>
}

// -----

// Packed samples: bounds say whose a token is, and there is one sequence more for the padding.

// CHECK: attention_[[A:[0-9]+]](float *result, float *logsumexp, const float *query, const float *key, const float *value,
// CHECK-NEXT: const int *[[BOUNDS:bounds[0-9]+]]) {
// CHECK-NEXT: auto queries = Packing<1>{40, {0}, {40}, {nullptr}, {[[BOUNDS]]}};
// CHECK: queries, keys, 2, 3, 0.3535
// CHECK: launch("attention_[[A]]", {1, 2, 4},
func.func @jepa_run(%x: tensor<1x40x16xf32> {jepa.name = "x"}, %b: tensor<4xi32> {jepa.name = "b"}) -> (tensor<1x40x16xf32> {jepa.name = "y"}) {
  %0, %1 = jepa.attention %x, %x, %x query_bounds(%b) key_bounds(%b)
    {heads = 2, segments = array<i64: 40>, query_segments = array<i64: 40>}
    : (tensor<1x40x16xf32>, tensor<1x40x16xf32>, tensor<1x40x16xf32>, tensor<4xi32>, tensor<4xi32>) -> (tensor<1x40x16xf32>, tensor<1x2x40xf32>)
  return %0 : tensor<1x40x16xf32>
}

// -----

// Gradients that are joined are computed where the joint one wants them: nothing is copied.

// CHECK-NOT: copy
// CHECK: JEPA_KERNEL(AttentionQueryGrad<24, bf16>::threads, 2)
// CHECK: launch("attention_delta_{{[0-9]+}}",
// CHECK: launch("attention_query_grad_{{[0-9]+}}", {1, 2, 2}, {d,
// CHECK: launch("attention_key_grad_{{[0-9]+}}", {1, 2, 2}, {d + 96, d + 192,
func.func @jepa_run(%g: tensor<2x40x48xbf16> {jepa.name = "g"}, %q: tensor<2x40x48xbf16> {jepa.name = "q"},
                    %l: tensor<2x2x40xf32> {jepa.name = "l"}) -> (tensor<2x40x144xbf16> {jepa.name = "d"}) {
  %0:3 = jepa.attention_grad %g, %q, %q, %q, %q, %l {heads = 2} : (tensor<2x40x48xbf16>, tensor<2x40x48xbf16>, tensor<2x40x48xbf16>,
    tensor<2x40x48xbf16>, tensor<2x40x48xbf16>, tensor<2x2x40xf32>) -> (tensor<2x40x48xbf16>, tensor<2x40x48xbf16>, tensor<2x40x48xbf16>)
  %1 = jepa.concat_features %0#0, %0#1, %0#2 : (tensor<2x40x48xbf16>, tensor<2x40x48xbf16>, tensor<2x40x48xbf16>) -> tensor<2x40x144xbf16>
  return %1 : tensor<2x40x144xbf16>
}

// -----

// A head that no tile holds runs as loops.

// CHECK: JEPA_KERNEL(Loop::threads)
// CHECK-NEXT: attention_
func.func @jepa_run(%x: tensor<2x10x22xf32> {jepa.name = "x"}) -> (tensor<2x10x22xf32> {jepa.name = "y"}) {
  %0, %1 = jepa.attention %x, %x, %x {heads = 1} : (tensor<2x10x22xf32>, tensor<2x10x22xf32>, tensor<2x10x22xf32>) -> (tensor<2x10x22xf32>, tensor<2x1x10xf32>)
  return %0 : tensor<2x10x22xf32>
}
