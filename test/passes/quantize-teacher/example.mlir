// RUN: %jepa-opt %s --jepa-quantize-teacher | FileCheck %s

// The teacher's second layer; not its first, which reads what the run was given, and not the student's.
// CHECK-LABEL: func.func @jepa_run
// CHECK:       %[[X:.*]] = jepa.linear %{{.*}}, %{{.*}} : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
// CHECK:       %[[N:.*]] = jepa.layer_norm %[[X]] {{.*}} -> tensor<2x64x48xf8E4M3FN>
// CHECK:       jepa.linear %[[N]], %{{.*}} : (tensor<2x64x48xf8E4M3FN>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
// CHECK:       jepa.linear %[[X]], %{{.*}} : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
func.func @jepa_run(%x: tensor<2x64x48xbf16> {jepa.name = "x"}) -> (tensor<2x64x48xbf16> {jepa.name = "target"}, tensor<2x64x48xbf16> {jepa.name = "y"}) {
  %w = jepa.parameter_copy "encoder.w" {jepa.master = {init = "zeros", trainable = true}} : tensor<48x48xbf16>
  %t = jepa.parameter_copy "target.w" {jepa.master = {ema_of = "encoder.w", init = "zeros", trainable = false}} : tensor<48x48xbf16>
  %0 = jepa.linear %x, %t : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %1 = jepa.layer_norm %0 {eps = 1.0e-06} : (tensor<2x64x48xbf16>) -> tensor<2x64x48xbf16>
  %2 = jepa.linear %1, %t : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %3 = jepa.linear %0, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  return %2, %3 : tensor<2x64x48xbf16>, tensor<2x64x48xbf16>
}
