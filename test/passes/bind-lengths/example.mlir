// RUN: %jepa-opt %s --jepa-bind-lengths | FileCheck %s
// RUN: %jepa-opt %s --jepa-bind-lengths --jepa-bind-lengths | FileCheck %s

!context = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!target = tensor<2x32x48xf32, #jepa.axes<clip, "target#0", embed>>
!both = tensor<2x56x48xf32, #jepa.axes<clip, "context#0+target#0", embed>>
!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!cmask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>
!tmask = tensor<2x32xi32, #jepa.axes<clip, "target#0">>

// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[NC:[^:]*]]: tensor<1xi32> {jepa.length_of = "context#0"}, %[[NT:[^:]*]]: tensor<1xi32> {jepa.length_of = "target#0"}
func.func @step(%x: !context, %y: !target, %goal: !target, %z: !all,
                %c: !cmask {jepa.mask = 64 : i64}, %t: !tmask {jepa.mask = 64 : i64},
                %nc: tensor<1xi32> {jepa.length_of = "context#0"},
                %nt: tensor<1xi32> {jepa.length_of = "target#0"}) -> (tensor<f32>, tensor<2x48xf32>, !all) {
  // CHECK: jepa.attention {{.*}} lengths(%[[NC]]) {heads = 3 : i64, segments = array<i64: 24>}
  %e, %el = jepa.attention %x, %x, %x {heads = 3} : (!context, !context, !context) -> (!context, tensor<2x3x24xf32>)
  // CHECK: jepa.concat_tokens
  %j = jepa.concat_tokens %e, %y : (!context, !target) -> !both
  // CHECK: jepa.attention {{.*}} lengths(%[[NC]], %[[NT]]) {heads = 3 : i64, segments = array<i64: 24, 32>}
  %p, %pl = jepa.attention %j, %j, %j {heads = 3} : (!both, !both, !both) -> (!both, tensor<2x3x56xf32>)
  %s = jepa.slice_tokens %p {offset = 24} : (!both) -> !target
  // CHECK: jepa.power_loss {{.*}} length %[[NT]]
  %loss = jepa.power_loss %s, %goal {exponent = 1.0} : (!target, !target) -> tensor<f32>
  // CHECK: jepa.token_std {{.*}} length %[[NT]]
  %std = jepa.token_std %s {eps = 1.0e-04} : (!target) -> tensor<2x48xf32>
  // Not pruned: the visible keys are those of the mask.
  // CHECK: jepa.attention {{.*}} mask %{{.*}} lengths(%[[NC]]) {heads = 3 : i64, segments = array<i64: 24>}
  %m, %ml = jepa.attention %z, %z, %z mask %c {heads = 3} : (!all, !all, !all, !cmask) -> (!all, tensor<2x3x64xf32>)
  // The teacher sees every token.
  // CHECK: jepa.attention %{{[a-z0-9_]*}}, %{{[a-z0-9_]*}}, %{{[a-z0-9_]*}} {heads = 3 : i64}
  %f, %fl = jepa.attention %m, %m, %m {heads = 3} : (!all, !all, !all) -> (!all, tensor<2x3x64xf32>)
  return %loss, %std, %f : tensor<f32>, tensor<2x48xf32>, !all
}

// Without lengths nothing is ragged.
// CHECK-LABEL: func.func @fixed
// CHECK-NOT: lengths
func.func @fixed(%x: !context, %c: !cmask {jepa.mask = 64 : i64}) -> !context {
  %e, %el = jepa.attention %x, %x, %x {heads = 3} : (!context, !context, !context) -> (!context, tensor<2x3x24xf32>)
  return %e : !context
}
