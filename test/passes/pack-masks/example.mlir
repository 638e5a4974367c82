// RUN: %jepa-opt %s --jepa-pack-masks | FileCheck %s
// RUN: %jepa-opt %s --jepa-pack-masks --jepa-verify-phase=phase=pruned -o /dev/null

!clip = tensor<2x3x8x64x64xf32, #jepa.axes<clip, channel, frame, row, column>>
!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!table = tensor<1x64x48xf32, #jepa.axes<one, token, embed>>
!patches = tensor<2x24x1536xf32, #jepa.axes<clip, "context#0", patch>>
!context = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!target = tensor<2x32x48xf32, #jepa.axes<clip, "target#0", embed>>
!both = tensor<2x56x48xf32, #jepa.axes<clip, "context#0+target#0", embed>>
!cmask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>
!tmask = tensor<2x32xi32, #jepa.axes<clip, "target#0">>

// Two samples share 2 x 24 context and 2 x 32 target tokens.
// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[F:[^:]*]]: tensor<2x64x48xf32
// CHECK-SAME: %[[C:[^:]*]]: tensor<1x48xi32, #jepa.axes<one, "context#0">> {jepa.mask = 128 : i64}
// CHECK-SAME: %[[CB:[^:]*]]: tensor<3xi32> {jepa.bounds_of = "context#0"}
// CHECK-SAME: %[[T:[^:]*]]: tensor<1x64xi32, #jepa.axes<one, "target#0">> {jepa.mask = 128 : i64}
// CHECK-SAME: %[[TB:[^:]*]]: tensor<3xi32> {jepa.bounds_of = "target#0"}
func.func @step(%clip: !clip, %features: !all, %c: !cmask {jepa.mask = 64 : i64},
                %cb: tensor<3xi32> {jepa.bounds_of = "context#0"}, %t: !tmask {jepa.mask = 64 : i64},
                %tb: tensor<3xi32> {jepa.bounds_of = "target#0"}, %w: tensor<48x1536xf32>, %p: !table)
    -> (tensor<f32>, tensor<2x48xf32>, !context) {
  // CHECK: %[[ALL:.*]] = jepa.regroup_tokens %[[F]] : {{.*}} -> tensor<1x128x48xf32, #jepa.axes<one, "clip*token", embed>>
  // CHECK: jepa.patchify %{{.*}} tokens %[[C]] {{.*}} -> tensor<1x48x1536xf32, #jepa.axes<one, "context#0", patch>>
  %a = jepa.patchify %clip tokens %c {patch = 16, tubelet = 2} : (!clip, !cmask) -> !patches
  // CHECK: jepa.linear {{.*}} -> tensor<1x48x48xf32, #jepa.axes<one, "context#0", embed>>
  %b = jepa.linear %a, %w : (!patches, tensor<48x1536xf32>) -> !context
  // CHECK: jepa.attention {{.*}} query_bounds(%[[CB]]) key_bounds(%[[CB]]) {heads = 3 : i64, query_segments = array<i64: 48>, segments = array<i64: 48>} {{.*}} -> (tensor<1x48x48xf32, {{.*}}>, tensor<1x3x48xf32>)
  %e, %el = jepa.attention %b, %b, %b {heads = 3} : (!context, !context, !context) -> (!context, tensor<2x3x24xf32>)
  // CHECK: %[[H:.*]] = jepa.gather_tokens %{{.*}}, %[[T]] {cyclic} {{.*}} -> tensor<1x64x48xf32, #jepa.axes<one, "target#0", embed>>
  %h = jepa.gather_tokens %p, %t : (!table, !tmask) -> !target
  // CHECK: jepa.concat_tokens {{.*}} -> tensor<1x112x48xf32, #jepa.axes<one, "context#0+target#0", embed>>
  %j = jepa.concat_tokens %e, %h : (!context, !target) -> !both
  // CHECK: jepa.slice_tokens {{.*}} {offset = 48 : i64}
  %s = jepa.slice_tokens %j {offset = 24} : (!both) -> !target
  // Queries of the last block are target tokens alone.
  // CHECK: jepa.attention {{.*}} query_bounds(%[[TB]]) key_bounds(%[[CB]], %[[TB]]) {heads = 3 : i64, query_segments = array<i64: 64>, segments = array<i64: 48, 64>}
  %o, %ol = jepa.attention %s, %j, %j {heads = 3} : (!target, !both, !both) -> (!target, tensor<2x3x32xf32>)
  // CHECK: %[[G:.*]] = jepa.gather_tokens %[[ALL]], %[[T]] :
  %g = jepa.gather_tokens %features, %t : (!all, !tmask) -> !target
  // CHECK: jepa.power_loss %{{.*}}, %[[G]] bounds %[[TB]]
  %loss = jepa.power_loss %o, %g {exponent = 1.0} : (!target, !target) -> tensor<f32>
  // CHECK: jepa.token_std {{.*}} bounds %[[TB]] {{.*}} -> tensor<2x48xf32>
  %std = jepa.token_std %o {eps = 1.0e-04} : (!target) -> tensor<2x48xf32>
  // CHECK: %[[TAP:.*]] = jepa.regroup_tokens {{.*}} -> tensor<2x32x48xf32, #jepa.axes<clip, "target#0", embed>>
  // CHECK: jepa.tap %[[TAP]]
  jepa.tap %o {name = "predicted"} : !target
  // CHECK: %[[R:.*]] = jepa.regroup_tokens {{.*}} -> tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
  // CHECK: return %{{.*}}, %{{.*}}, %[[R]]
  return %loss, %std, %e : tensor<f32>, tensor<2x48xf32>, !context
}
