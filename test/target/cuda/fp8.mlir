// RUN: %jepa-opt %s --split-input-file --jepa-lower-to-kernels=target=cuda --canonicalize --cse --jepa-plan-memory --jepa-loops-to-emitc --jepa-print-cuda=hopper=true -o /dev/null | FileCheck %s
// RUN: %jepa-opt %s --split-input-file --jepa-lower-to-kernels=target=cuda --canonicalize --cse | FileCheck %s --check-prefix=IR

// x and the weight are rounded by three kernels each: largest size, scale, numbers. Two products that read a weight, or
// an x, read it rounded once. The bias is bf16, whatever it was.

// CHECK: #define JEPA_HOPPER
// CHECK: #include "quantize.cuh"
// CHECK: largest_size_[[L:[0-9]+]](float *partial, const bf16 *from) {
// CHECK-NEXT: LargestSize::run(partial, from, 6144);
// CHECK: quantize_scale_[[S:[0-9]+]](float *scale, const float *partial) {
// CHECK-NEXT: QuantizeScale::run(scale, partial, 6);
// CHECK: quantize_[[Q:[0-9]+]](unsigned char *to, const bf16 *from, const float *scale) {
// CHECK-NEXT: Quantize::run(reinterpret_cast<e4m3 *>(to), from, scale, 6144);
// CHECK: LargestSize::run(partial, from, 2304);
// CHECK: launch("largest_size_[[L]]", {6, 1, 1}, {[[P:t[_0-9]*]], x});
// CHECK-NEXT: launch("quantize_scale_[[S]]", {1, 1, 1}, {[[SX:t[_0-9]*]], [[P]]});
// CHECK-NEXT: launch("quantize_[[Q]]", {6, 1, 1}, {[[X:t[_0-9]*]], x, [[SX]]});
// CHECK: launch("quantize_{{[0-9]+}}", {3, 1, 1}, {[[W:t[_0-9]*]], w, [[SW:t[_0-9]*]]});
// CHECK: product({.m = 128, .n = 48, .k = 48, .lda = 48, .ldb = 48, .ldc = 48, .transA = 0, .transB = 1, .inputs = "e4m3",
// CHECK-NEXT: .result = "bf16", .epilogue = "bias"}, {{[a-z0-9_]+}}, [[X]], [[W]], {{[a-z0-9_]+}}, nullptr, {{t[_0-9]*}}, [[SX]], [[SW]]);
// CHECK-NOT: launch("quantize
// CHECK: product({{.*}}.inputs = "e4m3",
// CHECK-NEXT: .result = "float", .epilogue = "none"}, {{[a-z0-9_]+}}, [[X]], [[W]], nullptr, nullptr, {{t[_0-9]*}}, [[SX]], [[SW]]);
// IR-COUNT-2: jepa.device_gemm {{.*}} scales %{{.*}}, %{{.*}} {{[{].*}} : memref<{{.*}}>, memref<128x48xi8>, memref<48x48xi8>, {{.*}} scales memref<1xf32>, memref<1xf32>
func.func @jepa_run(%x: tensor<2x64x48xbf16> {jepa.name = "x"}, %w: tensor<48x48xbf16> {jepa.name = "w"}, %b: tensor<48xf32> {jepa.name = "b"})
    -> (tensor<2x64x48xbf16> {jepa.name = "y"}, tensor<2x64x48xf32> {jepa.name = "z"}) {
  %0 = jepa.linear %x, %w bias %b {e4m3} : (tensor<2x64x48xbf16>, tensor<48x48xbf16>, tensor<48xf32>) -> tensor<2x64x48xbf16>
  %1 = jepa.linear %x, %w {e4m3} : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xf32>
  return %0, %1 : tensor<2x64x48xbf16>, tensor<2x64x48xf32>
}
