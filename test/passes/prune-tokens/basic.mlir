// RUN: %jepa-opt %s --jepa-prune-tokens --split-input-file | FileCheck %s

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!some = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!mask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

// Tokenwise ops run on the selection; the location and the scope of each op stay with its copy.
// CHECK-LABEL: func.func @tokenwise
// CHECK-SAME: (%[[X:.*]]: tensor<2x64x48xf32{{.*}}, %[[W:.*]]: tensor<48x48xf32>, %[[M:.*]]: tensor<2x24xi32
// CHECK-NEXT: %[[G:.*]] = jepa.gather_tokens %[[X]], %[[M]] {jepa.scope = "encoder.blocks.0"}
// CHECK-NEXT: %[[L:.*]] = jepa.linear %[[G]], %[[W]] {jepa.scope = "encoder.blocks.0"}
// CHECK-NEXT: %[[A:.*]] = jepa.gelu %[[L]] : tensor<2x24x48xf32
// CHECK-NEXT: return %[[A]]
func.func @tokenwise(%x: !all, %w: tensor<48x48xf32>, %m: !mask {jepa.mask = 64 : i64}) -> !some {
  %l = jepa.linear %x, %w {jepa.scope = "encoder.blocks.0"} : (!all, tensor<48x48xf32>) -> !all
  %a = jepa.gelu %l : !all
  %g = jepa.gather_tokens %a, %m : (!all, !mask) -> !some
  return %g : !some
}

// -----

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!some = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!few = tensor<2x8x48xf32, #jepa.axes<clip, "few#0", embed>>
!mask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>
!fewMask = tensor<2x8xi32, #jepa.axes<clip, "few#0">>

// A selection smaller than the visible keys: queries and keys are different sets.
// CHECK-LABEL: func.func @fewer_queries
// CHECK-SAME: (%[[X:[^:]*]]: {{[^)]*}}, %[[M:[^:]*]]: tensor<2x24xi32{{[^,]*, [^,]*, [^,]*}}, %[[F:[^:]*]]: tensor<2x8xi32
// CHECK-DAG: %[[Q:.*]] = jepa.gather_tokens %[[X]], %[[F]]
// CHECK-DAG: %[[K:.*]] = jepa.gather_tokens %[[X]], %[[M]]
// CHECK: jepa.attention %[[Q]], %[[K]], %[[K]] {heads = 3 : i64}
func.func @fewer_queries(%x: !all, %m: !mask {jepa.mask = 64 : i64}, %f: !fewMask {jepa.mask = 64 : i64}) -> !few {
  %o, %l = jepa.attention %x, %x, %x mask %m {heads = 3} : (!all, !all, !all, !mask) -> (!all, tensor<2x3x64xf32>)
  %g = jepa.gather_tokens %o, %f : (!all, !fewMask) -> !few
  return %g : !few
}

// -----

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!mask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

// All queries are returned: only the keys narrow, and the mask goes.
// CHECK-LABEL: func.func @all_queries
// CHECK-SAME: (%[[X:[^:]*]]: {{.*}}, %[[M:[^:]*]]: tensor<2x24xi32
// CHECK: %[[K:.*]] = jepa.gather_tokens %[[X]], %[[M]]
// CHECK-NEXT: jepa.attention %[[X]], %[[K]], %[[K]] {heads = 3 : i64}
func.func @all_queries(%x: !all, %m: !mask {jepa.mask = 64 : i64}) -> !all {
  %o, %l = jepa.attention %x, %x, %x mask %m {heads = 3} : (!all, !all, !all, !mask) -> (!all, tensor<2x3x64xf32>)
  return %o : !all
}

// -----

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!some = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!mask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

// A tap keeps all tokens of what it names; the selection stays behind it.
// CHECK-LABEL: func.func @tap
// CHECK: %[[A:.*]] = jepa.gelu %{{.*}} : tensor<2x64x48xf32
// CHECK-NEXT: %[[G:.*]] = jepa.gather_tokens %[[A]]
// CHECK-NEXT: jepa.tap %[[A]]
// CHECK-NEXT: %[[R:.*]] = jepa.relu %[[G]]
// CHECK-NEXT: return %[[R]]
func.func @tap(%x: !all, %m: !mask {jepa.mask = 64 : i64}) -> !some {
  %a = jepa.gelu %x : !all
  jepa.tap %a {name = "dense"} : !all
  %r = jepa.relu %a : !all
  %g = jepa.gather_tokens %r, %m : (!all, !mask) -> !some
  return %g : !some
}

// -----

!table = tensor<1x64x48xf32, #jepa.axes<one, token, embed>>
!token = tensor<1x1x48xf32, #jepa.axes<one, one, embed>>
!some = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!mask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

// A table is gathered per clip: 48 rows are fewer than 64; a token that is repeated over the axis stays as it is.
// CHECK-LABEL: func.func @table
// CHECK-SAME: (%[[TOKEN:.*]]: tensor<1x1x48xf32
// CHECK-NEXT: %[[P:.*]] = jepa.position
// CHECK-NEXT: %[[G:.*]] = jepa.gather_tokens %[[P]]
// CHECK-NEXT: jepa.add %[[G]], %[[TOKEN]]
func.func @table(%token: !token, %m: !mask {jepa.mask = 64 : i64}) -> !some {
  %p = jepa.position {grid = array<i64: 4, 4, 4>} : !table
  %s = jepa.add %p, %token : (!table, !token) -> !table
  %g = jepa.gather_tokens %s, %m : (!table, !mask) -> !some
  return %g : !some
}

// -----

// What nothing reads is erased, and a function without tokens is left alone.
// CHECK-LABEL: func.func @no_tokens
// CHECK-NEXT: %[[R:.*]] = jepa.relu
// CHECK-NEXT: return %[[R]]
func.func @no_tokens(%x: tensor<2x48xf32>) -> tensor<2x48xf32> {
  %dead = jepa.scale %x {factor = 2.0} : tensor<2x48xf32>
  %r = jepa.relu %x : tensor<2x48xf32>
  return %r : tensor<2x48xf32>
}

// CHECK: func.func private @external
func.func private @external(tensor<2x48xf32>)
