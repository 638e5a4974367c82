// RUN: %jepa-opt %s --jepa-quantize-teacher --split-input-file | FileCheck %s
// RUN: %jepa-opt %s --jepa-quantize-teacher --split-input-file --jepa-pass-report=text -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REPORT
// RUN: %jepa-opt %s --jepa-quantize-teacher --split-input-file --remarks-filter=jepa-quantize-teacher \
// RUN:   --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// What is made of a norm's result is bounded as it is. The scope has no say: a weight that moves after another is a
// teacher's, whether its copy, itself (rounded by the product or before it) is read. A norm stores e4m3 itself; of a
// selection's result, a cast does.

// CHECK-LABEL: func.func @anywhere
// CHECK:       jepa.linear %{{.*}} : (tensor<2x64x48xbf16>, tensor<48x48xbf16>, tensor<48xf32>)
// CHECK:       %[[N:.*]] = jepa.layer_norm %{{.*}} -> tensor<2x64x48xf8E4M3FN>
// CHECK:       %[[Y:.*]] = jepa.linear %[[N]], %{{.*}} bias %{{.*}} {jepa.scope = "blocks.0"}
// CHECK:       %[[G:.*]] = jepa.gather_tokens %[[Y]]
// CHECK-NEXT:  %[[E:.*]] = jepa.cast %[[G]] {jepa.scope = "blocks.0"} : (tensor<2x32x48xbf16>) -> tensor<2x32x48xf8E4M3FN>
// CHECK:       jepa.linear %[[E]], %{{.*}} : (tensor<2x32x48xf8E4M3FN>, tensor<48x48xbf16>) -> tensor<2x32x48xf32>
// REPORT: jepa-quantize-teacher @anywhere
// REPORT-NEXT: 1 products_kept
// REPORT-NEXT: 2 products_quantized
// REMARK: a product of the teacher reads what no norm bounds
func.func @anywhere(%x: tensor<2x64x48xbf16>, %m: tensor<2x32xi32>) -> tensor<2x32x48xf32> {
  %t = jepa.parameter_copy "t" {jepa.master = {ema_of = "w", init = "zeros"}} : tensor<48x48xbf16>
  %u = jepa.parameter "u" {ema_of = "v", init = "zeros", trainable = false} : tensor<48x48xf32>
  %b = jepa.parameter "b" {ema_of = "c", init = "zeros", trainable = false} : tensor<48xf32>
  %0 = jepa.linear %x, %t bias %b {jepa.scope = "target"} : (tensor<2x64x48xbf16>, tensor<48x48xbf16>, tensor<48xf32>) -> tensor<2x64x48xbf16>
  %1 = jepa.add %x, %0 : (tensor<2x64x48xbf16>, tensor<2x64x48xbf16>) -> tensor<2x64x48xbf16>
  %2 = jepa.layer_norm %1 {eps = 1.0e-06} : (tensor<2x64x48xbf16>) -> tensor<2x64x48xbf16>
  %3 = jepa.linear %2, %t bias %b {jepa.scope = "blocks.0"} : (tensor<2x64x48xbf16>, tensor<48x48xbf16>, tensor<48xf32>) -> tensor<2x64x48xbf16>
  %4 = jepa.gather_tokens %3, %m {jepa.scope = "blocks.0"} : (tensor<2x64x48xbf16>, tensor<2x32xi32>) -> tensor<2x32x48xbf16>
  %5 = jepa.cast %u : (tensor<48x48xf32>) -> tensor<48x48xbf16>
  %6 = jepa.linear %4, %5 : (tensor<2x32x48xbf16>, tensor<48x48xbf16>) -> tensor<2x32x48xf32>
  return %6 : tensor<2x32x48xf32>
}

// -----

// A sum that a block adds to is bounded by no norm, however many went into it; a sum of norms is.

// CHECK-LABEL: func.func @raw
// CHECK:       jepa.linear %{{.*}} : (tensor<2x64x48xf8E4M3FN>
// CHECK:       %[[S:.*]] = jepa.add
// CHECK-NEXT:  jepa.linear %[[S]], %{{.*}} : (tensor<2x64x48xbf16>
// CHECK:       jepa.linear %{{.*}} : (tensor<2x64x48xf8E4M3FN>
// REPORT: jepa-quantize-teacher @raw
// REPORT-NEXT: 1 products_kept
// REPORT-NEXT: 2 products_quantized
// REMARK: a product of the teacher reads what no norm bounds
func.func @raw(%x: tensor<2x64x48xbf16>) -> (tensor<2x64x48xbf16>, tensor<2x64x48xbf16>) {
  %w = jepa.parameter_copy "w" {jepa.master = {ema_of = "s", init = "zeros"}} : tensor<48x48xbf16>
  %0 = jepa.layer_norm %x {eps = 1.0e-06} : (tensor<2x64x48xbf16>) -> tensor<2x64x48xbf16>
  %1 = jepa.linear %0, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %2 = jepa.add %x, %1 : (tensor<2x64x48xbf16>, tensor<2x64x48xbf16>) -> tensor<2x64x48xbf16>
  %3 = jepa.linear %2, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %4 = jepa.layer_norm %2 {eps = 1.0e-06} : (tensor<2x64x48xbf16>) -> tensor<2x64x48xbf16>
  %5 = jepa.add %4, %1 : (tensor<2x64x48xbf16>, tensor<2x64x48xbf16>) -> tensor<2x64x48xbf16>
  %6 = jepa.linear %5, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  return %3, %6 : tensor<2x64x48xbf16>, tensor<2x64x48xbf16>
}

// -----

// Attention stores e4m3 itself. What several products read is rounded once; what something else reads, too, stays beside it.

// CHECK-LABEL: func.func @readers
// CHECK:       %[[N:.*]] = jepa.layer_norm %{{.*}} -> tensor<2x64x48xf8E4M3FN>
// CHECK:       %[[Q:.*]] = jepa.linear %[[N]]
// CHECK:       %[[K:.*]] = jepa.linear %[[N]]
// CHECK:       %[[A:.*]], %{{.*}} = jepa.attention %{{.*}} -> (tensor<2x64x48xf8E4M3FN>, tensor<2x2x64xf32>)
// CHECK:       jepa.linear %[[A]]
// CHECK:       %[[G:.*]] = jepa.gelu
// CHECK-NEXT:  %[[E:.*]] = jepa.cast %[[G]]
// CHECK-NOT:   jepa.cast
// CHECK:       jepa.linear %[[E]]
// CHECK:       jepa.linear %[[E]]
// CHECK:       jepa.add %{{.*}}, %[[G]]
func.func @readers(%x: tensor<2x64x48xbf16>) -> (tensor<2x64x48xbf16>, tensor<2x64x48xbf16>) {
  %w = jepa.parameter_copy "w" {jepa.master = {ema_of = "s", init = "zeros"}} : tensor<48x48xbf16>
  %0 = jepa.layer_norm %x {eps = 1.0e-06} : (tensor<2x64x48xbf16>) -> tensor<2x64x48xbf16>
  %q = jepa.linear %0, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %k = jepa.linear %0, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %a, %l = jepa.attention %q, %k, %k {heads = 2} : (tensor<2x64x48xbf16>, tensor<2x64x48xbf16>, tensor<2x64x48xbf16>) -> (tensor<2x64x48xbf16>, tensor<2x2x64xf32>)
  %1 = jepa.linear %a, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %2 = jepa.gelu %1 : tensor<2x64x48xbf16>
  %3 = jepa.linear %2, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %4 = jepa.linear %2, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %5 = jepa.add %4, %2 : (tensor<2x64x48xbf16>, tensor<2x64x48xbf16>) -> tensor<2x64x48xbf16>
  return %3, %5 : tensor<2x64x48xbf16>, tensor<2x64x48xbf16>
}

// -----

// Rows, features in and features out are multiples of 16 each, or the layer stays.

// CHECK-LABEL: func.func @sizes
// CHECK:       f8E4M3FN
// CHECK:       jepa.linear {{.*}}f8E4M3FN
// CHECK-NOT:   f8E4M3FN
// CHECK:       return
// REPORT: jepa-quantize-teacher @sizes
// REPORT-NEXT: 3 products_kept
// REPORT-NEXT: 1 products_quantized
// REMARK-COUNT-3: a product of the teacher has a size that is no multiple of 16
func.func @sizes(%x: tensor<2x64x48xbf16>, %m: tensor<2x3xi32>) -> (tensor<2x3x48xbf16>, tensor<2x64x48xbf16>) {
  %w = jepa.parameter_copy "w" {jepa.master = {ema_of = "s", init = "zeros"}} : tensor<48x48xbf16>
  %a = jepa.parameter_copy "a" {jepa.master = {ema_of = "s", init = "zeros"}} : tensor<40x48xbf16>
  %b = jepa.parameter_copy "b" {jepa.master = {ema_of = "s", init = "zeros"}} : tensor<48x40xbf16>
  %n = jepa.layer_norm %x {eps = 1.0e-06} : (tensor<2x64x48xbf16>) -> tensor<2x64x48xbf16>
  %0 = jepa.linear %n, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %1 = jepa.gather_tokens %0, %m : (tensor<2x64x48xbf16>, tensor<2x3xi32>) -> tensor<2x3x48xbf16>
  %2 = jepa.linear %1, %w : (tensor<2x3x48xbf16>, tensor<48x48xbf16>) -> tensor<2x3x48xbf16>
  %3 = jepa.linear %0, %a : (tensor<2x64x48xbf16>, tensor<40x48xbf16>) -> tensor<2x64x40xbf16>
  %4 = jepa.linear %3, %b : (tensor<2x64x40xbf16>, tensor<48x40xbf16>) -> tensor<2x64x48xbf16>
  return %2, %4 : tensor<2x3x48xbf16>, tensor<2x64x48xbf16>
}

// -----

// Without bf16 there is nothing to make coarser.

// CHECK-LABEL: func.func @full
// CHECK-NOT:   f8E4M3FN
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
// CHECK-NOT:   f8E4M3FN
// CHECK:       return
func.func @students(%x: tensor<2x64x48xbf16>, %w: tensor<48x48xbf16>) -> tensor<2x64x48xbf16> {
  %s = jepa.parameter_copy "s" {jepa.master = {init = "zeros"}} : tensor<48x48xbf16>
  %u = jepa.parameter_copy "u" : tensor<48x48xbf16>
  %0 = jepa.linear %x, %w : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %1 = jepa.linear %0, %s : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  %2 = jepa.linear %1, %u : (tensor<2x64x48xbf16>, tensor<48x48xbf16>) -> tensor<2x64x48xbf16>
  return %2 : tensor<2x64x48xbf16>
}
