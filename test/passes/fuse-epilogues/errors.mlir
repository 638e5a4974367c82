// RUN: %jepa-opt %s --jepa-fuse-epilogues --split-input-file --verify-diagnostics

// expected-error @below {{has several blocks: ops are fused in straight-line functions}}
func.func @blocks(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %y = jepa.gelu %x : tensor<2x4xf32>
  llvm.br ^next
^next:
  return %y : tensor<2x4xf32>
}

// -----

func.func @other_op(%x: tensor<2x8x4xf32>, %y: tensor<2x8x4xf32>) -> tensor<2x8x8xf32> {
  %0 = jepa.fused(%x, %y) {
  ^bb0(%a: tensor<2x8x4xf32>, %b: tensor<2x8x4xf32>):
    // expected-error @below {{cannot be part of a fused group: it does not implement FusibleOpInterface}}
    %1 = jepa.concat_features %a, %b : (tensor<2x8x4xf32>, tensor<2x8x4xf32>) -> tensor<2x8x8xf32>
    jepa.yield %1 : tensor<2x8x8xf32>
  } : (tensor<2x8x4xf32>, tensor<2x8x4xf32>) -> tensor<2x8x8xf32>
  return %0 : tensor<2x8x8xf32>
}

// -----

func.func @sum_read(%x: tensor<1x8x4xf32>) -> tensor<1x8x4xf32> {
  %0 = jepa.fused(%x) {
  ^bb0(%a: tensor<1x8x4xf32>):
    %1 = jepa.sum_to %a : (tensor<1x8x4xf32>) -> tensor<1x1x4xf32>
    // expected-error @below {{reads a whole tensor that its group computes row by row}}
    %2 = jepa.add %a, %1 : (tensor<1x8x4xf32>, tensor<1x1x4xf32>) -> tensor<1x8x4xf32>
    jepa.yield %2 : tensor<1x8x4xf32>
  } : (tensor<1x8x4xf32>) -> tensor<1x8x4xf32>
  return %0 : tensor<1x8x4xf32>
}
