// RUN: %jepa-opt %s --split-input-file --jepa-lower-to-kernels=target=cuda --canonicalize --cse --jepa-plan-memory --jepa-loops-to-emitc --jepa-print-cuda -o /dev/null | FileCheck %s

// All updates are one launch over a table of places; norms of gradients alike. Chunks have 4096 numbers.

// CHECK: JEPA_TABLE GradientPlace squared_norm_[[N:[0-9]+]]_places[2] = {
// CHECK-NEXT: {{[{]}}{{[0-9]+}}, 48, 0},
// CHECK-NEXT: {{[{]}}{{[0-9]+}}, 9216, 1},
// CHECK-NEXT: };
// CHECK: squared_norm_[[N]](unsigned char *arena, float *partial) {
// CHECK: SumAll::run(norm, partial, 4, 1.0f);
// CHECK: JEPA_TABLE ParameterPlace adamw_[[A:[0-9]+]]_places[2] = {
// CHECK-NEXT: {{[{]}}{{[0-9]+}}, {{[0-9]+}}, {{[0-9]+}}, {{[0-9]+}}, -1, -1, {{[0-9]+}}, {{[0-9]+}}, 48, 0, 0},
// CHECK-NEXT: {{[{]}}{{[0-9]+}}, {{[0-9]+}}, {{[0-9]+}}, -1, {{[0-9]+}}, -1, {{[0-9]+}}, {{[0-9]+}}, 9216, 1, 1},
// CHECK-NEXT: };
// CHECK-NEXT: JEPA_KERNEL(AdamW::threads)
// CHECK-NEXT: adamw_[[A]](unsigned char *arena, const float *hyper) {
// CHECK-NEXT: auto *places = adamw_[[A]]_places;
// CHECK-NEXT: AdamW::run(arena, places, 2, hyper);
// CHECK: launch("squared_norm_[[N]]", {4, 1, 1}, {arena,
// CHECK: launch("adamw_[[A]]", {4, 1, 1}, {arena, hyper});
func.func @jepa_run(%a: tensor<48xf32> {jepa.name = "a"}, %b: tensor<192x48xf32> {jepa.name = "b"},
                    %hyper: tensor<9xf32> {jepa.name = "hyper"}) {
  %n = jepa.squared_norm %a, %b : (tensor<48xf32>, tensor<192x48xf32>) -> tensor<f32>
  jepa.adamw "norm.weight", %a, %hyper norm %n {decay = false, teacher = "target.norm.weight"} : tensor<48xf32>, tensor<9xf32>, tensor<f32>
  jepa.adamw "fc1.weight", %b, %hyper norm %n {decay = true, copy} : tensor<192x48xf32>, tensor<9xf32>, tensor<f32>
  return
}

// -----

// Tubelets from numbers or bytes, as an input says; a selection; parts joined by a launch each; the loss in two.

// CHECK: Patchify<4, 32, 32, 16, 2>::run(to, clip, areBytes, tokens,
// CHECK-NEXT: Normalisation{{.*}}, false);
// CHECK: GatherTokens<1536>::run(to, from, mask, 3, 8, false, false);
// CHECK: CopyTokens<1536>::run(to, 7, 0, from, 4, 0, 4);
// CHECK: CopyTokens<1536>::run(to, 7, 4, from, 3, 0, 3);
// CHECK: PadTokens<1536>::run(to, 7, 2, from, 3);
// CHECK: PowerLoss<1536>::run(partial, predicted, target, TokenWeights{14, 7, nullptr, nullptr, 0}, 1.5f);
// CHECK: launch("patchify_{{[0-9]+}}", {4, 2, 1}, {{.*}}, clip, clip_bytes, m});
func.func @jepa_run(%clip: tensor<2x3x4x32x32xf32> {jepa.name = "clip"}, %m: tensor<2x4xi32> {jepa.name = "m"},
                    %x: tensor<2x8x1536xf32> {jepa.name = "x"}, %n: tensor<2x3xi32> {jepa.name = "n"}) -> (tensor<f32> {jepa.name = "loss"}) {
  %0 = jepa.patchify %clip tokens %m {patch = 16, tubelet = 2} : (tensor<2x3x4x32x32xf32>, tensor<2x4xi32>) -> tensor<2x4x1536xf32>
  %1 = jepa.gather_tokens %x, %n : (tensor<2x8x1536xf32>, tensor<2x3xi32>) -> tensor<2x3x1536xf32>
  %2 = jepa.concat_tokens %0, %1 : (tensor<2x4x1536xf32>, tensor<2x3x1536xf32>) -> tensor<2x7x1536xf32>
  %3 = jepa.pad_tokens %1 {offset = 2} : (tensor<2x3x1536xf32>) -> tensor<2x7x1536xf32>
  %4 = jepa.power_loss %2, %3 {exponent = 1.5} : (tensor<2x7x1536xf32>, tensor<2x7x1536xf32>) -> tensor<f32>
  return %4 : tensor<f32>
}

// -----

// Products are the library's; it adds a bias of its result's type, so another one is converted first.

// CHECK: copy_{{[0-9]+}}(float *y0, const bf16 *x0) {
// CHECK: product({.m = 10, .n = 24, .k = 48, .lda = 48, .ldb = 48, .ldc = 24, .transA = 0, .transB = 1, .inputs = "bf16",
// CHECK-NEXT: .result = "float", .epilogue = "bias"},
// CHECK: product({.m = 24, .n = 48, .k = 10, .lda = 24, .ldb = 48, .ldc = 48, .transA = 1, .transB = 0, .inputs = "bf16",
// CHECK-NEXT: .result = "float", .epilogue = "none"},
func.func @jepa_run(%x: tensor<2x5x48xbf16> {jepa.name = "x"}, %w: tensor<24x48xbf16> {jepa.name = "w"}, %b: tensor<24xbf16> {jepa.name = "b"},
                    %dy: tensor<2x5x24xbf16> {jepa.name = "dy"}) -> (tensor<2x5x24xf32> {jepa.name = "y"}, tensor<24x48xf32> {jepa.name = "dw"}) {
  %0 = jepa.linear %x, %w bias %b : (tensor<2x5x48xbf16>, tensor<24x48xbf16>, tensor<24xbf16>) -> tensor<2x5x24xf32>
  %1 = jepa.linear_weight_grad %dy, %x : (tensor<2x5x24xbf16>, tensor<2x5x48xbf16>) -> tensor<24x48xf32>
  return %0, %1 : tensor<2x5x24xf32>, tensor<24x48xf32>
}
