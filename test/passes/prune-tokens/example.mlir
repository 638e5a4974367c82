// RUN: %jepa-opt %s --jepa-prune-tokens | FileCheck %s
// RUN: %jepa-opt %s --jepa-prune-tokens | %jepa-opt --jepa-prune-tokens | FileCheck %s

// A V-JEPA of one block each: teacher, student encoder, predictor. B=2, N=64, 24 context tokens, 32 target tokens.

!clip = tensor<2x3x8x64x64xf32, #jepa.axes<clip, channel, frame, row, column>>
!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!all3 = tensor<2x64x144xf32, #jepa.axes<clip, token, qkv>>
!all4 = tensor<2x64x192xf32, #jepa.axes<clip, token, hidden>>
!table = tensor<1x64x48xf32, #jepa.axes<one, token, embed>>
!context = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!target = tensor<2x32x48xf32, #jepa.axes<clip, "target#0", embed>>
!both = tensor<2x56x48xf32, #jepa.axes<clip, "context#0+target#0", embed>>
!both3 = tensor<2x56x144xf32, #jepa.axes<clip, "context#0+target#0", qkv>>
!cmask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>
!tmask = tensor<2x32xi32, #jepa.axes<clip, "target#0">>
!vector = tensor<48xf32>

// CHECK-LABEL: func.func @jepa_run
// CHECK-SAME: %[[CLIP:.*]]: tensor<2x3x8x64x64xf32{{.*}}, %[[C:.*]]: tensor<2x24xi32{{.*}}, %[[T:.*]]: tensor<2x32xi32
func.func @jepa_run(%clip: !clip {jepa.name = "clip"},
                    %c: !cmask {jepa.name = "mask0.context", jepa.mask = 64 : i64},
                    %t: !tmask {jepa.name = "mask0.target", jepa.mask = 64 : i64}) -> tensor<f32> {
  %patch = jepa.parameter "encoder.patch_embed.proj.weight" {init = "zeros"} : tensor<48x3x2x16x16xf32>
  %wqkv = jepa.parameter "encoder.blocks.0.attn.qkv.weight" {init = "zeros"} : tensor<144x48xf32>
  %wproj = jepa.parameter "encoder.blocks.0.attn.proj.weight" {init = "zeros"} : tensor<48x48xf32>
  %wfc1 = jepa.parameter "encoder.blocks.0.mlp.fc1.weight" {init = "zeros"} : tensor<192x48xf32>
  %wfc2 = jepa.parameter "encoder.blocks.0.mlp.fc2.weight" {init = "zeros"} : tensor<48x192xf32>
  %pqkv = jepa.parameter "predictor.predictor_blocks.0.attn.qkv.weight" {init = "zeros"} : tensor<144x48xf32>
  %pproj = jepa.parameter "predictor.predictor_blocks.0.attn.proj.weight" {init = "zeros"} : tensor<48x48xf32>
  %token = jepa.parameter "predictor.mask_tokens.0" {init = "zeros"} : tensor<1x1x48xf32>

  // The teacher sees everything; its last block needs every key, but queries of the targets only.
  // CHECK: jepa.patchify %[[CLIP]] {
  // CHECK: %[[TT:.*]] = jepa.gather_tokens %{{.*}}, %[[T]]
  // CHECK: %[[TQKV:.*]]:3 = jepa.split_features
  // CHECK-NEXT: %[[TQ:.*]] = jepa.gather_tokens %[[TQKV]]#0, %[[T]]
  // CHECK-NEXT: jepa.attention %[[TQ]], %[[TQKV]]#1, %[[TQKV]]#2
  // CHECK-NEXT: jepa.add %[[TT]]
  // CHECK-NEXT: jepa.layer_norm {{.*}} : (tensor<2x32x48xf32, #jepa.axes<clip, "target#0", embed>>)
  %tpos = jepa.position {grid = array<i64: 4, 4, 4>} : !table
  %tp = jepa.patchify %clip {patch = 16, tubelet = 2} : (!clip) -> tensor<2x64x1536xf32, #jepa.axes<clip, token, patch>>
  %te = jepa.linear %tp, %patch : (tensor<2x64x1536xf32, #jepa.axes<clip, token, patch>>, tensor<48x3x2x16x16xf32>) -> !all
  %t0 = jepa.add %te, %tpos : (!all, !table) -> !all
  %tqkv = jepa.linear %t0, %wqkv : (!all, tensor<144x48xf32>) -> !all3
  %tq, %tk, %tv = jepa.split_features %tqkv : (!all3) -> (!all, !all, !all)
  %to, %tl = jepa.attention %tq, %tk, %tv {heads = 3} : (!all, !all, !all) -> (!all, tensor<2x3x64xf32>)
  %t1 = jepa.add %t0, %to : (!all, !all) -> !all
  %tn = jepa.layer_norm %t1 {eps = 1.0e-06} : (!all) -> !all
  %ts = jepa.stop_gradient %tn : !all
  %goal = jepa.gather_tokens %ts, %t : (!all, !tmask) -> !target

  // The student attends to the visible tokens only and is computed for them only, from the patches on.
  // CHECK: jepa.patchify %[[CLIP]] tokens %[[C]]
  // CHECK: jepa.linear {{.*}} -> tensor<2x24x144xf32
  // CHECK-NOT: mask %
  // CHECK: jepa.attention {{.*}} : (tensor<2x24x48xf32, {{.*}}>, tensor<2x24x48xf32, {{.*}}
  // CHECK: jepa.gelu {{.*}} : tensor<2x24x192xf32
  %sp = jepa.patchify %clip {patch = 16, tubelet = 2} : (!clip) -> tensor<2x64x1536xf32, #jepa.axes<clip, token, patch>>
  %se = jepa.linear %sp, %patch : (tensor<2x64x1536xf32, #jepa.axes<clip, token, patch>>, tensor<48x3x2x16x16xf32>) -> !all
  %s0 = jepa.add %se, %tpos : (!all, !table) -> !all
  %sqkv = jepa.linear %s0, %wqkv {jepa.scope = "encoder.blocks.0"} : (!all, tensor<144x48xf32>) -> !all3
  %sq, %sk, %sv = jepa.split_features %sqkv : (!all3) -> (!all, !all, !all)
  %so, %sl = jepa.attention %sq, %sk, %sv mask %c {heads = 3} : (!all, !all, !all, !cmask) -> (!all, tensor<2x3x64xf32>)
  %sproj = jepa.linear %so, %wproj : (!all, tensor<48x48xf32>) -> !all
  %s1 = jepa.add %s0, %sproj : (!all, !all) -> !all
  %sf = jepa.linear %s1, %wfc1 : (!all, tensor<192x48xf32>) -> !all4
  %sg = jepa.gelu %sf : !all4
  %sh = jepa.linear %sg, %wfc2 : (!all4, tensor<48x192xf32>) -> !all
  %s2 = jepa.add %s1, %sh : (!all, !all) -> !all
  %sn = jepa.layer_norm %s2 {eps = 1.0e-06} : (!all) -> !all
  %z = jepa.gather_tokens %sn, %c : (!all, !cmask) -> !context

  // The predictor needs every key, but queries, projection and what follows of the targets only.
  // CHECK: %[[P0:.*]] = jepa.concat_tokens
  // CHECK-NEXT: %[[PT:.*]] = jepa.slice_tokens %[[P0]] {offset = 24 : i64}
  // CHECK: %[[PARTS:.*]]:3 = jepa.split_features
  // CHECK-NEXT: %[[Q:.*]] = jepa.slice_tokens %[[PARTS]]#0 {offset = 24 : i64}
  // CHECK: jepa.attention %[[Q]], %[[PARTS]]#1, %[[PARTS]]#2
  // CHECK: jepa.linear {{.*}} -> tensor<2x32x48xf32
  // CHECK: jepa.add %[[PT]]
  %pc = jepa.gather_tokens %tpos, %c : (!table, !cmask) -> !context
  %seen = jepa.add %z, %pc : (!context, !context) -> !context
  %pt = jepa.gather_tokens %tpos, %t : (!table, !tmask) -> !target
  %asked = jepa.add %pt, %token : (!target, tensor<1x1x48xf32>) -> !target
  %p0 = jepa.concat_tokens %seen, %asked : (!context, !target) -> !both
  %pq3 = jepa.linear %p0, %pqkv : (!both, tensor<144x48xf32>) -> !both3
  %pq, %pk, %pv = jepa.split_features %pq3 : (!both3) -> (!both, !both, !both)
  %po, %pl = jepa.attention %pq, %pk, %pv {heads = 3} : (!both, !both, !both) -> (!both, tensor<2x3x56xf32>)
  %pp = jepa.linear %po, %pproj : (!both, tensor<48x48xf32>) -> !both
  %p1 = jepa.add %p0, %pp : (!both, !both) -> !both
  %pn = jepa.layer_norm %p1 {eps = 1.0e-06} : (!both) -> !both
  %predicted = jepa.slice_tokens %pn {offset = 24} : (!both) -> !target

  // CHECK: jepa.power_loss
  %loss = jepa.power_loss %predicted, %goal {exponent = 1.0} : (!target, !target) -> tensor<f32>
  return %loss : tensor<f32>
}
