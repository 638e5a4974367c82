// RUN: %jepa-opt %s --jepa-fuse-attention | FileCheck %s
// RUN: %jepa-opt %s --jepa-fuse-attention --jepa-pass-report=text 2>&1 | FileCheck %s --check-prefix=REPORT

!x = tensor<2x64x48xf32>
!heads = tensor<2x3x64x16xf32>
!scores = tensor<2x3x64x64xf32>

// CHECK-LABEL: func.func @attention
// CHECK-SAME: (%[[Q:.*]]: tensor<2x64x48xf32>, %[[K:.*]]: tensor<2x64x48xf32>, %[[V:.*]]: tensor<2x64x48xf32>)
// CHECK-NEXT: %[[O:.*]], %{{.*}} = jepa.attention %[[Q]], %[[K]], %[[V]] {heads = 3 : i64}
// CHECK-NEXT: return %[[O]]
// REPORT: 1 attention_fused
func.func @attention(%q: !x, %k: !x, %v: !x) -> !x {
  %qh = jepa.split_heads %q {heads = 3} : (!x) -> !heads
  %kh = jepa.split_heads %k {heads = 3} : (!x) -> !heads
  %vh = jepa.split_heads %v {heads = 3} : (!x) -> !heads
  %s = jepa.matmul %qh, %kh {trans_b} : (!heads, !heads) -> !scores
  %c = jepa.scale %s {factor = 0.25} : !scores
  %p = jepa.softmax %c : (!scores) -> !scores
  %o = jepa.matmul %p, %vh : (!scores, !heads) -> !heads
  %y = jepa.merge_heads %o : (!heads) -> !x
  return %y : !x
}
