// RUN: %jepa-opt %s --jepa-quantize-teacher | FileCheck %s

// The teacher's second layer; not its first, which reads what the run was given, and not the student's.
// CHECK-LABEL: func.func @jepa_run
// CHECK:       jepa.linear %{{.*}}, %{{.*}} : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
// CHECK:       jepa.linear %{{.*}}, %{{.*}} {e4m3} : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
// CHECK:       jepa.linear %{{.*}}, %{{.*}} : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
func.func @jepa_run(%x: tensor<2x64x48xbf16> {jepa.name = "x"}) -> (tensor<2x64x48xbf16> {jepa.name = "target"}, tensor<2x64x48xbf16> {jepa.name = "y"}) {
  %w = jepa.parameter_copy "encoder.w" {jepa.master = {init = "zeros", trainable = true}} : tensor<48x48xbf16>
  %t = jepa.parameter_copy "target.w" {jepa.master = {ema_of = "encoder.w", init = "zeros", trainable = false}} : tensor<48x48xbf16>
  %0 = jepa.linear %x, %t : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %1 = jepa.linear %0, %t : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %2 = jepa.linear %0, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  return %1, %2 : tensor<2x64x48xbf16>, tensor<2x64x48xbf16>
}
