// RUN: %jepa-opt %s --split-input-file --jepa-rematerialize="limit=1 best-effort=true" | FileCheck %s
// RUN: %jepa-opt %s --split-input-file --jepa-rematerialize | FileCheck %s --check-prefix=UNLIMITED
// UNLIMITED-NOT: jepa.recomputed

// The GELU is computed again. The product is not, since its weight is another by then.
// CHECK-LABEL: func.func @jepa_run
// CHECK: %[[H:.*]] = jepa.linear
// CHECK: jepa.adamw "blocks.0.w"
// CHECK-NOT: jepa.linear %
// CHECK: jepa.gelu_grad %{{.*}}, %[[H]]
// CHECK-NEXT: %[[G:.*]] = jepa.gelu %[[H]] {jepa.recomputed, jepa.scope = "blocks.0/adjoint"}
// CHECK-NEXT: jepa.linear_weight_grad %{{.*}}, %[[G]]
func.func @jepa_run(%x: tensor<2x64x48xf32> {jepa.name = "x"}, %dw: tensor<96x48xf32> {jepa.name = "dw"},
                    %n: tensor<f32> {jepa.name = "n"}, %hyper: tensor<9xf32> {jepa.name = "hyper"}) {
  %w = jepa.parameter "blocks.0.w" {init = "zeros"} : tensor<96x48xf32>
  %b = jepa.parameter "blocks.0.b" {init = "zeros"} : tensor<48x96xf32>
  %h = jepa.linear %x, %w {jepa.scope = "blocks.0"} : (tensor<2x64x48xf32>, tensor<96x48xf32>) -> tensor<2x64x96xf32>
  %g = jepa.gelu %h {jepa.scope = "blocks.0"} : tensor<2x64x96xf32>
  %y = jepa.linear %g, %b {jepa.scope = "blocks.0"} : (tensor<2x64x96xf32>, tensor<48x96xf32>) -> tensor<2x64x48xf32>
  jepa.adamw "blocks.0.w", %dw, %hyper norm %n {decay = false} : tensor<96x48xf32>, tensor<9xf32>, tensor<f32>
  %dg = jepa.linear_input_grad %y, %b {jepa.scope = "blocks.0/adjoint"} : (tensor<2x64x48xf32>, tensor<48x96xf32>) -> tensor<2x64x96xf32>
  %dh = jepa.gelu_grad %dg, %h {jepa.scope = "blocks.0/adjoint"} : tensor<2x64x96xf32>
  %db = jepa.linear_weight_grad %y, %g {jepa.scope = "blocks.0/adjoint"} : (tensor<2x64x48xf32>, tensor<2x64x96xf32>) -> tensor<48x96xf32>
  %da = jepa.linear_weight_grad %dh, %x {jepa.scope = "blocks.0/adjoint"} : (tensor<2x64x96xf32>, tensor<2x64x48xf32>) -> tensor<96x48xf32>
  jepa.tap %db {name = "db"} : tensor<48x96xf32>
  jepa.tap %da {name = "da"} : tensor<96x48xf32>
  return
}

// -----

// What another layer's adjoint reads stays, and so does what is read at the peak itself.
// CHECK-LABEL: func.func @jepa_run
// CHECK-NOT: jepa.recomputed
func.func @jepa_run(%x: tensor<2x64x48xf32> {jepa.name = "x"}) {
  %g = jepa.gelu %x {jepa.scope = "blocks.0"} : tensor<2x64x48xf32>
  %y = jepa.gelu %g {jepa.scope = "blocks.1"} : tensor<2x64x48xf32>
  %d = jepa.gelu_grad %y, %g {jepa.scope = "blocks.1/adjoint"} : tensor<2x64x48xf32>
  jepa.tap %d {name = "d"} : tensor<2x64x48xf32>
  return
}
