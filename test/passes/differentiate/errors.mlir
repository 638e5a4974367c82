// RUN: %jepa-opt %s --jepa-differentiate --split-input-file --verify-diagnostics

func.func @no_adjoint(%m: tensor<2x2xi32> {jepa.mask = 5}, %t: tensor<2x5x4xf32>)
    -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x2x4xf32>
  // expected-error@+1 {{'jepa.scatter_tokens' op has no adjoint, but the loss depends on a trainable parameter through it: implement DifferentiableOpInterface}}
  %y = jepa.scatter_tokens %x, %m : (tensor<2x2x4xf32>, tensor<2x2xi32>) -> tensor<2x5x4xf32>
  // expected-note@+1 {{the loss is computed here}}
  %l = jepa.power_loss %y, %t {exponent = 1.0} : (tensor<2x5x4xf32>, tensor<2x5x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// -----

// logsumexp is there for the adjoint; a model that uses it asks for second derivatives.
func.func @through_logsumexp(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x3x4xf32>
  // expected-error@+1 {{'jepa.attention' op has no adjoint for logsumexp: it is kept for the adjoint alone}}
  %o, %s = jepa.attention %x, %t, %t {heads = 2} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>)
    -> (tensor<2x3x4xf32>, tensor<2x2x3xf32>)
  %l = jepa.mean %s : (tensor<2x2x3xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// -----

func.func @two_types(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  // expected-note@+1 {{first read here, as 2 x 3 x 4}}
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x3x4xf32>
  // expected-error@+1 {{'jepa.parameter' op reads 'x' as 1 x 3 x 4 in another way than before: type and attributes must agree}}
  %y = jepa.parameter "x" {init = "ones"} : tensor<1x3x4xf32>
  %z = jepa.add %x, %y : (tensor<2x3x4xf32>, tensor<1x3x4xf32>) -> tensor<2x3x4xf32>
  %l = jepa.power_loss %z, %t {exponent = 1.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// -----

func.func @two_inits(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  // expected-note@+1 {{first read here}}
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x3x4xf32>
  // expected-error@+1 {{type and attributes must agree}}
  %y = jepa.parameter "x" {init = "zeros"} : tensor<2x3x4xf32>
  %l = jepa.power_loss %x, %y {exponent = 1.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// -----

func.func @nothing_trained(%t: tensor<2x3x4xf32>) -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones", trainable = false} : tensor<2x3x4xf32>
  %y = jepa.parameter "y" {init = "ones"} : tensor<2x3x4xf32>
  %s = jepa.stop_gradient %y : tensor<2x3x4xf32>
  // expected-error@+1 {{the loss depends on no trainable parameter: there is nothing to differentiate}}
  %l = jepa.power_loss %x, %s {exponent = 1.0} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// -----

// expected-error@+1 {{'func.func' op 'loss' must be a scalar but is 2 x 4}}
func.func @not_a_scalar() -> (tensor<2x4xf32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x4xf32>
  return %x : tensor<2x4xf32>
}

// -----

// expected-error@+1 {{'func.func' op has no result named 'loss' to differentiate}}
func.func @jepa_run() -> (tensor<2x4xf32> {jepa.name = "features"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x4xf32>
  return %x : tensor<2x4xf32>
}

// -----

func.func @twice() -> (tensor<f32> {jepa.name = "loss"}) {
  %x = jepa.parameter "x" {init = "ones"} : tensor<2x4xf32>
  %l = jepa.mean %x : (tensor<2x4xf32>) -> tensor<f32>
  // expected-error@+1 {{'jepa.gradient' op is here already: the function is differentiated}}
  jepa.gradient "x", %x : tensor<2x4xf32>
  return %l : tensor<f32>
}

// -----

// expected-error@+1 {{'func.func' op has several blocks: only straight-line models can be differentiated}}
func.func @blocks(%x: tensor<f32>) -> (tensor<f32> {jepa.name = "loss"}) {
  llvm.br ^next
^next:
  return %x : tensor<f32>
}
