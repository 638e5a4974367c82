// RUN: %jepa-opt %s --jepa-prune-tokens --split-input-file | FileCheck %s

!a = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!b = tensor<2x32x48xf32, #jepa.axes<clip, "target#0", embed>>
!ab = tensor<2x56x48xf32, #jepa.axes<clip, "context#0+target#0", embed>>

// A slice of a concatenation is its part: the other part is never computed.
// CHECK-LABEL: func.func @part
// CHECK-SAME: (%[[A:.*]]: tensor<2x24x48xf32{{.*}}, %[[B:.*]]: tensor<2x32x48xf32
// CHECK-NEXT: %[[R:.*]] = jepa.gelu %[[B]]
// CHECK-NEXT: return %[[R]]
func.func @part(%a: !a, %b: !b) -> !b {
  %x = jepa.relu %a : !a
  %c = jepa.concat_tokens %x, %b : (!a, !b) -> !ab
  %g = jepa.gelu %c : !ab
  %s = jepa.slice_tokens %g {offset = 24} : (!ab) -> !b
  return %s : !b
}

// -----

!a = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!b = tensor<2x32x48xf32, #jepa.axes<clip, "target#0", embed>>
!ab = tensor<2x56x48xf32, #jepa.axes<clip, "context#0+target#0", embed>>

// Both segments together are the whole axis: computed once, cut afterwards.
// CHECK-LABEL: func.func @both_parts
// CHECK: %[[G:.*]] = jepa.gelu %{{.*}} : tensor<2x56x48xf32
// CHECK-DAG: jepa.slice_tokens %[[G]] {offset = 0 : i64}
// CHECK-DAG: jepa.slice_tokens %[[G]] {offset = 24 : i64}
func.func @both_parts(%c: !ab) -> (!a, !b) {
  %g = jepa.gelu %c : !ab
  %s = jepa.slice_tokens %g {offset = 0} : (!ab) -> !a
  %t = jepa.slice_tokens %g {offset = 24} : (!ab) -> !b
  return %s, %t : !a, !b
}

// -----

!b = tensor<2x32x48xf32, #jepa.axes<clip, "target#0", embed>>
!ab = tensor<2x56x48xf32, #jepa.axes<clip, "context#0+target#0", embed>>
!ab3 = tensor<2x56x144xf32, #jepa.axes<clip, "context#0+target#0", qkv>>

// Keys and values read all tokens of the split, so the query is cut after it: a second split would be added work.
// CHECK-LABEL: func.func @after_split
// CHECK: %[[P:.*]]:3 = jepa.split_features
// CHECK-NEXT: %[[Q:.*]] = jepa.slice_tokens %[[P]]#0
// CHECK-NEXT: jepa.attention %[[Q]], %[[P]]#1, %[[P]]#2
// CHECK-NOT: jepa.split_features
func.func @after_split(%x: !ab3) -> !b {
  %q, %k, %v = jepa.split_features %x : (!ab3) -> (!ab, !ab, !ab)
  %o, %l = jepa.attention %q, %k, %v {heads = 3} : (!ab, !ab, !ab) -> (!ab, tensor<2x3x56xf32>)
  %s = jepa.slice_tokens %o {offset = 24} : (!ab) -> !b
  return %s : !b
}
