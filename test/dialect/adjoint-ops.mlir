// RUN: %jepa-opt %s | %jepa-opt | FileCheck %s

!x = tensor<2x64x48xf32>
!y = tensor<2x64x144xf32>
!s = tensor<f32>

// CHECK-LABEL: func.func @adjoints
func.func @adjoints(%x: !x, %y: !y, %w: tensor<144x48xf32>, %g: tensor<48xf32>, %d: !s, %l: tensor<2x3x64xf32>,
                    %m: tensor<2x24xi32>, %n: tensor<1xi32>, %std: tensor<2x48xf32>) {
  // CHECK: jepa.constant {value = 1.000000e+00 : f64} : tensor<f32>
  %c = jepa.constant {value = 1.0} : !s
  // CHECK: jepa.splat %{{.*}} : (tensor<f32>) -> tensor<2x64x48xf32>
  %sp = jepa.splat %c : (!s) -> !x
  // CHECK: jepa.sum_to %{{.*}} : (tensor<2x64x144xf32>) -> tensor<144xf32>
  %b = jepa.sum_to %y : (!y) -> tensor<144xf32>
  // CHECK: jepa.sum_to %{{.*}} : (tensor<2x64x48xf32>) -> tensor<1x64x48xf32>
  %t = jepa.sum_to %x : (!x) -> tensor<1x64x48xf32>
  // CHECK: jepa.linear_input_grad
  %dx = jepa.linear_input_grad %y, %w : (!y, tensor<144x48xf32>) -> !x
  // CHECK: jepa.linear_weight_grad
  %dw = jepa.linear_weight_grad %y, %x : (!y, !x) -> tensor<144x48xf32>
  // CHECK: jepa.layer_norm_grad %{{.*}}, %{{.*}} weight %{{.*}} {eps =
  %ln = jepa.layer_norm_grad %x, %x weight %g {eps = 1.0e-06} : (!x, !x, tensor<48xf32>) -> !x
  // CHECK: jepa.layer_norm_grad %{{[a-z0-9]+}}, %{{[a-z0-9]+}} {eps =
  %lm = jepa.layer_norm_grad %x, %x {eps = 1.0e-06} : (!x, !x) -> !x
  // CHECK: jepa.layer_norm_weight_grad
  %lw, %lb = jepa.layer_norm_weight_grad %x, %x {eps = 1.0e-06} : (!x, !x) -> (tensor<48xf32>, tensor<48xf32>)
  // CHECK: jepa.gelu_grad
  %ge = jepa.gelu_grad %x, %x : !x
  // CHECK: jepa.relu_grad
  %re = jepa.relu_grad %x, %x : !x
  // CHECK: jepa.attention_grad {{.*}} mask %{{.*}} lengths(%{{.*}}) {heads = 3 : i64, segments = array<i64: 24>}
  %q, %k, %v = jepa.attention_grad %x, %x, %x, %x, %x, %l mask %m lengths(%n) {heads = 3, segments = array<i64: 24>}
    : (!x, !x, !x, !x, !x, tensor<2x3x64xf32>, tensor<2x24xi32>, tensor<1xi32>) -> (!x, !x, !x)
  // CHECK: jepa.power_loss_grad {{.*}} length %{{.*}} {exponent = 1.000000e+00 : f64}
  %pl = jepa.power_loss_grad %d, %x, %x length %n {exponent = 1.0} : (!s, !x, !x, tensor<1xi32>) -> !x
  // CHECK: jepa.token_std_grad {{.*}} length %{{.*}} :
  %ts = jepa.token_std_grad %std, %x, %std length %n : (tensor<2x48xf32>, !x, tensor<2x48xf32>, tensor<1xi32>) -> !x
  // CHECK: jepa.gradient "encoder.norm.weight", %{{.*}} : tensor<48xf32>
  jepa.gradient "encoder.norm.weight", %lw : tensor<48xf32>
  return
}

// CHECK-LABEL: func.func @optimiser
func.func @optimiser(%g: tensor<48xf32>, %h: tensor<48x48xf32>, %hyper: tensor<9xf32>) {
  // CHECK: jepa.squared_norm %{{.*}}, %{{.*}} : (tensor<48xf32>, tensor<48x48xf32>) -> tensor<f32>
  %n = jepa.squared_norm %g, %h : (tensor<48xf32>, tensor<48x48xf32>) -> tensor<f32>
  // CHECK: jepa.adamw "encoder.norm.weight", %{{.*}}, %{{.*}} norm %{{.*}} {decay = false}
  jepa.adamw "encoder.norm.weight", %g, %hyper norm %n {decay = false} : tensor<48xf32>, tensor<9xf32>, tensor<f32>
  // CHECK: jepa.ema "target_encoder.norm.weight" of "encoder.norm.weight", %{{.*}} {shape = array<i64: 48>}
  jepa.ema "target_encoder.norm.weight" of "encoder.norm.weight", %hyper {shape = array<i64: 48>} : tensor<9xf32>
  return
}
