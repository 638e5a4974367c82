// RUN: %jepa-opt %s --jepa-bind-lengths | FileCheck %s

!context = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!other = tensor<2x24x48xf32, #jepa.axes<clip, "context#1", embed>>
!cmask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

// Only what reads tokens of the axis with a length takes it.
// CHECK-LABEL: func.func @one_of_two
// CHECK-SAME: %[[N:[^:]*]]: tensor<1xi32> {jepa.length_of = "context#0"}
func.func @one_of_two(%x: !context, %y: !other, %c: !cmask {jepa.mask = 64 : i64},
                      %n: tensor<1xi32> {jepa.length_of = "context#0"}) -> (!context, !other) {
  // CHECK: jepa.attention {{.*}}%[[N]]
  %e, %el = jepa.attention %x, %x, %x {heads = 3} : (!context, !context, !context) -> (!context, tensor<2x3x24xf32>)
  // CHECK-NOT: %[[N]]
  %f, %fl = jepa.attention %y, %y, %y {heads = 3} : (!other, !other, !other) -> (!other, tensor<2x3x24xf32>)
  return %e, %f : !context, !other
}

// CHECK-LABEL: func.func @nothing_to_bind
// CHECK: jepa.attention %arg0, %arg0, %arg0 {
func.func @nothing_to_bind(%x: !context) -> !context {
  %e, %el = jepa.attention %x, %x, %x {heads = 3} : (!context, !context, !context) -> (!context, tensor<2x3x24xf32>)
  return %e : !context
}
