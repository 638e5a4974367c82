// RUN: %jepa-opt %s --split-input-file --jepa-lower-to-kernels=target=cuda --canonicalize --cse --jepa-plan-memory --jepa-loops-to-emitc --jepa-print-cuda=hopper=true -o /dev/null | FileCheck %s
// RUN: %jepa-opt %s --split-input-file --jepa-lower-to-kernels=target=cuda --canonicalize --cse | FileCheck %s --check-prefix=IR

// What computes x stores e4m3. A weight is rounded by three kernels: largest size, scale, numbers; two products that read it
// read it rounded once. The bias is bf16, whatever it was.

// CHECK: #define JEPA_HOPPER
// CHECK: #include "quantize.cuh"
// CHECK: layer_norm_[[N:[0-9]+]](e4m3 *to_layerNorm, const float *x) {
// CHECK: storeRow(to_layerNorm, row, 48, normalRow);
// CHECK: largest_size_[[L:[0-9]+]](float *partial, const bf16 *from) {
// CHECK-NEXT: LargestSize::run(partial, from, 2304);
// CHECK: quantize_scale_[[S:[0-9]+]](float *scale, const float *partial) {
// CHECK-NEXT: QuantizeScale::run(scale, partial, 3);
// CHECK: quantize_[[Q:[0-9]+]](e4m3 *to, const bf16 *from, const float *scale) {
// CHECK-NEXT: Quantize::run(to, from, scale, 2304);
// CHECK: launch("layer_norm_[[N]]", {32, 1, 1}, {[[X:t[_0-9]*]], x});
// CHECK: launch("largest_size_[[L]]", {3, 1, 1}, {[[P:t[_0-9]*]], w});
// CHECK-NEXT: launch("quantize_scale_[[S]]", {1, 1, 1}, {[[SW:t[_0-9]*]], [[P]]});
// CHECK-NEXT: launch("quantize_[[Q]]", {3, 1, 1}, {[[W:t[_0-9]*]], w, [[SW]]});
// CHECK: product({.m = 128, .n = 48, .k = 48, .lda = 48, .ldb = 48, .ldc = 48, .transA = 0, .transB = 1, .inputs = "e4m3",
// CHECK-NEXT: .result = "bf16", .epilogue = "bias"}, {{[a-z0-9_]+}}, [[X]], [[W]], {{[a-z0-9_]+}}, nullptr, {{t[_0-9]*}}, [[SW]]);
// CHECK-NOT: launch("quantize
// CHECK: product({{.*}}.inputs = "e4m3",
// CHECK-NEXT: .result = "float", .epilogue = "none"}, {{[a-z0-9_]+}}, [[X]], [[W]], nullptr, nullptr, {{t[_0-9]*}}, [[SW]]);
// IR-COUNT-2: jepa.device_gemm {{.*}} scale %{{.*}} {{[{].*}} : memref<{{.*}}>, memref<2x64x48xf8E4M3FN>, memref<48x48xf8E4M3FN>, {{.*}} scale memref<1xf32>
func.func @jepa_run(%x: tensor<2x64x48xf32> {jepa.name = "x"}, %w: tensor<48x48xbf16> {jepa.name = "w"}, %b: tensor<48xf32> {jepa.name = "b"})
    -> (tensor<2x64x48xbf16> {jepa.name = "y"}, tensor<2x64x48xf32> {jepa.name = "z"}) {
  %n = jepa.layer_norm %x {eps = 1.0e-06} : (tensor<2x64x48xf32>) -> tensor<2x64x48xf8E4M3FN>
  %0 = jepa.linear %n, %w bias %b : (tensor<2x64x48xf8E4M3FN>, tensor<48x48xbf16>, tensor<48xf32>) -> tensor<2x64x48xbf16>
  %1 = jepa.linear %n, %w : (tensor<2x64x48xf8E4M3FN>, tensor<48x48xbf16>) -> tensor<2x64x48xf32>
  return %0, %1 : tensor<2x64x48xbf16>, tensor<2x64x48xf32>
}

// -----

// Attention's kernel stores e4m3, by tiles or by loops; GELU's, behind the product that gave its x, rounds twice, as the
// cast says.

// CHECK: attention_{{[0-9]+}}(e4m3 *result, float *logsumexp, const bf16 *query
// CHECK: AttentionForward<24, bf16>::run(Rows<e4m3>{result, 48}, logsumexp, Rows<const bf16>{query, 48},
// CHECK: gelu_cast_{{[0-9]+}}(e4m3 *to_cast, const bf16 *x) {
// CHECK: auto geluOut = gelu(xRow);
// CHECK-NEXT: auto geluOut2 = rounded<bf16>(geluOut);
// CHECK-NEXT: storeRow(to_cast, row, 48, geluOut2);
// CHECK: JEPA_KERNEL(Loop::threads)
// CHECK-NEXT: attention_{{[0-9]+}}(e4m3 *y0,
// CHECK: fromFloat<e4m3>(
func.func @jepa_run(%x: tensor<2x64x48xbf16> {jepa.name = "x"}, %w: tensor<48x48xbf16> {jepa.name = "w"})
    -> (tensor<2x64x48xbf16> {jepa.name = "y"}, tensor<2x64x48xbf16> {jepa.name = "z"}) {
  %a, %l = jepa.attention %x, %x, %x {heads = 2} : (tensor<2x64x48xbf16>, tensor<2x64x48xbf16>, tensor<2x64x48xbf16>) -> (tensor<2x64x48xf8E4M3FN>, tensor<2x2x64xf32>)
  %e = jepa.fused(%a, %w) {
  ^bb0(%a0: tensor<2x64x48xf8E4M3FN>, %w0: tensor<48x48xbf16>):
    %0 = jepa.linear %a0, %w0 : (tensor<2x64x48xf8E4M3FN>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
    %1 = jepa.gelu %0 : tensor<2x64x48xbf16>
    %2 = jepa.cast %1 : (tensor<2x64x48xbf16>) -> tensor<2x64x48xf8E4M3FN>
    jepa.yield %2 : tensor<2x64x48xf8E4M3FN>
  } : (tensor<2x64x48xf8E4M3FN>, tensor<48x48xbf16>) -> tensor<2x64x48xf8E4M3FN>
  %y = jepa.linear %e, %w : (tensor<2x64x48xf8E4M3FN>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %c, %m = jepa.attention %x, %x, %x {heads = 16} : (tensor<2x64x48xbf16>, tensor<2x64x48xbf16>, tensor<2x64x48xbf16>) -> (tensor<2x64x48xf8E4M3FN>, tensor<2x16x64xf32>)
  %z = jepa.linear %c, %w : (tensor<2x64x48xf8E4M3FN>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  return %y, %z : tensor<2x64x48xbf16>, tensor<2x64x48xbf16>
}
