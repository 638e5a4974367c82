// RUN: %jepa-opt %s --jepa-prune-tokens --jepa-pass-report=text -o /dev/null 2>&1 | FileCheck %s --check-prefix=TEXT
// RUN: %jepa-opt %s --jepa-prune-tokens --jepa-pass-report=json -o /dev/null 2>&1 | FileCheck %s --check-prefix=JSON

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!some = tensor<2x16x48xf32, #jepa.axes<clip, "context#0", embed>>
!mask = tensor<2x16xi32, #jepa.axes<clip, "context#0">>

// 2 * 128 rows * 48 * 48, and a quarter of it.
// TEXT: jepa-prune-tokens @step
// TEXT-NEXT: 147456 flops_after
// TEXT-NEXT: 589824 flops_before
// TEXT-NEXT: 1 ops_narrowed
// TEXT-NEXT: 1 selections_moved
// TEXT-NEXT: 0 selections_stopped

// JSON: "pass": "jepa-prune-tokens"
// JSON-NEXT: "scopes": {
// JSON-NEXT: "step": {
// JSON-NEXT: "flops_after": 147456,
func.func @step(%x: !all, %w: tensor<48x48xf32>, %m: !mask {jepa.mask = 64 : i64}) -> !some {
  %l = jepa.linear %x, %w : (!all, tensor<48x48xf32>) -> !all
  %g = jepa.gather_tokens %l, %m : (!all, !mask) -> !some
  return %g : !some
}
