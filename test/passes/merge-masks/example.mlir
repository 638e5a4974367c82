// RUN: %jepa-opt %s --jepa-merge-masks --canonicalize | FileCheck %s

!c0 = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!c1 = tensor<2x28x48xf32, #jepa.axes<clip, "context#1", embed>>

// Two groups go through one layer: one product each, and attention with two sequences.
// CHECK-LABEL: func.func @layer
// CHECK-SAME: %[[X:.*]]: tensor<2x24x48xf32{{.*}}, %[[Y:.*]]: tensor<2x28x48xf32
// CHECK: %[[XY:.*]] = jepa.concat_tokens %[[X]], %[[Y]] : {{.*}} -> tensor<2x52x48xf32, #jepa.axes<clip, "context#0+context#1", embed>>
// CHECK: %[[Q:.*]] = jepa.linear %[[XY]], %{{.*}} bias
// CHECK: %[[O:.*]], %{{.*}} = jepa.attention %[[Q]], %[[Q]], %[[Q]] {heads = 3 : i64, key_sequences = array<i64: 24, 28>, query_sequences = array<i64: 24, 28>}
// CHECK: %[[P:.*]] = jepa.linear %[[O]], %{{.*}} bias
// CHECK-NOT: jepa.linear
// CHECK: %[[R:.*]] = jepa.add %[[XY]], %[[P]]
// CHECK-DAG: %[[A:.*]] = jepa.slice_tokens %[[R]] {offset = 0 : i64} : {{.*}} -> tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
// CHECK-DAG: %[[B:.*]] = jepa.slice_tokens %[[R]] {offset = 24 : i64} : {{.*}} -> tensor<2x28x48xf32, #jepa.axes<clip, "context#1", embed>>
// CHECK: return %[[A]], %[[B]]
func.func @layer(%x: !c0, %y: !c1) -> (!c0, !c1) {
  %w = jepa.parameter "qkv.weight" {init = "ones"} : tensor<48x48xf32>
  %v = jepa.parameter "proj.weight" {init = "ones"} : tensor<48x48xf32>
  %b = jepa.parameter "bias" {init = "zeros"} : tensor<48xf32>
  %q0 = jepa.linear %x, %w bias %b : (!c0, tensor<48x48xf32>, tensor<48xf32>) -> !c0
  %o0, %s0 = jepa.attention %q0, %q0, %q0 {heads = 3} : (!c0, !c0, !c0) -> (!c0, tensor<2x3x24xf32>)
  %p0 = jepa.linear %o0, %v bias %b : (!c0, tensor<48x48xf32>, tensor<48xf32>) -> !c0
  %r0 = jepa.add %x, %p0 : (!c0, !c0) -> !c0
  %q1 = jepa.linear %y, %w bias %b : (!c1, tensor<48x48xf32>, tensor<48xf32>) -> !c1
  %o1, %s1 = jepa.attention %q1, %q1, %q1 {heads = 3} : (!c1, !c1, !c1) -> (!c1, tensor<2x3x28xf32>)
  %p1 = jepa.linear %o1, %v bias %b : (!c1, tensor<48x48xf32>, tensor<48xf32>) -> !c1
  %r1 = jepa.add %y, %p1 : (!c1, !c1) -> !c1
  return %r0, %r1 : !c0, !c1
}
