// RUN: %jepa-opt %s --jepa-outline-layers=min-ops=2 --split-input-file | FileCheck %s
// RUN: %jepa-opt %s --jepa-outline-layers=min-ops=2 --split-input-file --jepa-lower-to-kernels=target=cpu \
// RUN:   | FileCheck %s --check-prefixes=KERNELS --implicit-check-not=@copy
// RUN: %jepa-opt %s --jepa-outline-layers=min-ops=2 --split-input-file --jepa-lower-to-kernels=target=cuda \
// RUN:   | FileCheck %s --check-prefixes=KERNELS --implicit-check-not=@copy

!x = tensor<2x8x16xf32>
!y = tensor<2x8x48xf32>
!w = tensor<48x16xf32>
!d = tensor<16x48xf32>

// The adjoint reads the parts of a product: it gets the product and splits it again. Nothing is copied.
// CHECK-LABEL: func.func @jepa_run
// CHECK:     %[[A:.*]]:2 = call @layer_blocks(
// CHECK-SAME: -> (tensor<2x8x48xf32>, tensor<2x8x16xf32>)
// CHECK:     %[[B:.*]]:2 = call @layer_blocks(%[[A]]#1
// CHECK-NOT: split_features
// CHECK:     %[[D:.*]] = call @layer_blocks_adjoint(%[[B]]#0, %[[B]]#1)
// CHECK:     call @layer_blocks_adjoint(%[[A]]#0, %[[D]])
// KERNELS-LABEL: func.func @jepa_run
// KERNELS: call @layer_blocks(
func.func @jepa_run(%x: !x {jepa.name = "x"}, %w: !w {jepa.name = "w"}) -> (!x {jepa.name = "y"}) {
  %p0 = jepa.linear %x, %w {jepa.scope = "blocks.0.qkv"} : (!x, !w) -> !y
  %q0, %k0, %v0 = jepa.split_features %p0 {jepa.scope = "blocks.0"} : (!y) -> (!x, !x, !x)
  %y0 = jepa.add %q0, %v0 {jepa.scope = "blocks.0"} : (!x, !x) -> !x
  %p1 = jepa.linear %y0, %w {jepa.scope = "blocks.1.qkv"} : (!x, !w) -> !y
  %q1, %k1, %v1 = jepa.split_features %p1 {jepa.scope = "blocks.1"} : (!y) -> (!x, !x, !x)
  %y1 = jepa.add %q1, %v1 {jepa.scope = "blocks.1"} : (!x, !x) -> !x
  %g1 = jepa.gelu_grad %y1, %k1 {jepa.scope = "blocks.1.attn/adjoint"} : !x
  %h1 = jepa.add %g1, %q1 {jepa.scope = "blocks.1/adjoint"} : (!x, !x) -> !x
  %g0 = jepa.gelu_grad %h1, %k0 {jepa.scope = "blocks.0.attn/adjoint"} : !x
  %h0 = jepa.add %g0, %q0 {jepa.scope = "blocks.0/adjoint"} : (!x, !x) -> !x
  return %h0 : !x
}
// CHECK-LABEL: func.func private @layer_blocks(
// CHECK:       %[[P:.*]] = jepa.linear
// CHECK-NEXT:  %[[S:.*]]:3 = jepa.split_features %[[P]]
// CHECK-NEXT:  %[[Y:.*]] = jepa.add %[[S]]#0, %[[S]]#2
// CHECK-NEXT:  return %[[P]], %[[Y]]
// CHECK-LABEL: func.func private @layer_blocks_adjoint(
// CHECK-SAME:  %[[P:.*]]: tensor<2x8x48xf32>, %[[DY:.*]]: tensor<2x8x16xf32>)
// CHECK-NEXT:  %[[S:.*]]:3 = jepa.split_features %[[P]] {jepa.scope = "attn"}
// CHECK-NEXT:  %[[G:.*]] = jepa.gelu_grad %[[DY]], %[[S]]#1
// CHECK-NEXT:  jepa.add %[[G]], %[[S]]#0

// -----

!x = tensor<2x8x16xf32>
!y = tensor<2x8x32xf32>
!z = tensor<1x16x32xf32>

// A view of a view is made again with it.
// CHECK-LABEL: func.func @jepa_run
// CHECK:     %[[A:.*]] = call @layer_blocks(
// CHECK:     call @layer_after(%[[A]])
// KERNELS-LABEL: func.func @jepa_run
func.func @jepa_run(%x: !y {jepa.name = "x"}) -> (tensor<1x16x16xf32> {jepa.name = "a"}, tensor<1x16x16xf32> {jepa.name = "b"}) {
  %a0 = jepa.gelu %x {jepa.scope = "blocks.0"} : !y
  %b0 = jepa.relu %a0 {jepa.scope = "blocks.0"} : !y
  %c0 = jepa.regroup_tokens %b0 {jepa.scope = "blocks.0"} : (!y) -> !z
  %d0, %e0 = jepa.split_features %c0 {jepa.scope = "blocks.0"} : (!z) -> (tensor<1x16x16xf32>, tensor<1x16x16xf32>)
  %f0 = jepa.gelu %d0 {jepa.scope = "after.0"} : tensor<1x16x16xf32>
  %g0 = jepa.add %f0, %e0 {jepa.scope = "after.0"} : (tensor<1x16x16xf32>, tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  %a1 = jepa.gelu %x {jepa.scope = "blocks.1"} : !y
  %b1 = jepa.relu %a1 {jepa.scope = "blocks.1"} : !y
  %c1 = jepa.regroup_tokens %b1 {jepa.scope = "blocks.1"} : (!y) -> !z
  %d1, %e1 = jepa.split_features %c1 {jepa.scope = "blocks.1"} : (!z) -> (tensor<1x16x16xf32>, tensor<1x16x16xf32>)
  %f1 = jepa.gelu %d1 {jepa.scope = "after.1"} : tensor<1x16x16xf32>
  %g1 = jepa.add %f1, %e1 {jepa.scope = "after.1"} : (tensor<1x16x16xf32>, tensor<1x16x16xf32>) -> tensor<1x16x16xf32>
  return %g0, %g1 : tensor<1x16x16xf32>, tensor<1x16x16xf32>
}
// CHECK-LABEL: func.func private @layer_blocks(
// CHECK-NOT:   split_features
// CHECK:       return
// CHECK-LABEL: func.func private @layer_after(
// CHECK-SAME:  tensor<2x8x32xf32>
// CHECK-NEXT:  jepa.regroup_tokens
// CHECK-NEXT:  jepa.split_features
