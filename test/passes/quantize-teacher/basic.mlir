// RUN: %jepa-opt %s --jepa-quantize-teacher --split-input-file | FileCheck %s
// RUN: %jepa-opt %s --jepa-quantize-teacher --split-input-file --jepa-pass-report=text -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REPORT
// RUN: %jepa-opt %s --jepa-quantize-teacher --split-input-file --remarks-filter=jepa-quantize-teacher \
// RUN:   --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// What a norm, a sum and a selection make of features are features. The scope has no say: a weight that moves after
// another is a teacher's, whether its copy, itself (rounded by the product or before it) is read.

// CHECK-LABEL: func.func @anywhere
// CHECK:       jepa.linear %{{.*}} : (tensor<2x64x48xbf16>, tensor<48x48xbf16>, tensor<48xf32>)
// CHECK:       jepa.linear %{{.*}} bias %{{.*}} {e4m3, jepa.scope = "blocks.0"}
// CHECK:       jepa.cast
// CHECK:       jepa.linear %{{.*}} {e4m3} : (tensor<2x32x48xbf16>, tensor<48x48xbf16>) -> tensor<2x32x48xf32>
// REPORT: jepa-quantize-teacher @anywhere
// REPORT-NEXT: 1 products_kept
// REPORT-NEXT: 2 products_quantized
// REMARK: a product of the teacher reads data, not features
func.func @anywhere(%x: tensor<2x64x48xbf16>, %m: tensor<2x32xi32>) -> tensor<2x32x48xf32> {
  %t = jepa.parameter_copy "t" {jepa.master = {ema_of = "w", init = "zeros"}} : tensor<48x48xbf16>
  %u = jepa.parameter "u" {ema_of = "v", init = "zeros", trainable = false} : tensor<48x48xf32>
  %b = jepa.parameter "b" {ema_of = "c", init = "zeros", trainable = false} : tensor<48xf32>
  %0 = jepa.linear %x, %t bias %b {jepa.scope = "target"} : (tensor<2x64x48xbf16>, tensor<48x48xbf16>, tensor<48xf32>) -> tensor<2x64x48xbf16>
  %1 = jepa.add %x, %0 : (tensor<2x64x48xbf16>, tensor<2x64x48xbf16>) -> tensor<2x64x48xbf16>
  %2 = jepa.layer_norm %1 {eps = 1.0e-06} : (tensor<2x64x48xbf16>) -> tensor<2x64x48xbf16>
  %3 = jepa.linear %2, %t bias %b {jepa.scope = "blocks.0"} : (tensor<2x64x48xbf16>, tensor<48x48xbf16>, tensor<48xf32>) -> tensor<2x64x48xbf16>
  %4 = jepa.gather_tokens %3, %m : (tensor<2x64x48xbf16>, tensor<2x32xi32>) -> tensor<2x32x48xbf16>
  %5 = jepa.cast %u : (tensor<48x48xf32>) -> tensor<48x48xbf16>
  %6 = jepa.linear %4, %5 : (tensor<2x32x48xbf16>, tensor<48x48xbf16>) -> tensor<2x32x48xf32>
  return %6 : tensor<2x32x48xf32>
}

// -----

// Rows, features in and features out are multiples of 16 each, or the layer stays.

// CHECK-LABEL: func.func @sizes
// CHECK-NOT:   e4m3
// CHECK:       return
// REPORT: jepa-quantize-teacher @sizes
// REPORT-NEXT: 4 products_kept
// REPORT-NEXT: 0 products_quantized
// REMARK-COUNT-3: a product of the teacher has a size that is no multiple of 16
func.func @sizes(%x: tensor<2x64x48xbf16>, %m: tensor<2x3xi32>) -> (tensor<2x3x48xbf16>, tensor<2x64x48xbf16>) {
  %w = jepa.parameter_copy "w" {jepa.master = {ema_of = "s", init = "zeros"}} : tensor<48x48xbf16>
  %a = jepa.parameter_copy "a" {jepa.master = {ema_of = "s", init = "zeros"}} : tensor<40x48xbf16>
  %b = jepa.parameter_copy "b" {jepa.master = {ema_of = "s", init = "zeros"}} : tensor<48x40xbf16>
  %0 = jepa.linear %x, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %1 = jepa.gather_tokens %0, %m : (tensor<2x64x48xbf16>, tensor<2x3xi32>) -> tensor<2x3x48xbf16>
  %2 = jepa.linear %1, %w : (tensor<2x3x48xbf16>, tensor<48x48xbf16>) -> tensor<2x3x48xbf16>
  %3 = jepa.linear %0, %a : (tensor<2x64x48xbf16>, tensor<40x48xbf16>) -> tensor<2x64x40xbf16>
  %4 = jepa.linear %3, %b : (tensor<2x64x40xbf16>, tensor<48x40xbf16>) -> tensor<2x64x48xbf16>
  return %2, %4 : tensor<2x3x48xbf16>, tensor<2x64x48xbf16>
}

// -----

// Without bf16 there is nothing to make coarser.

// CHECK-LABEL: func.func @full
// CHECK-NOT:   e4m3
// CHECK:       return
// REMARK: a product of the teacher is not computed in bf16
func.func @full(%x: tensor<2x64x48xf32>) -> tensor<2x64x48xf32> {
  %w = jepa.parameter "w" {ema_of = "s", init = "zeros", trainable = false} : tensor<48x48xf32>
  %0 = jepa.linear %x, %w : (tensor<2x64x48xf32>, tensor<48x48xf32>) -> tensor<2x64x48xf32>
  return %0 : tensor<2x64x48xf32>
}

// -----

// A teacher without a student's mark, and a student, are not looked at.

// CHECK-LABEL: func.func @students
// CHECK-NOT:   e4m3
// CHECK:       return
func.func @students(%x: tensor<2x64x48xbf16>, %w: tensor<48x48xbf16>) -> tensor<2x64x48xbf16> {
  %s = jepa.parameter_copy "s" {jepa.master = {init = "zeros"}} : tensor<48x48xbf16>
  %u = jepa.parameter_copy "u" : tensor<48x48xbf16>
  %0 = jepa.linear %x, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %1 = jepa.linear %0, %s : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %2 = jepa.linear %1, %u : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  return %2 : tensor<2x64x48xbf16>
}
