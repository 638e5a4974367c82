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
