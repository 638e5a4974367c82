// RUN: %jepa-opt %s --jepa-read-masters --split-input-file | FileCheck %s

// Forward and input-gradient products read the student's and the teacher's masters; one sweep moved both, and writes
// neither copy any more.

// CHECK-LABEL: func.func @jepa_run
// CHECK:       %[[W:.*]] = jepa.parameter "w"
// CHECK:       %[[T:.*]] = jepa.parameter "t"
// CHECK-NOT:   jepa.parameter_copy
// CHECK:       jepa.linear %{{.*}}, %[[T]] : (tensor<2x64x48xbf16>, tensor<32x48xf32>) -> tensor<2x64x32xbf16>
// CHECK:       jepa.linear_input_grad %{{.*}}, %[[W]] : (tensor<2x64x32xbf16>, tensor<32x48xf32>) -> tensor<2x64x48xbf16>
// CHECK-NOT:   copy
// CHECK:       return
func.func @jepa_run(%x: tensor<2x64x48xbf16> {jepa.name = "x"}, %hyper: tensor<9xf32> {jepa.name = "hyper"},
                    %g: tensor<32x48xf32> {jepa.name = "g"}, %n: tensor<f32> {jepa.name = "n"})
    -> (tensor<2x64x48xbf16> {jepa.name = "y"}) {
  %w = jepa.parameter_copy "w" {jepa.master = {init = "zeros", trainable = true}} : tensor<32x48xbf16>
  %t = jepa.parameter_copy "t" {jepa.master = {ema_of = "w", init = "zeros", trainable = false}} : tensor<32x48xbf16>
  %0 = jepa.linear %x, %t : (tensor<2x64x48xbf16>, tensor<32x48xbf16>) -> tensor<2x64x32xbf16>
  %1 = jepa.linear_input_grad %0, %w : (tensor<2x64x32xbf16>, tensor<32x48xbf16>) -> tensor<2x64x48xbf16>
  jepa.adamw "w", %g, %hyper norm %n {copy, decay = true, teacher = "t", teacher_copy} : tensor<32x48xf32>, tensor<9xf32>, tensor<f32>
  return %1 : tensor<2x64x48xbf16>
}

// -----

// A copy without a master's description stays: what it would be filled with is not known here.

// CHECK-LABEL: func.func @jepa_run
// CHECK:       jepa.parameter_copy "w"
func.func @jepa_run(%x: tensor<2x64x48xbf16> {jepa.name = "x"}) -> (tensor<2x64x32xbf16> {jepa.name = "y"}) {
  %w = jepa.parameter_copy "w" : tensor<32x48xbf16>
  %0 = jepa.linear %x, %w : (tensor<2x64x48xbf16>, tensor<32x48xbf16>) -> tensor<2x64x32xbf16>
  return %0 : tensor<2x64x32xbf16>
}
