// RUN: %jepa-opt %s --pass-pipeline="builtin.module(func.func(jepa-differentiate{loss=total}))" --verify-diagnostics

// expected-error@+1 {{'func.func' op has no result named 'total' to differentiate}}
func.func @jepa_run() -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x4xf32>
  %l = jepa.mean %x : (tensor<2x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}
