// RUN: %jepa-opt %s --split-input-file --jepa-lower-to-kernels=target=cuda --canonicalize --cse --jepa-plan-memory --jepa-loops-to-emitc --jepa-print-cuda -o /dev/null | FileCheck %s

// A group is one kernel with a line for each op; a table that clips share is read at the token's row. Equal layers share it.

// CHECK: JEPA_KERNEL(RowBlock<48>::threads, RowBlock<48>::blocks)
// CHECK-NEXT: add_layer_norm_[[N:[0-9]+]](float *to_add, bf16 *to_layerNorm, const float *x, const float *whole, const float *whole1,
// CHECK-NEXT: const float *whole2) {
// CHECK-NEXT:   RowBlock<48>::forRows(10, [&](int row) {
// CHECK-NEXT:     auto xRow = loadRow<48>(x, row, 48);
// CHECK-NEXT:     auto wholeRow = loadRow<48>(whole, row % 5, 48);
// CHECK-NEXT:     auto addOut = addRows(xRow, wholeRow);
// CHECK-NEXT:     storeRow(to_add, row, 48, addOut);
// CHECK-NEXT:     auto whole1Row = loadWhole<48>(whole1);
// CHECK-NEXT:     auto whole2Row = loadWhole<48>(whole2);
// CHECK-NEXT:     auto normalRow = normalize(addOut, 1e-06f);
// CHECK-NEXT:     auto layerNormOut = layerNorm(normalRow, whole1Row, whole2Row);
// CHECK-NEXT:     storeRow(to_layerNorm, row, 48, layerNormOut);
// CHECK-NEXT:   });
// CHECK-NEXT: }
// CHECK-NEXT: JEPA_LAUNCH_INFO(add_layer_norm_[[N]], 6, RowBlock<48>)
// CHECK-NOT: JEPA_KERNEL
// CHECK: launch("add_layer_norm_[[N]]", {3, 1, 1},
// CHECK: launch("add_layer_norm_[[N]]", {3, 1, 1},
func.func @jepa_run(%x: tensor<2x5x48xf32> {jepa.name = "x"}, %t: tensor<1x5x48xf32> {jepa.name = "t"},
                    %w: tensor<48xf32> {jepa.name = "w"}, %b: tensor<48xf32> {jepa.name = "b"})
    -> (tensor<2x5x48xbf16> {jepa.name = "y"}, tensor<2x5x48xbf16> {jepa.name = "z"}) {
  %0:2 = jepa.fused(%x, %t, %w, %b) {
  ^bb0(%x0: tensor<2x5x48xf32>, %t0: tensor<1x5x48xf32>, %w0: tensor<48xf32>, %b0: tensor<48xf32>):
    %1 = jepa.add %x0, %t0 : (tensor<2x5x48xf32>, tensor<1x5x48xf32>) -> tensor<2x5x48xf32>
    %2 = jepa.layer_norm %1 weight %w0 bias %b0 {eps = 1.0e-06} : (tensor<2x5x48xf32>, tensor<48xf32>, tensor<48xf32>) -> tensor<2x5x48xbf16>
    jepa.yield %1, %2 : tensor<2x5x48xf32>, tensor<2x5x48xbf16>
  } : (tensor<2x5x48xf32>, tensor<1x5x48xf32>, tensor<48xf32>, tensor<48xf32>) -> (tensor<2x5x48xf32>, tensor<2x5x48xbf16>)
  %3:2 = jepa.fused(%0#0, %t, %w, %b) {
  ^bb0(%x0: tensor<2x5x48xf32>, %t0: tensor<1x5x48xf32>, %w0: tensor<48xf32>, %b0: tensor<48xf32>):
    %1 = jepa.add %x0, %t0 : (tensor<2x5x48xf32>, tensor<1x5x48xf32>) -> tensor<2x5x48xf32>
    %2 = jepa.layer_norm %1 weight %w0 bias %b0 {eps = 1.0e-06} : (tensor<2x5x48xf32>, tensor<48xf32>, tensor<48xf32>) -> tensor<2x5x48xbf16>
    jepa.yield %1, %2 : tensor<2x5x48xf32>, tensor<2x5x48xbf16>
  } : (tensor<2x5x48xf32>, tensor<1x5x48xf32>, tensor<48xf32>, tensor<48xf32>) -> (tensor<2x5x48xf32>, tensor<2x5x48xbf16>)
  return %0#1, %3#1 : tensor<2x5x48xbf16>, tensor<2x5x48xbf16>
}

// -----

// Nothing asks for a row as a whole: tiles of columns. Sums over the rows meet in a second launch; what the sum reads is
// rounded as in memory.

// CHECK: JEPA_KERNEL(TileSums<1032, 1>::threads, TileSums<1032, 1>::blocks)
// CHECK-NEXT: gelu_grad_sum_to_{{[0-9]+}}(bf16 *to_geluGrad, float *partial, const bf16 *x, const bf16 *x1) {
// CHECK-NEXT:   TileSums<1032, 1> sums;
// CHECK-NEXT:   sums.forRows(100, [[EACH:[0-9]+]], [&](int row) {
// CHECK-NEXT:     auto xRow = loadTile<1032>(x, row, 1032);
// CHECK-NEXT:     auto x1Row = loadTile<1032>(x1, row, 1032);
// CHECK-NEXT:     auto geluGradOut = geluGrad(xRow, x1Row);
// CHECK-NEXT:     auto geluGradOut2 = rounded<bf16>(geluGradOut);
// CHECK-NEXT:     storeRow(to_geluGrad, row, 1032, geluGradOut2);
// CHECK-NEXT:     sums.add<0>(geluGradOut2);
// CHECK-NEXT:   });
// CHECK-NEXT:   sums.store(partial);
// CHECK: SumRows::run(to, partial, [[BLOCKS:[0-9]+]], 1032, 1032);
// CHECK: launch("gelu_grad_sum_to_{{[0-9]+}}", {[[BLOCKS]], 3, 1},
func.func @jepa_run(%dy: tensor<2x50x1032xbf16> {jepa.name = "dy"}, %x: tensor<2x50x1032xbf16> {jepa.name = "x"})
    -> (tensor<2x50x1032xbf16> {jepa.name = "dx"}, tensor<1032xf32> {jepa.name = "db"}) {
  %0:2 = jepa.fused(%dy, %x) {
  ^bb0(%dy0: tensor<2x50x1032xbf16>, %x0: tensor<2x50x1032xbf16>):
    %1 = jepa.gelu_grad %dy0, %x0 : tensor<2x50x1032xbf16>
    %2 = jepa.sum_to %1 : (tensor<2x50x1032xbf16>) -> tensor<1032xf32>
    jepa.yield %1, %2 : tensor<2x50x1032xbf16>, tensor<1032xf32>
  } : (tensor<2x50x1032xbf16>, tensor<2x50x1032xbf16>) -> (tensor<2x50x1032xbf16>, tensor<1032xf32>)
  return %0#0, %0#1 : tensor<2x50x1032xbf16>, tensor<1032xf32>
}

// -----

// A view whose rows begin at odd places is read by narrower vectors.

// CHECK: scale_{{[0-9]+}}(float *to_scale, const float *x) {
// CHECK: loadTile<8, 4>(x, row, 12);
// CHECK: scaleRow(xRow, 2.0f, -1.0f);
func.func @jepa_run(%x: tensor<2x5x12xf32> {jepa.name = "x"}) -> (tensor<2x5x8xf32> {jepa.name = "y"}) {
  %0:2 = jepa.split_features %x : (tensor<2x5x12xf32>) -> (tensor<2x5x4xf32>, tensor<2x5x8xf32>)
  %1 = jepa.scale %0#1 {factor = 2.0, offset = -1.0} : tensor<2x5x8xf32>
  return %1 : tensor<2x5x8xf32>
}
