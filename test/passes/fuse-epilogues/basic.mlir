// RUN: %jepa-opt %s --jepa-fuse-epilogues --split-input-file | FileCheck %s
// RUN: %jepa-opt %s --jepa-fuse-epilogues --split-input-file --jepa-pass-report=text 2>&1 | FileCheck %s --check-prefix=REPORT

!x = tensor<2x64x48xf32>
!h = tensor<2x64x192xf32>

// The adjoint of GELU and the bias' gradient go with the product; the other product between them does not mind.
// REPORT: jepa-fuse-epilogues @backward
// REPORT-NEXT: 1 groups_made
// REPORT-NEXT: 3 ops_fused
// REPORT-NEXT: 2 results_kept
// CHECK-LABEL: func.func @backward
// CHECK: %[[F:.*]]:2 = jepa.fused
// CHECK: jepa.linear_input_grad
// CHECK: %[[D:.*]] = jepa.gelu_grad
// CHECK: %[[B:.*]] = jepa.sum_to %[[D]]
// CHECK: jepa.yield %[[D]], %[[B]]
// CHECK: jepa.linear_weight_grad %[[F]]#0
func.func @backward(%dy: !x, %w: tensor<48x192xf32>, %h: !h, %x: !x) -> (tensor<192x48xf32>, tensor<192xf32>) {
  %0 = jepa.linear_input_grad %dy, %w : (!x, tensor<48x192xf32>) -> !h
  %1 = jepa.gelu_grad %0, %h : !h
  %dw = jepa.linear_weight_grad %1, %x : (!h, !x) -> tensor<192x48xf32>
  %db = jepa.sum_to %1 : (!h) -> tensor<192xf32>
  return %dw, %db : tensor<192x48xf32>, tensor<192xf32>
}

// -----

!x = tensor<2x64x48xf32>

// Parameters move up to where the group runs.
// CHECK-LABEL: func.func @parameters
// CHECK: jepa.parameter "g"
// CHECK: jepa.parameter "b"
// CHECK: %{{.*}}:2 = jepa.fused
// CHECK: jepa.add
// CHECK: jepa.layer_norm
// CHECK: jepa.yield
func.func @parameters(%x: !x, %y: !x) -> (!x, !x) {
  %s = jepa.add %x, %y : (!x, !x) -> !x
  %g = jepa.parameter "g" {init = "zeros"} : tensor<48xf32>
  %b = jepa.parameter "b" {init = "zeros"} : tensor<48xf32>
  %n = jepa.layer_norm %s weight %g bias %b {eps = 1.0e-6} : (!x, tensor<48xf32>, tensor<48xf32>) -> !x
  return %s, %n : !x, !x
}

// -----

!x = tensor<2x64x48xf32>

// What an op reads must be there when its group runs: the second sum joins the later product, not the first.
// CHECK-LABEL: func.func @latest
// CHECK: jepa.linear
// CHECK-NOT: jepa.fused
// CHECK: jepa.fused(
// CHECK-NEXT: ^bb0
// CHECK-NEXT: jepa.linear
// CHECK-NEXT: jepa.add
func.func @latest(%x: !x, %w: tensor<48x48xf32>) -> !x {
  %0 = jepa.linear %x, %w : (!x, tensor<48x48xf32>) -> !x
  %1 = jepa.linear %0, %w : (!x, tensor<48x48xf32>) -> !x
  %2 = jepa.add %0, %1 : (!x, !x) -> !x
  return %2 : !x
}

// -----

!x = tensor<2x64x48xf32>

// Nothing to fuse: another layer, a sum over some of the rows only, a repeated left-hand side's table as a whole tensor.
// CHECK-LABEL: func.func @apart
// CHECK-NOT: jepa.fused
func.func @apart(%x: !x, %w: tensor<48x48xf32>) -> (!x, tensor<1x64x48xf32>, !x) {
  %0 = jepa.linear %x, %w {jepa.scope = "blocks.0.mlp"} : (!x, tensor<48x48xf32>) -> !x
  %1 = jepa.gelu %0 {jepa.scope = "blocks.1.mlp"} : !x
  %2 = jepa.sum_to %1 {jepa.scope = "blocks.1.mlp"} : (!x) -> tensor<1x64x48xf32>
  %3 = jepa.add %0, %2 {jepa.scope = "blocks.1.mlp"} : (!x, tensor<1x64x48xf32>) -> !x
  return %1, %2, %3 : !x, tensor<1x64x48xf32>, !x
}
