// RUN: %jepa-opt %s --jepa-outline-layers | FileCheck %s
// RUN: %jepa-opt %s --jepa-outline-layers --jepa-pass-report=text -o /dev/null 2>&1 | FileCheck %s --check-prefix=REPORT

// REPORT: 2 functions_made
// REPORT-NEXT: 5 layers_called

// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[X:.*]]: tensor<2x64x48xf32>
// CHECK: %[[A0:.*]] = jepa.parameter "encoder.blocks.0.mlp.fc1.weight"
// CHECK: %[[B0:.*]] = jepa.parameter "encoder.blocks.0.mlp.fc2.weight"
// CHECK: %[[Y0:.*]] = call @layer_encoder_blocks(%[[X]], %[[A0]], %[[B0]]) {jepa.scope = "encoder.blocks.0"}
// CHECK: %[[Y1:.*]] = call @layer_encoder_blocks(%[[Y0]], %{{.*}}, %{{.*}}) {jepa.scope = "encoder.blocks.1"}
// CHECK-NEXT: jepa.tap %[[Y1]] {jepa.scope = "encoder.blocks.1", name = "dense.block1"}
// CHECK: %[[Y2:.*]] = call @layer_encoder_blocks(%[[Y1]]
// CHECK: jepa.layer_norm %[[Y2]]
// The adjoint of a layer is another layer.
// CHECK: call @layer_encoder_blocks_adjoint({{.*}}) {jepa.scope = "encoder.blocks.1/adjoint"}
// CHECK: call @layer_encoder_blocks_adjoint({{.*}}) {jepa.scope = "encoder.blocks.0/adjoint"}
func.func @step(%x: tensor<2x64x48xf32>) -> tensor<2x64x48xf32> {
  %a0 = jepa.parameter "encoder.blocks.0.mlp.fc1.weight" {init = "zeros"} : tensor<96x48xf32>
  %h0 = jepa.linear %x, %a0 {jepa.scope = "encoder.blocks.0.mlp"} : (tensor<2x64x48xf32>, tensor<96x48xf32>) -> tensor<2x64x96xf32>
  %g0 = jepa.gelu %h0 {jepa.scope = "encoder.blocks.0.mlp"} : tensor<2x64x96xf32>
  %b0 = jepa.parameter "encoder.blocks.0.mlp.fc2.weight" {init = "zeros"} : tensor<48x96xf32>
  %o0 = jepa.linear %g0, %b0 {jepa.scope = "encoder.blocks.0.mlp"} : (tensor<2x64x96xf32>, tensor<48x96xf32>) -> tensor<2x64x48xf32>
  %y0 = jepa.add %x, %o0 {jepa.scope = "encoder.blocks.0"} : (tensor<2x64x48xf32>, tensor<2x64x48xf32>) -> tensor<2x64x48xf32>

  %a1 = jepa.parameter "encoder.blocks.1.mlp.fc1.weight" {init = "zeros"} : tensor<96x48xf32>
  %h1 = jepa.linear %y0, %a1 {jepa.scope = "encoder.blocks.1.mlp"} : (tensor<2x64x48xf32>, tensor<96x48xf32>) -> tensor<2x64x96xf32>
  %g1 = jepa.gelu %h1 {jepa.scope = "encoder.blocks.1.mlp"} : tensor<2x64x96xf32>
  %b1 = jepa.parameter "encoder.blocks.1.mlp.fc2.weight" {init = "zeros"} : tensor<48x96xf32>
  %o1 = jepa.linear %g1, %b1 {jepa.scope = "encoder.blocks.1.mlp"} : (tensor<2x64x96xf32>, tensor<48x96xf32>) -> tensor<2x64x48xf32>
  %y1 = jepa.add %y0, %o1 {jepa.scope = "encoder.blocks.1"} : (tensor<2x64x48xf32>, tensor<2x64x48xf32>) -> tensor<2x64x48xf32>
  jepa.tap %y1 {jepa.scope = "encoder.blocks.1", name = "dense.block1"} : tensor<2x64x48xf32>

  %a2 = jepa.parameter "encoder.blocks.2.mlp.fc1.weight" {init = "zeros"} : tensor<96x48xf32>
  %h2 = jepa.linear %y1, %a2 {jepa.scope = "encoder.blocks.2.mlp"} : (tensor<2x64x48xf32>, tensor<96x48xf32>) -> tensor<2x64x96xf32>
  %g2 = jepa.gelu %h2 {jepa.scope = "encoder.blocks.2.mlp"} : tensor<2x64x96xf32>
  %b2 = jepa.parameter "encoder.blocks.2.mlp.fc2.weight" {init = "zeros"} : tensor<48x96xf32>
  %o2 = jepa.linear %g2, %b2 {jepa.scope = "encoder.blocks.2.mlp"} : (tensor<2x64x96xf32>, tensor<48x96xf32>) -> tensor<2x64x48xf32>
  %y2 = jepa.add %y1, %o2 {jepa.scope = "encoder.blocks.2"} : (tensor<2x64x48xf32>, tensor<2x64x48xf32>) -> tensor<2x64x48xf32>
  %n = jepa.layer_norm %y2 {eps = 1.0e-06, jepa.scope = "encoder.norm"} : (tensor<2x64x48xf32>) -> tensor<2x64x48xf32>

  %d1 = jepa.linear_input_grad %n, %b1 {jepa.scope = "encoder.blocks.1.mlp/adjoint"} : (tensor<2x64x48xf32>, tensor<48x96xf32>) -> tensor<2x64x96xf32>
  %e1 = jepa.gelu_grad %d1, %d1 {jepa.scope = "encoder.blocks.1.mlp/adjoint"} : tensor<2x64x96xf32>
  %w1 = jepa.linear_weight_grad %n, %e1 {jepa.scope = "encoder.blocks.1.mlp/adjoint"} : (tensor<2x64x48xf32>, tensor<2x64x96xf32>) -> tensor<48x96xf32>
  %f1 = jepa.linear_input_grad %e1, %a1 {jepa.scope = "encoder.blocks.1.mlp/adjoint"} : (tensor<2x64x96xf32>, tensor<96x48xf32>) -> tensor<2x64x48xf32>
  %d0 = jepa.linear_input_grad %f1, %b0 {jepa.scope = "encoder.blocks.0.mlp/adjoint"} : (tensor<2x64x48xf32>, tensor<48x96xf32>) -> tensor<2x64x96xf32>
  %e0 = jepa.gelu_grad %d0, %d0 {jepa.scope = "encoder.blocks.0.mlp/adjoint"} : tensor<2x64x96xf32>
  %w0 = jepa.linear_weight_grad %f1, %e0 {jepa.scope = "encoder.blocks.0.mlp/adjoint"} : (tensor<2x64x48xf32>, tensor<2x64x96xf32>) -> tensor<48x96xf32>
  %f0 = jepa.linear_input_grad %e0, %a0 {jepa.scope = "encoder.blocks.0.mlp/adjoint"} : (tensor<2x64x96xf32>, tensor<96x48xf32>) -> tensor<2x64x48xf32>
  jepa.gradient "encoder.blocks.0.mlp.fc2.weight", %w0 : tensor<48x96xf32>
  jepa.gradient "encoder.blocks.1.mlp.fc2.weight", %w1 : tensor<48x96xf32>
  return %f0 : tensor<2x64x48xf32>
}

// CHECK: func.func private @layer_encoder_blocks(%[[X:.*]]: tensor<2x64x48xf32>, %[[A:.*]]: tensor<96x48xf32>, %[[B:.*]]: tensor<48x96xf32>)
// CHECK-NEXT: %[[H:.*]] = jepa.linear %[[X]], %[[A]] {jepa.scope = "mlp"}
// CHECK-NEXT: %[[G:.*]] = jepa.gelu %[[H]] {jepa.scope = "mlp"}
// CHECK-NEXT: %[[O:.*]] = jepa.linear %[[G]], %[[B]] {jepa.scope = "mlp"}
// CHECK-NEXT: %[[Y:.*]] = jepa.add %[[X]], %[[O]] :
// CHECK-NEXT: return %[[Y]]
// CHECK: func.func private @layer_encoder_blocks_adjoint
// CHECK: return %{{.*}}, %{{.*}} : tensor<48x96xf32>, tensor<2x64x48xf32>
