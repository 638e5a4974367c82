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
// CHECK: GatherTokens<1536>::run(Rows<float>{to, 1536}, Rows<const float>{from, 1536}, mask, 3, 8, false, false);
// CHECK: CopyTokens<1536>::run(Rows<float>{to, 1536}, 7, 0, Rows<const float>{from, 1536}, 4, 0, 4);
// CHECK: CopyTokens<1536>::run(Rows<float>{to, 1536}, 7, 4, Rows<const float>{from, 1536}, 3, 0, 3);
// CHECK: PadTokens<1536>::run(Rows<float>{to, 1536}, 7, 2, Rows<const float>{from, 1536}, 3);
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

// CHECK: copy_rows_{{[0-9]+}}(float *to, const bf16 *from) {
// CHECK-NEXT: TileBlock<24>::forRows(1, [&](int row) {
// CHECK-NEXT: auto values = loadTile<24>(from, row, 24);
// CHECK-NEXT: storeRow(to, row, 24, values);
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

// -----

// The derivative of GELU is the product's epilogue, and so is the bias' gradient, in the result's type: it is converted
// behind it.

// CHECK: copy_rows_[[C:[0-9]+]](float *to, const bf16 *from) {
// CHECK: product({.m = 10, .n = 24, .k = 48, {{.*}} .inputs = "bf16",
// CHECK-NEXT: .result = "bf16", .epilogue = "dgelu"}, dx, dy, w, [[B:t[_0-9]*]], x, {{t[_0-9]*}});
// CHECK-NEXT: launch("copy_rows_[[C]]", {1, 1, 1}, {db, [[B]]});
func.func @jepa_run(%dy: tensor<2x5x48xbf16> {jepa.name = "dy"}, %w: tensor<48x24xbf16> {jepa.name = "w"},
                    %x: tensor<2x5x24xbf16> {jepa.name = "x"}) -> (tensor<2x5x24xbf16> {jepa.name = "dx"}, tensor<24xf32> {jepa.name = "db"}) {
  %0:2 = jepa.fused(%dy, %w, %x) {
  ^bb0(%a: tensor<2x5x48xbf16>, %b: tensor<48x24xbf16>, %c: tensor<2x5x24xbf16>):
    %1 = jepa.linear_input_grad %a, %b : (tensor<2x5x48xbf16>, tensor<48x24xbf16>) -> tensor<2x5x24xbf16>
    %2 = jepa.gelu_grad %1, %c : tensor<2x5x24xbf16>
    %3 = jepa.sum_to %2 : (tensor<2x5x24xbf16>) -> tensor<24xf32>
    jepa.yield %2, %3 : tensor<2x5x24xbf16>, tensor<24xf32>
  } : (tensor<2x5x48xbf16>, tensor<48x24xbf16>, tensor<2x5x24xbf16>) -> (tensor<2x5x24xbf16>, tensor<24xf32>)
  return %0#0, %0#1 : tensor<2x5x24xbf16>, tensor<24xf32>
}

// -----

// Scalars are rows of one number; a mean is summed by blocks of 4096 numbers, and its adjoint fills a tensor.

// CHECK-NOT: Loop
// CHECK: mean_chunks_[[M:[0-9]+]](float *partial, const bf16 *from) {
// CHECK-NEXT: SumChunks::run(partial, from, 6144);
// CHECK: SumAll::run(mean, partial, 2, 0.00016276042f);
// CHECK: addRows(
// CHECK-NEXT: storeRow(to_add, row, 1, addOut);
// CHECK: Fill::run(to, 0.5f, 1);
// CHECK: Fill::run(to, toFloat(*value), 6144);
// CHECK-NOT: Loop
// CHECK: launch("mean_chunks_[[M]]", {2, 1, 1},
// CHECK: launch("constant_{{[0-9]+}}", {1, 1, 1},
// CHECK: launch("splat_{{[0-9]+}}", {6, 1, 1},
func.func @jepa_run(%x: tensor<2x64x48xbf16> {jepa.name = "x"}, %l: tensor<f32> {jepa.name = "l"})
    -> (tensor<f32> {jepa.name = "loss"}, tensor<2x64x48xbf16> {jepa.name = "dx"}) {
  %0 = jepa.mean %x : (tensor<2x64x48xbf16>) -> tensor<f32>
  %1 = jepa.add %0, %l : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %2 = jepa.constant {value = 0.5} : tensor<f32>
  %3 = jepa.splat %2 : (tensor<f32>) -> tensor<2x64x48xbf16>
  return %1, %3 : tensor<f32>, tensor<2x64x48xbf16>
}
