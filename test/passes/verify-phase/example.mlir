// RUN: split-file %s %t
// RUN: %jepa-opt %t/model.mlir --jepa-verify-phase=phase=model --jepa-prune-tokens --jepa-verify-phase=phase=pruned \
// RUN:   --jepa-differentiate --jepa-insert-optimizer --jepa-verify-phase=phase=gradient | FileCheck %s
// RUN: %jepa-opt %t/kernels.mlir --jepa-verify-phase=phase=kernels

// CHECK: jepa.attention
// CHECK: jepa.adamw

//--- model.mlir
!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!some = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!mask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>
func.func @jepa_run(%x: !all {jepa.name = "x"}, %m: !mask {jepa.name = "m", jepa.mask = 64 : i64}) -> tensor<f32> {
  %w = jepa.parameter "encoder.w" {init = "zeros"} : tensor<48x48xf32>
  %y = jepa.linear %x, %w : (!all, tensor<48x48xf32>) -> !all
  %o, %l = jepa.attention %y, %y, %y mask %m {heads = 3} : (!all, !all, !all, !mask) -> (!all, tensor<2x3x64xf32>)
  %g = jepa.gather_tokens %o, %m : (!all, !mask) -> !some
  %h = jepa.gather_tokens %x, %m : (!all, !mask) -> !some
  %loss = jepa.power_loss %g, %h {exponent = 1.0} : (!some, !some) -> tensor<f32>
  return %loss : tensor<f32>
}

//--- kernels.mlir
func.func @jepa_run(%arena: memref<?xi8>) {
  %b = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<48xf32>
  return
}
