// RUN: %jepa-opt %s --jepa-insert-optimizer | FileCheck %s

// One trained weight of the encoder, and the teacher that follows it.

// CHECK-LABEL: func.func @jepa_run(
// CHECK-SAME:    %[[DW:.*]]: tensor<4x8xf32>, %[[HYPER:.*]]: tensor<9xf32> {jepa.name = "hyper"})
// CHECK-DAG:     jepa.parameter "encoder.w"
// CHECK-DAG:     jepa.parameter "target_encoder.w"
// CHECK:         %[[N:.*]] = jepa.squared_norm %[[DW]] : (tensor<4x8xf32>) -> tensor<f32>
// CHECK-NEXT:    jepa.tap %[[N]] {name = "grad_norm_squared.encoder"}
// CHECK-NEXT:    jepa.adamw "encoder.w", %[[DW]], %[[HYPER]] norm %[[N]] {decay = true, teacher = "target_encoder.w"}
// CHECK-NEXT:    return
func.func @jepa_run(%dw: tensor<4x8xf32>) {
  %w = jepa.parameter "encoder.w" {init = "ones"} : tensor<4x8xf32>
  %t = jepa.parameter "target_encoder.w" {init = "ones", trainable = false, ema_of = "encoder.w"} : tensor<4x8xf32>
  jepa.gradient "encoder.w", %dw : tensor<4x8xf32>
  return
}
