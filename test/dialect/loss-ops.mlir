// RUN: %jepa-opt %s | %jepa-opt | FileCheck %s

!x = tensor<2x32x48xf32, #jepa.axes<clip, "target#0", embed>>

// CHECK-LABEL: func.func @losses
func.func @losses(%p: !x, %t: !x, %n: tensor<1xi32> {jepa.length_of = "target#0"}) {
  // CHECK: jepa.power_loss %{{[a-z0-9]+}}, %{{[a-z0-9]+}} {exponent = 1.000000e+00 : f64}
  %l = jepa.power_loss %p, %t {exponent = 1.0} : (!x, !x) -> tensor<f32>
  // CHECK: jepa.power_loss {{.*}} length %{{.*}} {exponent = 2.000000e+00 : f64}
  %m = jepa.power_loss %p, %t length %n {exponent = 2.0} : (!x, !x, tensor<1xi32>) -> tensor<f32>
  // CHECK: jepa.token_std %{{[a-z0-9]+}} {eps = 1.000000e-04 : f64}
  %s = jepa.token_std %p {eps = 1.0e-04} : (!x) -> tensor<2x48xf32>
  // CHECK: jepa.token_std {{.*}} length %{{.*}} {eps = 1.000000e-04 : f64}
  %u = jepa.token_std %p length %n {eps = 1.0e-04} : (!x, tensor<1xi32>) -> tensor<2x48xf32>
  // CHECK: jepa.mean %{{.*}} : (tensor<2x48xf32>) -> tensor<f32>
  %v = jepa.mean %s : (tensor<2x48xf32>) -> tensor<f32>
  // CHECK: jepa.tap %{{.*}} {name = "mask0.predicted"}
  jepa.tap %p {name = "mask0.predicted"} : !x
  return
}

// CHECK-LABEL: func.func @packed
func.func @packed(%p: tensor<1x32x48xf32>, %b: tensor<3xi32> {jepa.bounds_of = "target#0"}) {
  // CHECK: jepa.power_loss {{.*}} bounds %{{.*}} {exponent = 2.000000e+00 : f64}
  %m = jepa.power_loss %p, %p bounds %b {exponent = 2.0} : (tensor<1x32x48xf32>, tensor<1x32x48xf32>, tensor<3xi32>) -> tensor<f32>
  // One row for each sample.
  // CHECK: jepa.token_std {{.*}} bounds %{{.*}} {{.*}} -> tensor<2x48xf32>
  %s = jepa.token_std %p bounds %b {eps = 1.0e-04} : (tensor<1x32x48xf32>, tensor<3xi32>) -> tensor<2x48xf32>
  return
}
