// RUN: %jepa-opt %s --jepa-pack-masks | FileCheck %s
// RUN: %jepa-opt %s --jepa-pack-masks --remarks-filter=jepa-pack-masks --remark-format=emitRemark -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK
// RUN: %jepa-opt %s --jepa-pack-masks --jepa-pass-report=text -o /dev/null 2>&1 | FileCheck %s --check-prefix=REPORT

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!context = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!other = tensor<2x24x48xf32, #jepa.axes<clip, "context#1", embed>>
!cmask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>
!omask = tensor<2x24xi32, #jepa.axes<clip, "context#1">>

// Without bounds nothing is packed.
// CHECK-LABEL: func.func @fixed
// CHECK-SAME: tensor<2x24xi32
// CHECK-NEXT: jepa.gather_tokens %{{.*}} -> tensor<2x24x48xf32
// CHECK-NEXT: jepa.attention %{{[a-z0-9]+}}, %{{[a-z0-9]+}}, %{{[a-z0-9]+}} {heads = 3 : i64}
func.func @fixed(%x: !all, %c: !cmask {jepa.mask = 64 : i64}) -> !context {
  %s = jepa.gather_tokens %x, %c : (!all, !cmask) -> !context
  %e, %el = jepa.attention %s, %s, %s {heads = 3} : (!context, !context, !context) -> (!context, tensor<2x3x24xf32>)
  return %e : !context
}

// A group without bounds stays; a batch is viewed as one clip once.
// REMARK: 'context#0': 2 samples share 48 tokens
// REPORT: jepa-pack-masks @one_of_two
// REPORT-NEXT: 4 ops_packed
// CHECK-LABEL: func.func @one_of_two
// CHECK: %[[ALL:.*]] = jepa.regroup_tokens %arg0
// CHECK-NOT: jepa.regroup_tokens %arg0
// CHECK: jepa.gather_tokens %[[ALL]], %arg1
// CHECK: jepa.gather_tokens %arg0, %arg3 {{.*}} -> tensor<2x24x48xf32
// CHECK: jepa.gather_tokens %[[ALL]], %arg1
// CHECK: jepa.add {{.*}} -> tensor<1x48x48xf32
func.func @one_of_two(%x: !all, %c: !cmask {jepa.mask = 64 : i64}, %cb: tensor<3xi32> {jepa.bounds_of = "context#0"},
                      %o: !omask {jepa.mask = 64 : i64}) -> (!context, !other) {
  %s = jepa.gather_tokens %x, %c : (!all, !cmask) -> !context
  %y = jepa.gather_tokens %x, %o : (!all, !omask) -> !other
  %t = jepa.gather_tokens %x, %c : (!all, !cmask) -> !context
  %u = jepa.add %s, %t : (!context, !context) -> !context
  return %u, %y : !context, !other
}
