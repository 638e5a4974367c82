// RUN: %jepa-opt %s | %jepa-opt | FileCheck %s

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!some = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!rest = tensor<2x8x48xf32, #jepa.axes<clip, "target#0", embed>>
!both = tensor<2x32x48xf32, #jepa.axes<clip, "context#0+target#0", embed>>
!mask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>
!table = tensor<1x64x48xf32, #jepa.axes<one, token, embed>>

// CHECK-LABEL: func.func @sources
func.func @sources() {
  // CHECK: jepa.parameter "encoder.norm.weight" {init = "ones"} : tensor<48xf32>
  %w = jepa.parameter "encoder.norm.weight" {init = "ones"} : tensor<48xf32>
  // CHECK: jepa.parameter "w" {init = "trunc_normal", std = 2.000000e-02 : f64} : tensor<48x48xf64>
  %n = jepa.parameter "w" {init = "trunc_normal", std = 0.02} : tensor<48x48xf64>
  // CHECK: jepa.parameter "t" {ema_of = "w", init = "zeros", trainable = false}
  %t = jepa.parameter "t" {init = "zeros", trainable = false, ema_of = "w"} : tensor<48xf32>
  // CHECK: jepa.position {grid = array<i64: 4, 4, 4>}
  %p = jepa.position {grid = array<i64: 4, 4, 4>} : !table
  // CHECK: jepa.position {grid = array<i64: 1, 4, 4>, kind = "2d", trained_grid = array<i64: 1, 14, 14>}
  %q = jepa.position {grid = array<i64: 1, 4, 4>, kind = "2d", trained_grid = array<i64: 1, 14, 14>} : tensor<1x16x48xf32>
  // CHECK: jepa.position {grid = array<i64: 2, 4, 4>, uniform = false}
  %u = jepa.position {grid = array<i64: 2, 4, 4>, uniform = false} : tensor<1x32x48xf32>
  return
}

// CHECK-LABEL: func.func @patchify
func.func @patchify(%clip: tensor<2x3x8x64x64xf32>, %m: !mask {jepa.mask = 64 : i64}) {
  // CHECK: jepa.patchify %{{.*}} {patch = 16 : i64, tubelet = 2 : i64}
  %x = jepa.patchify %clip {patch = 16, tubelet = 2} : (tensor<2x3x8x64x64xf32>) -> tensor<2x64x1536xf32>
  // CHECK: jepa.patchify %{{.*}} tokens %{{.*}} {patch = 16 : i64, tubelet = 2 : i64}
  %y = jepa.patchify %clip tokens %m {patch = 16, tubelet = 2}
    : (tensor<2x3x8x64x64xf32>, !mask) -> tensor<2x24x1536xf32, #jepa.axes<clip, "context#0", patch>>
  return
}

// CHECK-LABEL: func.func @selections
func.func @selections(%x: !all, %t: !table, %s: !some, %r: !rest, %m: !mask) {
  // CHECK: jepa.gather_tokens %{{.*}}, %{{.*}} : (tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>, tensor<2x24xi32, #jepa.axes<clip, "context#0">>)
  %a = jepa.gather_tokens %x, %m : (!all, !mask) -> !some
  // CHECK: jepa.gather_tokens %{{.*}}, %{{.*}} : (tensor<1x64x48xf32
  %b = jepa.gather_tokens %t, %m : (!table, !mask) -> !some
  // CHECK: jepa.scatter_tokens %{{.*}}, %{{.*}} -> tensor<2x64x48xf32
  %c = jepa.scatter_tokens %s, %m : (!some, !mask) -> !all
  // CHECK: jepa.scatter_tokens %{{.*}}, %{{.*}} -> tensor<1x64x48xf32
  %d = jepa.scatter_tokens %s, %m : (!some, !mask) -> !table
  // CHECK: jepa.concat_tokens %{{.*}}, %{{.*}} -> tensor<2x32x48xf32, #jepa.axes<clip, "context#0+target#0", embed>>
  %e = jepa.concat_tokens %s, %r : (!some, !rest) -> !both
  // CHECK: jepa.slice_tokens %{{.*}} {offset = 24 : i64}
  %f = jepa.slice_tokens %e {offset = 24} : (!both) -> !rest
  // CHECK: jepa.pad_tokens %{{.*}} {offset = 24 : i64}
  %g = jepa.pad_tokens %f {offset = 24} : (!rest) -> !both
  return
}

// A packed batch: one mask row lists the tokens of both clips.
// CHECK-LABEL: func.func @packed
func.func @packed(%clip: tensor<2x3x8x64x64xf32>, %x: !all, %t: !table, %m: tensor<1x48xi32> {jepa.mask = 128},
                  %s: tensor<1x48x48xf32>) {
  // CHECK: jepa.patchify {{.*}} -> tensor<1x48x1536xf32>
  %y = jepa.patchify %clip tokens %m {patch = 16, tubelet = 2}
    : (tensor<2x3x8x64x64xf32>, tensor<1x48xi32>) -> tensor<1x48x1536xf32>
  // CHECK: %[[P:.*]] = jepa.regroup_tokens %{{.*}} : (tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>) -> tensor<1x128x48xf32>
  %p = jepa.regroup_tokens %x : (!all) -> tensor<1x128x48xf32>
  // CHECK: jepa.gather_tokens %[[P]], %{{.*}} : (tensor<1x128x48xf32>
  %a = jepa.gather_tokens %p, %m : (tensor<1x128x48xf32>, tensor<1x48xi32>) -> tensor<1x48x48xf32>
  // CHECK: jepa.gather_tokens %{{.*}}, %{{.*}} {cyclic} : (tensor<1x64x48xf32
  %b = jepa.gather_tokens %t, %m {cyclic} : (!table, tensor<1x48xi32>) -> tensor<1x48x48xf32>
  // CHECK: jepa.scatter_tokens %{{.*}}, %{{.*}} {cyclic}
  %c = jepa.scatter_tokens %s, %m {cyclic} : (tensor<1x48x48xf32>, tensor<1x48xi32>) -> !table
  return
}
