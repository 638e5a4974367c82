// RUN: %jepa-opt %s --jepa-read-masters | FileCheck %s

// Products read "w" themselves; a sum reads the copy of "v", which stays.
// CHECK-LABEL: func.func @jepa_run
// CHECK:       %[[W:.*]] = jepa.parameter "w" {init = "zeros"} : tensor<48x48xf32>
// CHECK:       %[[V:.*]] = jepa.parameter_copy "v"
// CHECK:       jepa.linear %{{.*}}, %[[W]] : (tensor<2x64x48xbf16>, tensor<48x48xf32>) -> tensor<2x64x48xbf16>
// CHECK:       jepa.linear %{{.*}}, %[[V]] : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
// CHECK:       jepa.adamw "w", %{{.*}} {decay = true}
// CHECK:       jepa.adamw "v", %{{.*}} {copy, decay = true}
func.func @jepa_run(%x: tensor<2x64x48xbf16> {jepa.name = "x"}, %hyper: tensor<9xf32> {jepa.name = "hyper"}, %g: tensor<48x48xf32> {jepa.name = "g"}) -> (tensor<2x64x48xbf16> {jepa.name = "y"}) {
  %w = jepa.parameter_copy "w" {jepa.master = {init = "zeros", trainable = true}} : tensor<48x48xbf16>
  %v = jepa.parameter_copy "v" {jepa.master = {init = "zeros", trainable = true}} : tensor<48x48xbf16>
  %0 = jepa.linear %x, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %1 = jepa.linear %0, %v : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %2 = jepa.add %v, %v : (tensor<48x48xbf16>, tensor<48x48xbf16>) -> tensor<48x48xbf16>
  %n = jepa.squared_norm %2 : (tensor<48x48xbf16>) -> tensor<f32>
  jepa.adamw "w", %g, %hyper norm %n {copy, decay = true} : tensor<48x48xf32>, tensor<9xf32>, tensor<f32>
  jepa.adamw "v", %g, %hyper norm %n {copy, decay = true} : tensor<48x48xf32>, tensor<9xf32>, tensor<f32>
  return %1 : tensor<2x64x48xbf16>
}
