// RUN: %jepa-opt %s --jepa-fuse-epilogues | FileCheck %s

// A layer's second half: GELU goes with the first product, the residual with the second. The sum is kept, its addends are
// not; %h is kept for the adjoint, which reads it.

!x = tensor<2x64x48xf32>
!h = tensor<2x64x192xf32>

// CHECK-LABEL: func.func @mlp
func.func @mlp(%r: !x, %x: !x, %w1: tensor<192x48xf32>, %b1: tensor<192xf32>, %w2: tensor<48x192xf32>,
               %b2: tensor<48xf32>) -> (!h, !x) {
  // CHECK: %[[H:.*]]:2 = jepa.fused(%{{.*}}, %{{.*}}, %{{.*}}) {
  // CHECK: %[[P:.*]] = jepa.linear
  // CHECK: %[[G:.*]] = jepa.gelu %[[P]]
  // CHECK: jepa.yield %[[P]], %[[G]]
  %h = jepa.linear %x, %w1 bias %b1 {jepa.scope = "blocks.0.mlp"} : (!x, tensor<192x48xf32>, tensor<192xf32>) -> !h
  %g = jepa.gelu %h {jepa.scope = "blocks.0.mlp"} : !h
  // CHECK: %[[Y:.*]] = jepa.fused(%[[H]]#1,
  // CHECK: %[[Q:.*]] = jepa.linear
  // CHECK: %[[S:.*]] = jepa.add %{{.*}}, %[[Q]]
  // CHECK: jepa.yield %[[S]]
  // CHECK: {jepa.scope = "blocks.0.mlp"}
  %p = jepa.linear %g, %w2 bias %b2 {jepa.scope = "blocks.0.mlp"} : (!h, tensor<48x192xf32>, tensor<48xf32>) -> !x
  %y = jepa.add %r, %p {jepa.scope = "blocks.0"} : (!x, !x) -> !x
  // CHECK: return %[[H]]#0, %[[Y]]
  return %h, %y : !h, !x
}
