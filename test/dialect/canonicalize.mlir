// RUN: %jepa-opt %s --canonicalize | FileCheck %s

!a = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!b = tensor<2x8x48xf32, #jepa.axes<clip, "target#0", embed>>
!ab = tensor<2x32x48xf32, #jepa.axes<clip, "context#0+target#0", embed>>

// CHECK-LABEL: func.func @part_of_concat
// CHECK-SAME: %[[A:.*]]: tensor<2x24x48xf32{{.*}}, %[[B:.*]]: tensor<2x8x48xf32
// CHECK-NEXT: return %[[A]], %[[B]]
func.func @part_of_concat(%a: !a, %b: !b) -> (!a, !b) {
  %c = jepa.concat_tokens %a, %b : (!a, !b) -> !ab
  %x = jepa.slice_tokens %c {offset = 0} : (!ab) -> !a
  %y = jepa.slice_tokens %c {offset = 24} : (!ab) -> !b
  return %x, %y : !a, !b
}

// CHECK-LABEL: func.func @whole
// CHECK-SAME: %[[A:.*]]: tensor<2x24x48xf32
// CHECK-NEXT: return %[[A]]
func.func @whole(%a: !a) -> !a {
  %c = jepa.concat_tokens %a : (!a) -> !a
  %s = jepa.slice_tokens %c {offset = 0} : (!a) -> !a
  %x = jepa.scale %s {factor = 1.0} : !a
  return %x : !a
}

// A slice across two parts stays.
// CHECK-LABEL: func.func @across
// CHECK: jepa.slice_tokens
func.func @across(%a: !a, %b: !b) -> !b {
  %c = jepa.concat_tokens %a, %b : (!a, !b) -> !ab
  %y = jepa.slice_tokens %c {offset = 20} : (!ab) -> !b
  return %y : !b
}

// CHECK-LABEL: func.func @offset_stays
// CHECK: jepa.scale
func.func @offset_stays(%a: !a) -> !a {
  %x = jepa.scale %a {factor = 1.0, offset = 2.0} : !a
  return %x : !a
}

// All segments in order are the value; a segment of a segment is one of the value.
// CHECK-LABEL: func.func @whole_of_segments
// CHECK-SAME: %[[X:.*]]: tensor<2x32x48xf32
// CHECK-NEXT: %[[S:.*]] = jepa.slice_tokens %[[X]] {offset = 26 : i64}
// CHECK-NEXT: return %[[X]], %[[S]]
func.func @whole_of_segments(%x: !ab) -> (!ab, tensor<2x4x48xf32>) {
  %a = jepa.slice_tokens %x {offset = 0} : (!ab) -> !a
  %b = jepa.slice_tokens %x {offset = 24} : (!ab) -> !b
  %c = jepa.concat_tokens %a, %b : (!a, !b) -> !ab
  %s = jepa.slice_tokens %b {offset = 2} : (!b) -> tensor<2x4x48xf32>
  return %c, %s : !ab, tensor<2x4x48xf32>
}

// Swapped segments are another value.
// CHECK-LABEL: func.func @swapped
// CHECK: jepa.concat_tokens
func.func @swapped(%x: tensor<2x32x48xf32>) -> tensor<2x32x48xf32> {
  %a = jepa.slice_tokens %x {offset = 0} : (tensor<2x32x48xf32>) -> tensor<2x16x48xf32>
  %b = jepa.slice_tokens %x {offset = 16} : (tensor<2x32x48xf32>) -> tensor<2x16x48xf32>
  %c = jepa.concat_tokens %b, %a : (tensor<2x16x48xf32>, tensor<2x16x48xf32>) -> tensor<2x32x48xf32>
  return %c : tensor<2x32x48xf32>
}

// CHECK-LABEL: func.func @regrouped_back
// CHECK-SAME: %[[A:.*]]: tensor<2x24x48xf32
// CHECK-NEXT: return %[[A]]
func.func @regrouped_back(%a: !a) -> !a {
  %p = jepa.regroup_tokens %a : (!a) -> tensor<1x48x48xf32>
  %b = jepa.regroup_tokens %p : (tensor<1x48x48xf32>) -> !a
  return %b : !a
}
