// RUN: %jepa-opt %s --jepa-verify-phase=phase=pruned --split-input-file --verify-diagnostics

!x = tensor<2x64x48xf32>
func.func @masked(%x: !x, %m: tensor<2x24xi32> {jepa.mask = 64 : i64}, %unchecked: tensor<2x24xi32>) -> (!x, !x) {
  %0:2 = jepa.attention %x, %x, %x mask %unchecked {heads = 3} : (!x, !x, !x, tensor<2x24xi32>) -> (!x, tensor<2x3x64xf32>)
  // expected-error @below {{is still masked after pruning, though its mask is checked at run time}}
  %1:2 = jepa.attention %x, %x, %x mask %m {heads = 3} : (!x, !x, !x, tensor<2x24xi32>) -> (!x, tensor<2x3x64xf32>)
  return %0#0, %1#0 : !x, !x
}
