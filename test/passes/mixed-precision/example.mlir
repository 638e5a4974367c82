// RUN: %jepa-opt %s --jepa-mixed-precision | FileCheck %s

// The products and what only passes between them are in bf16; the residual stream stays in f32.

// CHECK-LABEL: func.func @jepa_run(
// CHECK-SAME:    %[[X:.*]]: tensor<2x64x48xf32>
// CHECK-NEXT:    %[[LOW:.*]] = jepa.cast %[[X]] : (tensor<2x64x48xf32>) -> tensor<2x64x48xbf16>
// CHECK-NEXT:    %[[W:.*]] = jepa.parameter "encoder.w" {init = "ones"} : tensor<48x48xbf16>
// CHECK-NEXT:    %[[Y:.*]] = jepa.linear %[[LOW]], %[[W]] : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
// CHECK-NEXT:    %[[G:.*]] = jepa.gelu %[[Y]] : tensor<2x64x48xbf16>
// CHECK-NEXT:    %[[Z:.*]] = jepa.add %[[X]], %[[G]] : (tensor<2x64x48xf32>, tensor<2x64x48xbf16>) -> tensor<2x64x48xf32>
// CHECK-NEXT:    return %[[Z]]
func.func @jepa_run(%x: tensor<2x64x48xf32> {jepa.name = "x"}) -> (tensor<2x64x48xf32> {jepa.name = "y"}) {
  %w = jepa.parameter "encoder.w" {init = "ones"} : tensor<48x48xf32>
  %0 = jepa.linear %x, %w : (tensor<2x64x48xf32>, tensor<48x48xf32>) -> tensor<2x64x48xf32>
  %1 = jepa.gelu %0 : tensor<2x64x48xf32>
  %2 = jepa.add %x, %1 : (tensor<2x64x48xf32>, tensor<2x64x48xf32>) -> tensor<2x64x48xf32>
  return %2 : tensor<2x64x48xf32>
}
