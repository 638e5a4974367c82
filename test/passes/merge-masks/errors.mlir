// RUN: %jepa-opt %s --jepa-merge-masks --split-input-file --verify-diagnostics --remarks-filter=jepa-merge-masks

// expected-error @below {{has several blocks: mask groups are merged in straight-line functions, before control flow is lowered}}
func.func @blocks() {
  llvm.br ^next
^next:
  return
}

// -----

!x = tensor<2x4x8xf32>
!w = tensor<8x8xf32>

// One reads the other: they stay apart.
func.func @chained(%x: !x, %w: !w) -> !x {
  // expected-remark @below {{shares its weights with another op but runs alone: they are not ready side by side, as where one reads the other}}
  %0 = jepa.linear %x, %w : (!x, !w) -> !x
  %1 = jepa.gelu %0 : !x
  %2 = jepa.linear %1, %w : (!x, !w) -> !x
  return %2 : !x
}

// -----

!x = tensor<2x4x8xf32>
!w = tensor<8x8xf32>

func.func @merged(%x: !x, %y: !x, %w: !w) -> (!x, !x) {
  // expected-remark @below {{4 + 4 tokens go through 2 ops as one batch from here}}
  %0 = jepa.linear %x, %w : (!x, !w) -> !x
  %1 = jepa.gelu %0 : !x
  %2 = jepa.linear %y, %w : (!x, !w) -> !x
  %3 = jepa.gelu %2 : !x
  return %1, %3 : !x, !x
}
