// RUN: %jepa-opt %s --jepa-insert-optimizer --split-input-file --verify-diagnostics

func.func @teacher_of_another_shape(%a: tensor<4x4xf32>) {
  // expected-note@+1 {{the student is read here}}
  %0 = jepa.parameter "encoder.w" {init = "ones"} : tensor<4x4xf32>
  // expected-error@+1 {{'jepa.parameter' op 'teacher.w' (4 x 8) cannot follow 'encoder.w' (4 x 4)}}
  %1 = jepa.parameter "teacher.w" {init = "ones", trainable = false, ema_of = "encoder.w"} : tensor<4x8xf32>
  jepa.gradient "encoder.w", %a : tensor<4x4xf32>
  return
}

// -----

func.func @returns_a_parameter(%a: tensor<4xf32>) -> tensor<4xf32> {
  %0 = jepa.parameter "encoder.w" {init = "ones"} : tensor<4xf32>
  jepa.gradient "encoder.w", %a : tensor<4xf32>
  // expected-error@+1 {{'func.return' op keeps parameter 'encoder.w', which is updated before it is read: keep a value computed from it}}
  return %0 : tensor<4xf32>
}

// -----

func.func @taps_a_teacher(%a: tensor<4xf32>) {
  %0 = jepa.parameter "teacher.w" {init = "ones", trainable = false, ema_of = "encoder.w"} : tensor<4xf32>
  // expected-error@+1 {{'jepa.tap' op keeps parameter 'teacher.w', which is updated before it is read}}
  jepa.tap %0 {name = "weights"} : tensor<4xf32>
  jepa.gradient "encoder.w", %a : tensor<4xf32>
  return
}
