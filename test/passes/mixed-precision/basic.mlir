// RUN: %jepa-opt %s --jepa-mixed-precision --split-input-file | FileCheck %s
// RUN: %jepa-opt %s --jepa-mixed-precision --split-input-file --jepa-pass-report=text -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REPORT

// One cast for two readers, where the value is made and of its scope; the scope's bias stays in f32.
// CHECK-LABEL: func.func @one_cast(
// CHECK:         %[[S:.*]] = jepa.add %{{.*}} -> tensor<2x4x8xf32>
// CHECK-NEXT:    %[[LOW:.*]] = jepa.cast %[[S]] {jepa.scope = "a"}
// CHECK-NEXT:    jepa.linear %[[LOW]], %{{.*}} bias %{{.*}} : (tensor<2x4x8xbf16>, tensor<6x8xbf16>, tensor<6xf32>) -> tensor<2x4x6xbf16>
// CHECK-NEXT:    jepa.linear %[[LOW]], %{{.*}} : (tensor<2x4x8xbf16>, tensor<6x8xbf16>) -> tensor<2x4x6xbf16>
func.func @one_cast(%x: tensor<2x4x8xf32>, %y: tensor<2x4x6xf32>) -> tensor<2x4x6xf32> {
  %w = jepa.parameter "w" {init = "ones"} : tensor<6x8xf32>
  %b = jepa.parameter "b" {init = "ones"} : tensor<6xf32>
  %0 = jepa.add %x, %x {jepa.scope = "a"} : (tensor<2x4x8xf32>, tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %1 = jepa.linear %0, %w bias %b {jepa.scope = "b"} : (tensor<2x4x8xf32>, tensor<6x8xf32>, tensor<6xf32>) -> tensor<2x4x6xf32>
  %2 = jepa.linear %0, %w {jepa.scope = "b"} : (tensor<2x4x8xf32>, tensor<6x8xf32>) -> tensor<2x4x6xf32>
  %3 = jepa.add %y, %1 : (tensor<2x4x6xf32>, tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %4 = jepa.add %3, %2 : (tensor<2x4x6xf32>, tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  return %4 : tensor<2x4x6xf32>
}

// -----

// A mean insists on f32, so gelu gives it, so the product does; nothing is cast back.
// CHECK-LABEL: func.func @insisting_reader(
// CHECK-NOT:     jepa.cast %{{.*}} -> tensor<{{.*}}xf32>
// CHECK:         %[[Y:.*]] = jepa.linear %{{.*}} : (tensor<2x4x8xbf16>, tensor<8x8xbf16>) -> tensor<2x4x8xf32>
// CHECK-NEXT:    %[[G:.*]] = jepa.gelu %[[Y]] : tensor<2x4x8xf32>
// CHECK-NEXT:    jepa.mean %[[G]]
// REPORT: jepa-mixed-precision
func.func @insisting_reader(%x: tensor<2x4x8xf32>) -> tensor<f32> {
  %w = jepa.parameter "w" {init = "ones"} : tensor<8x8xf32>
  %0 = jepa.linear %x, %w : (tensor<2x4x8xf32>, tensor<8x8xf32>) -> tensor<2x4x8xf32>
  %1 = jepa.gelu %0 : tensor<2x4x8xf32>
  %2 = jepa.mean %1 : (tensor<2x4x8xf32>) -> tensor<f32>
  return %2 : tensor<f32>
}

// -----

// A selection of the residual stream stays in f32; one that is read by products alone is rounded as it is made.
// CHECK-LABEL: func.func @selections(
// CHECK:         %[[A:.*]] = jepa.gather_tokens %arg0, %arg1 : (tensor<2x4x8xf32>, tensor<2x3xi32>) -> tensor<2x3x8xf32>
// CHECK-NEXT:    %[[B:.*]] = jepa.gather_tokens %arg0, %arg2 : (tensor<2x4x8xf32>, tensor<2x3xi32>) -> tensor<2x3x8xbf16>
// CHECK-NEXT:    jepa.linear %[[B]]
func.func @selections(%x: tensor<2x4x8xf32>, %m: tensor<2x3xi32>, %n: tensor<2x3xi32>) -> tensor<2x3x8xf32> {
  %w = jepa.parameter "w" {init = "ones"} : tensor<8x8xf32>
  %0 = jepa.gather_tokens %x, %m : (tensor<2x4x8xf32>, tensor<2x3xi32>) -> tensor<2x3x8xf32>
  %1 = jepa.gather_tokens %x, %n : (tensor<2x4x8xf32>, tensor<2x3xi32>) -> tensor<2x3x8xf32>
  %2 = jepa.linear %1, %w : (tensor<2x3x8xf32>, tensor<8x8xf32>) -> tensor<2x3x8xf32>
  %3 = jepa.add %0, %2 : (tensor<2x3x8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  return %3 : tensor<2x3x8xf32>
}

// -----

// Statistics, weights of norms and logsumexp stay in f32; the split of a low tensor is low.
// CHECK-LABEL: func.func @block(
// CHECK:         %[[N:.*]] = jepa.layer_norm %arg0 weight %{{.*}} : (tensor<2x4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<2x4x8xbf16>
// CHECK-NEXT:    %[[QKV:.*]] = jepa.linear %[[N]], %{{.*}} -> tensor<2x4x24xbf16>
// CHECK-NEXT:    %[[P:.*]]:3 = jepa.split_features %[[QKV]] : (tensor<2x4x24xbf16>) -> (tensor<2x4x8xbf16>, tensor<2x4x8xbf16>, tensor<2x4x8xbf16>)
// CHECK-NEXT:    jepa.attention %[[P]]#0, %[[P]]#1, %[[P]]#2 {heads = 2 : i64} : {{.*}} -> (tensor<2x4x8xbf16>, tensor<2x2x4xf32>)
func.func @block(%x: tensor<2x4x8xf32>) -> tensor<2x4x8xf32> {
  %w = jepa.parameter "w" {init = "ones"} : tensor<24x8xf32>
  %s = jepa.parameter "s" {init = "ones"} : tensor<8xf32>
  %0 = jepa.layer_norm %x weight %s bias %s {eps = 1.0e-06} : (tensor<2x4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<2x4x8xf32>
  %1 = jepa.linear %0, %w : (tensor<2x4x8xf32>, tensor<24x8xf32>) -> tensor<2x4x24xf32>
  %q, %k, %v = jepa.split_features %1 : (tensor<2x4x24xf32>) -> (tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>)
  %o, %l = jepa.attention %q, %k, %v {heads = 2} : (tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>) -> (tensor<2x4x8xf32>, tensor<2x2x4xf32>)
  %3 = jepa.add %x, %o : (tensor<2x4x8xf32>, tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  return %3 : tensor<2x4x8xf32>
}

// -----

// Where parameters are updated they are masters, and products read copies that the update keeps; a second teacher has none.
// CHECK-LABEL: func.func @masters(
// CHECK-DAG:     %[[S:.*]] = jepa.parameter_copy "s" {jepa.master = {init = "ones", trainable = true}} : tensor<8x8xbf16>
// CHECK-DAG:     %[[T:.*]] = jepa.parameter_copy "t" {jepa.master = {ema_of = "s", init = "ones", trainable = false}} : tensor<8x8xbf16>
// CHECK-DAG:     %[[U:.*]] = jepa.cast %{{.*}} : (tensor<8x8xf32>) -> tensor<8x8xbf16>
// CHECK:         jepa.linear %{{.*}}, %[[S]]
// CHECK-NEXT:    jepa.linear %{{.*}}, %[[T]]
// CHECK-NEXT:    jepa.linear %{{.*}}, %[[U]]
// CHECK:         jepa.tap %{{.*}} {name = "seen"} : tensor<2x4x8xbf16>
// CHECK:         %[[G:.*]] = jepa.linear_weight_grad %{{.*}} -> tensor<8x8xf32>
// CHECK:         jepa.adamw "s", %[[G]], {{.*}} {copy, decay = true, teacher = "t", teacher_copy}
func.func @masters(%x: tensor<2x4x8xf32>, %hyper: tensor<9xf32>, %n: tensor<f32>) {
  %s = jepa.parameter "s" {init = "ones"} : tensor<8x8xf32>
  %t = jepa.parameter "t" {init = "ones", trainable = false, ema_of = "s"} : tensor<8x8xf32>
  %u = jepa.parameter "u" {init = "ones", trainable = false, ema_of = "s"} : tensor<8x8xf32>
  %0 = jepa.linear %x, %s : (tensor<2x4x8xf32>, tensor<8x8xf32>) -> tensor<2x4x8xf32>
  %1 = jepa.linear %0, %t : (tensor<2x4x8xf32>, tensor<8x8xf32>) -> tensor<2x4x8xf32>
  %2 = jepa.linear %1, %u : (tensor<2x4x8xf32>, tensor<8x8xf32>) -> tensor<2x4x8xf32>
  jepa.tap %1 {name = "seen"} : tensor<2x4x8xf32>
  %g = jepa.linear_weight_grad %2, %x : (tensor<2x4x8xf32>, tensor<2x4x8xf32>) -> tensor<8x8xf32>
  jepa.adamw "s", %g, %hyper norm %n {decay = true, teacher = "t"} : tensor<8x8xf32>, tensor<9xf32>, tensor<f32>
  jepa.ema "u" of "s", %hyper {shape = array<i64: 8, 8>} : tensor<9xf32>
  return
}
