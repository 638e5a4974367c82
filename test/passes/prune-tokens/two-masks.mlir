// RUN: %jepa-opt %s --jepa-prune-tokens --split-input-file | FileCheck %s
// RUN: %jepa-opt %s --jepa-prune-tokens --split-input-file -o /dev/null --remarks-filter=jepa-prune-tokens \
// RUN:   --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

!all = tensor<1x64x48xf32, #jepa.axes<clip, token, embed>>
!s0 = tensor<1x24x48xf32, #jepa.axes<clip, "target#0", embed>>
!s1 = tensor<1x32x48xf32, #jepa.axes<clip, "target#1", embed>>
!m0 = tensor<1x24xi32, #jepa.axes<clip, "target#0">>
!m1 = tensor<1x32xi32, #jepa.axes<clip, "target#1">>

// 24 + 32 < 64: each selection gets its own copy, in the order of the masks.
// REMARK: 'target#0' (24 of 64 tokens): narrowed 1 ops, up to jepa.linear;", flops_saved=36864
// REMARK: 'target#1' (32 of 64 tokens): narrowed 1 ops, up to jepa.linear;", flops_saved=0
// CHECK-LABEL: func.func @cloned
// CHECK-DAG: %[[A:.*]] = jepa.linear {{.*}} -> tensor<1x24x48xf32
// CHECK-DAG: %[[B:.*]] = jepa.linear {{.*}} -> tensor<1x32x48xf32
// CHECK: return %[[A]], %[[B]]
func.func @cloned(%x: !all, %w: tensor<48x48xf32>, %m0: !m0 {jepa.mask = 64 : i64}, %m1: !m1 {jepa.mask = 64 : i64})
    -> (!s0, !s1) {
  %l = jepa.linear %x, %w : (!all, tensor<48x48xf32>) -> !all
  %a = jepa.gather_tokens %l, %m0 : (!all, !m0) -> !s0
  %b = jepa.gather_tokens %l, %m1 : (!all, !m1) -> !s1
  return %a, %b : !s0, !s1
}

// -----

!all = tensor<1x64x48xf32, #jepa.axes<clip, token, embed>>
!s0 = tensor<1x40x48xf32, #jepa.axes<clip, "target#0", embed>>
!s1 = tensor<1x32x48xf32, #jepa.axes<clip, "target#1", embed>>
!m0 = tensor<1x40xi32, #jepa.axes<clip, "target#0">>
!m1 = tensor<1x32xi32, #jepa.axes<clip, "target#1">>

// 40 + 32 >= 64: computed once.
// REMARK: [Missed] dense-is-cheaper
// CHECK-LABEL: func.func @dense
// CHECK: %[[L:.*]] = jepa.linear {{.*}} -> tensor<1x64x48xf32
// CHECK-NEXT: %[[A:.*]] = jepa.gather_tokens %[[L]]
// CHECK-NEXT: %[[B:.*]] = jepa.gather_tokens %[[L]]
// CHECK-NEXT: return %[[A]], %[[B]]
func.func @dense(%x: !all, %w: tensor<48x48xf32>, %m0: !m0 {jepa.mask = 64 : i64}, %m1: !m1 {jepa.mask = 64 : i64})
    -> (!s0, !s1) {
  %l = jepa.linear %x, %w : (!all, tensor<48x48xf32>) -> !all
  %a = jepa.gather_tokens %l, %m0 : (!all, !m0) -> !s0
  %b = jepa.gather_tokens %l, %m1 : (!all, !m1) -> !s1
  return %a, %b : !s0, !s1
}

// -----

!all = tensor<1x64x48xf32, #jepa.axes<clip, token, embed>>
!s0 = tensor<1x8x48xf32, #jepa.axes<clip, "context#0", embed>>
!m0 = tensor<1x8xi32, #jepa.axes<clip, "context#0">>
!m1 = tensor<1x16xi32, #jepa.axes<clip, "context#1">>

// Two layers with different masks: the first layer computes what is selected and what the second layer sees.
// CHECK-LABEL: func.func @layers
// CHECK-SAME: (%[[X:[^:]*]]: {{.*}}, %[[M0:[^:]*]]: tensor<1x8xi32{{.*}}, %[[M1:[^:]*]]: tensor<1x16xi32
// CHECK-DAG: %[[X0:.*]] = jepa.gather_tokens %[[X]], %[[M0]]
// CHECK-DAG: %[[X1:.*]] = jepa.gather_tokens %[[X]], %[[M1]]
// CHECK: %[[F0:.*]], %{{.*}} = jepa.attention %[[X0]], %[[X0]], %[[X0]] {heads
// CHECK: %[[F1:.*]], %{{.*}} = jepa.attention %[[X1]], %[[X0]], %[[X0]] {heads
// CHECK: jepa.attention %[[F0]], %[[F1]], %[[F1]] {heads
func.func @layers(%x: !all, %m0: !m0 {jepa.mask = 64 : i64}, %m1: !m1 {jepa.mask = 64 : i64}) -> !s0 {
  %f, %fl = jepa.attention %x, %x, %x mask %m0 {heads = 3} : (!all, !all, !all, !m0) -> (!all, tensor<1x3x64xf32>)
  %o, %l = jepa.attention %f, %f, %f mask %m1 {heads = 3} : (!all, !all, !all, !m1) -> (!all, tensor<1x3x64xf32>)
  %g = jepa.gather_tokens %o, %m0 : (!all, !m0) -> !s0
  return %g : !s0
}

// -----

!all = tensor<1x64x48xf32, #jepa.axes<clip, token, embed>>
!s0 = tensor<1x8x48xf32, #jepa.axes<clip, "context#0", embed>>
!m0 = tensor<1x8xi32, #jepa.axes<clip, "context#0">>

// One mask read twice is selected once.
// CHECK-LABEL: func.func @shared
// CHECK: %[[G:.*]] = jepa.gather_tokens
// CHECK-NOT: jepa.gather_tokens
// CHECK: %[[A:.*]] = jepa.gelu %[[G]]
// CHECK: %[[B:.*]] = jepa.relu %[[G]]
// CHECK: return %[[A]], %[[B]]
func.func @shared(%x: !all, %m0: !m0 {jepa.mask = 64 : i64}) -> (!s0, !s0) {
  %a = jepa.gelu %x : !all
  %ga = jepa.gather_tokens %a, %m0 : (!all, !m0) -> !s0
  %b = jepa.relu %x : !all
  %gb = jepa.gather_tokens %b, %m0 : (!all, !m0) -> !s0
  return %ga, %gb : !s0, !s0
}
