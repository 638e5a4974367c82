// RUN: %jepa-opt %s --pass-pipeline="builtin.module(func.func(jepa-insert-optimizer{optimizer=lion}))" \
// RUN:   --verify-diagnostics

// expected-error@+1 {{there is no optimizer 'lion': use adamw}}
func.func @unknown_optimizer(%a: tensor<4x4xf32>) {
  jepa.gradient "encoder.w", %a : tensor<4x4xf32>
  return
}
