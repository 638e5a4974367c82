// RUN: %jepa-opt %s --jepa-differentiate --jepa-rematerialize="limit=400000" | FileCheck %s
// RUN: %jepa-opt %s --jepa-differentiate --jepa-rematerialize="limit=1 best-effort=true" | FileCheck %s --check-prefix=ALL

// Without a limit the step needs 436224 bytes. The GELU of the first block is what costs least for each byte that it frees while
// the adjoint of the second is at work; without it, 387072 are enough.

// CHECK: %[[H0:.*]] = jepa.linear %arg0
// CHECK-NEXT: jepa.gelu %[[H0]] {jepa.scope = "blocks.0.mlp"}
// CHECK-NOT: jepa.recomputed
// CHECK: jepa.linear_input_grad {{.*}}"blocks.0.mlp/adjoint"
// CHECK-NEXT: %[[AGAIN:.*]] = jepa.gelu %[[H0]] {jepa.recomputed, jepa.scope = "blocks.0.mlp/adjoint"}
// CHECK-NEXT: jepa.linear_weight_grad %{{.*}}, %[[AGAIN]]
// CHECK-NOT: jepa.recomputed

// All that helps: the product of each block as well, but not the GELU of the second, which is read where the peak is. Copies read
// copies, and nothing of the adjoint reads an original whose copy there is.

// ALL: %[[H0:.*]] = jepa.linear %arg0, %[[W0:.*]] {jepa.scope = "blocks.0.mlp"}
// ALL: jepa.gelu %[[H0]] {jepa.scope = "blocks.0.mlp"}
// ALL: %[[Y0:.*]] = jepa.add %arg0
// ALL: %[[H1:.*]] = jepa.linear %[[Y0]], %[[W1:.*]] {jepa.scope = "blocks.1.mlp"}
// ALL-NEXT: %[[G1:.*]] = jepa.gelu %[[H1]] {jepa.scope = "blocks.1.mlp"}
// ALL-NOT: %[[H1]]
// ALL-NOT: jepa.recomputed
// ALL: jepa.linear_weight_grad %{{.*}}, %[[G1]] {jepa.scope = "blocks.1.mlp/adjoint"}
// ALL-NEXT: %[[H1B:.*]] = jepa.linear %[[Y0]], %[[W1]] {jepa.recomputed, jepa.scope = "blocks.1.mlp/adjoint"}
// ALL-NEXT: jepa.gelu_grad %{{.*}}, %[[H1B]]
// ALL-NOT: jepa.recomputed
// ALL: jepa.linear_input_grad {{.*}}"blocks.0.mlp/adjoint"
// ALL-NEXT: %[[H0B:.*]] = jepa.linear %arg0, %[[W0]] {jepa.recomputed, jepa.scope = "blocks.0.mlp/adjoint"}
// ALL-NEXT: %[[G0B:.*]] = jepa.gelu %[[H0B]] {jepa.recomputed, jepa.scope = "blocks.0.mlp/adjoint"}
// ALL-NEXT: jepa.linear_weight_grad %{{.*}}, %[[G0B]]
// ALL-NEXT: jepa.gelu_grad %{{.*}}, %[[H0B]]
// ALL-NOT: jepa.recomputed
func.func @jepa_run(%x: tensor<2x64x48xf32> {jepa.name = "x"}, %t: tensor<2x64x48xf32> {jepa.name = "t"}) -> (tensor<f32> {jepa.name = "loss"}) {
  %a0 = jepa.parameter "blocks.0.fc1.weight" {init = "zeros"} : tensor<96x48xf32>
  %h0 = jepa.linear %x, %a0 {jepa.scope = "blocks.0.mlp"} : (tensor<2x64x48xf32>, tensor<96x48xf32>) -> tensor<2x64x96xf32>
  %g0 = jepa.gelu %h0 {jepa.scope = "blocks.0.mlp"} : tensor<2x64x96xf32>
  %b0 = jepa.parameter "blocks.0.fc2.weight" {init = "zeros"} : tensor<48x96xf32>
  %o0 = jepa.linear %g0, %b0 {jepa.scope = "blocks.0.mlp"} : (tensor<2x64x96xf32>, tensor<48x96xf32>) -> tensor<2x64x48xf32>
  %y0 = jepa.add %x, %o0 {jepa.scope = "blocks.0"} : (tensor<2x64x48xf32>, tensor<2x64x48xf32>) -> tensor<2x64x48xf32>

  %a1 = jepa.parameter "blocks.1.fc1.weight" {init = "zeros"} : tensor<96x48xf32>
  %h1 = jepa.linear %y0, %a1 {jepa.scope = "blocks.1.mlp"} : (tensor<2x64x48xf32>, tensor<96x48xf32>) -> tensor<2x64x96xf32>
  %g1 = jepa.gelu %h1 {jepa.scope = "blocks.1.mlp"} : tensor<2x64x96xf32>
  %b1 = jepa.parameter "blocks.1.fc2.weight" {init = "zeros"} : tensor<48x96xf32>
  %o1 = jepa.linear %g1, %b1 {jepa.scope = "blocks.1.mlp"} : (tensor<2x64x96xf32>, tensor<48x96xf32>) -> tensor<2x64x48xf32>
  %y1 = jepa.add %y0, %o1 {jepa.scope = "blocks.1"} : (tensor<2x64x48xf32>, tensor<2x64x48xf32>) -> tensor<2x64x48xf32>
  %loss = jepa.power_loss %y1, %t {exponent = 1.0} : (tensor<2x64x48xf32>, tensor<2x64x48xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
