// RUN: %jepa-opt %s --jepa-insert-optimizer | FileCheck %s
// RUN: %jepa-opt %s --pass-pipeline="builtin.module(func.func(jepa-insert-optimizer{keep-gradients}))" \
// RUN:   | FileCheck %s --check-prefix=KEEP

// Clipping is per module, in the order of the first gradient of each. Biases and vectors do not decay. Teachers move
// with their students.
// CHECK-LABEL: func.func @modules(
// CHECK-SAME:    %[[A:.*]]: tensor<4x4xf64>, %[[B:.*]]: tensor<4xf64>, %[[C:.*]]: tensor<1x1x4xf64>, %[[D:.*]]: tensor<1x4xf64>,
// CHECK-SAME:    %[[H:.*]]: tensor<9xf64> {jepa.name = "hyper"})
// CHECK:         %[[E:.*]] = jepa.squared_norm %[[A]], %[[B]], %[[D]] :
// CHECK-NEXT:    jepa.tap %[[E]] {name = "grad_norm_squared.encoder"}
// CHECK-NEXT:    %[[P:.*]] = jepa.squared_norm %[[C]] :
// CHECK-NEXT:    jepa.tap %[[P]] {name = "grad_norm_squared.predictor"}
// CHECK-NEXT:    jepa.adamw "encoder.w", %[[A]], %[[H]] norm %[[E]] {decay = true, teacher = "teacher.w"}
// CHECK-NEXT:    jepa.adamw "encoder.norm.weight", %[[B]], %[[H]] norm %[[E]] {decay = false, teacher = "teacher.norm.weight"}
// CHECK-NEXT:    jepa.adamw "predictor.mask_token", %[[C]], %[[H]] norm %[[P]] {decay = true}
// CHECK-NEXT:    jepa.adamw "encoder.bias_table", %[[D]], %[[H]] norm %[[E]] {decay = false}
// CHECK-NEXT:    return
// KEEP-LABEL:  func.func @modules(
// KEEP:          jepa.tap %arg0 {name = "grad.encoder.w"}
// KEEP-NEXT:     jepa.tap %arg1 {name = "grad.encoder.norm.weight"}
// KEEP-NEXT:     jepa.tap %arg2 {name = "grad.predictor.mask_token"}
// KEEP-NEXT:     jepa.tap %arg3 {name = "grad.encoder.bias_table"}
func.func @modules(%a: tensor<4x4xf64>, %b: tensor<4xf64>, %c: tensor<1x1x4xf64>, %d: tensor<1x4xf64>) {
  %0 = jepa.parameter "teacher.w" {init = "ones", trainable = false, ema_of = "encoder.w"} : tensor<4x4xf64>
  %1 = jepa.parameter "teacher.norm.weight" {init = "ones", trainable = false, ema_of = "encoder.norm.weight"}
    : tensor<4xf64>
  jepa.gradient "encoder.w", %a : tensor<4x4xf64>
  jepa.gradient "encoder.norm.weight", %b : tensor<4xf64>
  jepa.gradient "predictor.mask_token", %c : tensor<1x1x4xf64>
  jepa.gradient "encoder.bias_table", %d : tensor<1x4xf64>
  return
}

// Two reads of a teacher's parameter are one move; a teacher whose student is not trained stays.
// CHECK-LABEL: func.func @teachers(
// CHECK:         jepa.adamw "encoder.w"{{.*}} teacher = "teacher.w"
// CHECK-NEXT:    return
func.func @teachers(%a: tensor<4x4xf32>) {
  %0 = jepa.parameter "teacher.w" {init = "ones", trainable = false, ema_of = "encoder.w"} : tensor<4x4xf32>
  %1 = jepa.parameter "teacher.w" {init = "ones", trainable = false, ema_of = "encoder.w"} : tensor<4x4xf32>
  %2 = jepa.parameter "teacher.head" {init = "ones", trainable = false, ema_of = "encoder.head"} : tensor<4x4xf32>
  jepa.gradient "encoder.w", %a : tensor<4x4xf32>
  return
}

// One teacher moves with the student, others by themselves, after all students.
// CHECK-LABEL: func.func @two_teachers(
// CHECK:         jepa.adamw "encoder.w"{{.*}} teacher = "slow.w"
// CHECK-NEXT:    jepa.adamw "encoder.v"{{.*}} {decay = true} :
// CHECK-NEXT:    jepa.ema "slower.w" of "encoder.w", %{{.*}} {shape = array<i64: 4, 4>}
// CHECK-NEXT:    return
func.func @two_teachers(%a: tensor<4x4xf32>) {
  %0 = jepa.parameter "slow.w" {init = "ones", trainable = false, ema_of = "encoder.w"} : tensor<4x4xf32>
  %1 = jepa.parameter "slower.w" {init = "ones", trainable = false, ema_of = "encoder.w"} : tensor<4x4xf32>
  jepa.gradient "encoder.w", %a : tensor<4x4xf32>
  jepa.gradient "encoder.v", %a : tensor<4x4xf32>
  return
}

// A frozen parameter may be kept: it does not move.
// CHECK-LABEL: func.func @frozen_result(
// CHECK:         jepa.adamw "encoder.w"
// CHECK-NEXT:    return %{{.*}} : tensor<4xf32>
func.func @frozen_result(%a: tensor<4x4xf32>) -> tensor<4xf32> {
  %0 = jepa.parameter "frozen" {init = "ones", trainable = false} : tensor<4xf32>
  jepa.gradient "encoder.w", %a : tensor<4x4xf32>
  return %0 : tensor<4xf32>
}

// Without gradients there is no step, and no argument for it.
// CHECK-LABEL: func.func @embed(
// CHECK-SAME:    %{{[^,]*}}: tensor<4xf32>) -> tensor<4xf32>
func.func @embed(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
