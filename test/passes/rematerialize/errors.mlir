// RUN: %jepa-opt %s --jepa-rematerialize="limit=1000" --split-input-file --verify-diagnostics

// Its arguments alone are more, and only ops of a layer are computed again.
// expected-error @below {{needs at least 3072 bytes, of which the limit leaves 1000: raise the limit, or lower the batch or the resolution}}
func.func @jepa_run(%x: tensor<1x8x32xf32> {jepa.name = "x"}) -> tensor<1x8x32xf32> {
  %y = jepa.gelu %x : tensor<1x8x32xf32>
  %z = jepa.gelu %y : tensor<1x8x32xf32>
  return %z : tensor<1x8x32xf32>
}

// -----

// expected-error @below {{has several blocks: only a straight-line step can be rematerialized}}
func.func @jepa_run(%x: tensor<1x8x32xf32> {jepa.name = "x"}) -> tensor<1x8x32xf32> {
  llvm.br ^next
^next:
  return %x : tensor<1x8x32xf32>
}

// -----

// Only the step has a limit.
func.func @other(%x: tensor<1x8x32xf32>) -> tensor<1x8x32xf32> {
  %y = jepa.gelu %x : tensor<1x8x32xf32>
  return %y : tensor<1x8x32xf32>
}
