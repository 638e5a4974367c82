// RUN: %jepa-opt %s | %jepa-opt | FileCheck %s

!x = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>

// CHECK-LABEL: func.func @layers
func.func @layers(%x: !x, %w: tensor<144x48xf32>, %b: tensor<144xf32>, %g: tensor<48xf32>, %t: tensor<1x64x48xf32>,
                  %token: tensor<1x1x48xf32>, %conv: tensor<48x3x2x4x2xf32>) {
  // CHECK: jepa.linear %{{.*}}, %{{.*}} bias %{{.*}} : ({{.*}}) -> tensor<2x64x144xf32>
  %l = jepa.linear %x, %w bias %b : (!x, tensor<144x48xf32>, tensor<144xf32>) -> tensor<2x64x144xf32>
  // CHECK: jepa.linear %{{.*}}, %{{.*}} : ({{.*}}tensor<48x3x2x4x2xf32>) -> tensor<2x64x48xf32>
  %c = jepa.linear %x, %conv : (!x, tensor<48x3x2x4x2xf32>) -> tensor<2x64x48xf32>
  // CHECK: jepa.layer_norm %{{.*}} weight %{{.*}} bias %{{.*}} {eps =
  %n = jepa.layer_norm %x weight %g bias %g {eps = 1.0e-06} : (!x, tensor<48xf32>, tensor<48xf32>) -> !x
  // CHECK: jepa.layer_norm %{{[a-z0-9]+}} {eps =
  %m = jepa.layer_norm %x {eps = 1.0e-05} : (!x) -> !x
  // CHECK: jepa.gelu %{{.*}} : tensor<2x64x48xf32
  %e = jepa.gelu %x : !x
  // CHECK: jepa.relu %{{.*}} : tensor<2x64x48xf32
  %r = jepa.relu %x : !x
  // CHECK: jepa.stop_gradient %{{.*}} : tensor<2x64x48xf32
  %s = jepa.stop_gradient %x : !x
  // CHECK: jepa.scale %{{.*}} {factor = -1.000000e+00 : f64, offset = 1.000000e+00 : f64}
  %f = jepa.scale %x {factor = -1.0, offset = 1.0} : !x
  // CHECK: jepa.add %{{.*}}, %{{.*}} : ({{.*}}, tensor<1x64x48xf32>)
  %a = jepa.add %x, %t : (!x, tensor<1x64x48xf32>) -> !x
  // CHECK: jepa.add %{{.*}}, %{{.*}} : ({{.*}}, tensor<1x1x48xf32>)
  %k = jepa.add %x, %token : (!x, tensor<1x1x48xf32>) -> !x
  // CHECK: %[[P:.*]]:3 = jepa.split_features
  %p:3 = jepa.split_features %l : (tensor<2x64x144xf32>) -> (tensor<2x64x48xf32>, tensor<2x64x48xf32>, tensor<2x64x48xf32>)
  // CHECK: jepa.concat_features %[[P]]#0, %[[P]]#1
  %q = jepa.concat_features %p#0, %p#1 : (tensor<2x64x48xf32>, tensor<2x64x48xf32>) -> tensor<2x64x96xf32>
  return
}

// CHECK-LABEL: func.func @attention
func.func @attention(%x: !x, %m: tensor<2x24xi32>, %n: tensor<1xi32>) {
  // CHECK: jepa.attention %{{[a-z0-9]+}}, %{{[a-z0-9]+}}, %{{[a-z0-9]+}} {heads = 3 : i64}
  %o, %l = jepa.attention %x, %x, %x {heads = 3} : (!x, !x, !x) -> (!x, tensor<2x3x64xf32>)
  // CHECK: jepa.attention {{.*}} mask %{{[a-z0-9]+}} {heads = 3 : i64}
  %p, %q = jepa.attention %x, %x, %x mask %m {heads = 3} : (!x, !x, !x, tensor<2x24xi32>) -> (!x, tensor<2x3x64xf32>)
  // CHECK: jepa.attention {{.*}} mask %{{[a-z0-9]+}} lengths(%{{.*}}) {heads = 3 : i64, segments = array<i64: 24>}
  %r, %s = jepa.attention %x, %x, %x mask %m lengths(%n) {heads = 3, segments = array<i64: 24>}
    : (!x, !x, !x, tensor<2x24xi32>, tensor<1xi32>) -> (!x, tensor<2x3x64xf32>)
  // CHECK: jepa.attention {{.*}} lengths(%{{.*}}, %{{.*}}) {heads = 3 : i64, segments = array<i64: 40, 24>}
  %t, %u = jepa.attention %x, %x, %x lengths(%n, %n) {heads = 3, segments = array<i64: 40, 24>}
    : (!x, !x, !x, tensor<1xi32>, tensor<1xi32>) -> (!x, tensor<2x3x64xf32>)
  return
}

!p = tensor<1x64x48xf32>
!b = tensor<3xi32>

// CHECK-LABEL: func.func @attention_groups
func.func @attention_groups(%x: !x, %p: !p, %b: !b, %n: tensor<1xi32>) {
  // CHECK: jepa.attention {{.*}} {heads = 3 : i64, key_sequences = array<i64: 40, 24>, query_sequences = array<i64: 60, 4>}
  %o, %l = jepa.attention %x, %x, %x {heads = 3, query_sequences = array<i64: 60, 4>, key_sequences = array<i64: 40, 24>}
    : (!x, !x, !x) -> (!x, tensor<2x3x64xf32>)
  // A sequence has any number of segments.
  // CHECK: jepa.attention {{.*}} lengths({{.*}}) {heads = 3 : i64, key_sequences = array<i64: 40, 24>, query_sequences = array<i64: 60, 4>, segments = array<i64: 30, 10, 24>}
  %r, %s = jepa.attention %x, %x, %x lengths(%n, %n, %n)
    {heads = 3, segments = array<i64: 30, 10, 24>, query_sequences = array<i64: 60, 4>, key_sequences = array<i64: 40, 24>}
    : (!x, !x, !x, tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> (!x, tensor<2x3x64xf32>)
  // CHECK: jepa.attention {{.*}} query_bounds(%{{.*}}) key_bounds(%{{.*}}, %{{.*}}) {heads = 3 : i64, query_segments = array<i64: 64>, segments = array<i64: 40, 24>}
  %t, %u = jepa.attention %p, %p, %p query_bounds(%b) key_bounds(%b, %b)
    {heads = 3, query_segments = array<i64: 64>, segments = array<i64: 40, 24>}
    : (!p, !p, !p, !b, !b, !b) -> (!p, tensor<1x3x64xf32>)
  return
}
