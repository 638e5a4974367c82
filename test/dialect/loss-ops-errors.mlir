// RUN: %jepa-opt %s --split-input-file --verify-diagnostics

func.func @exponent(%p: tensor<2x32x48xf32>) {
  // expected-error @+1 {{needs an exponent of at least 1 but has 5.0}}
  %0 = jepa.power_loss %p, %p {exponent = 0.5} : (tensor<2x32x48xf32>, tensor<2x32x48xf32>) -> tensor<f32>
  return
}

// -----

func.func @loss_rank(%p: tensor<32x48xf32>) {
  // expected-error @+1 {{the prediction must have 3 axes but is 32 x 48}}
  %0 = jepa.power_loss %p, %p {exponent = 1.0} : (tensor<32x48xf32>, tensor<32x48xf32>) -> tensor<f32>
  return
}

// -----

func.func @loss_groups(%p: tensor<2x32x48xf32, #jepa.axes<clip, "target#0", embed>>, %t: tensor<2x32x48xf32, #jepa.axes<clip, "target#1", embed>>) {
  // expected-error @+1 {{axis 1 of the prediction (clip=2 x target#0=32 x embed=48) and axis 1 of the target (clip=2 x target#1=32 x embed=48) differ}}
  %0 = jepa.power_loss %p, %t {exponent = 1.0}
    : (tensor<2x32x48xf32, #jepa.axes<clip, "target#0", embed>>, tensor<2x32x48xf32, #jepa.axes<clip, "target#1", embed>>) -> tensor<f32>
  return
}

// -----

func.func @length(%p: tensor<2x32x48xf32>, %n: tensor<2xi32>) {
  // expected-error @+1 {{the length must be one number}}
  %0 = jepa.power_loss %p, %p length %n {exponent = 1.0} : (tensor<2x32x48xf32>, tensor<2x32x48xf32>, tensor<2xi32>) -> tensor<f32>
  return
}

// -----

func.func @scalar(%p: tensor<2x32x48xf32>) {
  // expected-error @+1 {{result #0 must be 0D tensor of 32-bit float or 64-bit float values}}
  %0 = jepa.power_loss %p, %p {exponent = 1.0} : (tensor<2x32x48xf32>, tensor<2x32x48xf32>) -> tensor<1xf32>
  return
}

// -----

func.func @std_eps(%p: tensor<2x32x48xf32>) {
  // expected-error @+1 {{needs a positive eps}}
  %0 = jepa.token_std %p {eps = 0.0} : (tensor<2x32x48xf32>) -> tensor<2x48xf32>
  return
}

// -----

func.func @std_tokens(%p: tensor<2x1x48xf32>) {
  // expected-error @+1 {{needs at least two tokens for an unbiased variance but x is 2 x 1 x 48}}
  %0 = jepa.token_std %p {eps = 1.0e-04} : (tensor<2x1x48xf32>) -> tensor<2x48xf32>
  return
}

// -----

func.func @std_shape(%p: tensor<2x32x48xf32>) {
  // expected-error @+1 {{the deviation is 2 x 32 but must be 2 x 48}}
  %0 = jepa.token_std %p {eps = 1.0e-04} : (tensor<2x32x48xf32>) -> tensor<2x32xf32>
  return
}

// -----

func.func @length_and_bounds(%p: tensor<1x32x48xf32>, %n: tensor<1xi32>, %b: tensor<3xi32>) {
  // expected-error @+1 {{takes a length or bounds, not both}}
  %0 = jepa.power_loss %p, %p length %n bounds %b {exponent = 1.0}
    : (tensor<1x32x48xf32>, tensor<1x32x48xf32>, tensor<1xi32>, tensor<3xi32>) -> tensor<f32>
  return
}

// -----

func.func @packed_clips(%p: tensor<2x32x48xf32>, %b: tensor<3xi32>) {
  // expected-error @+1 {{is packed: samples stand on the token axis of one clip, but x is 2 x 32 x 48}}
  %0 = jepa.power_loss %p, %p bounds %b {exponent = 1.0} : (tensor<2x32x48xf32>, tensor<2x32x48xf32>, tensor<3xi32>) -> tensor<f32>
  return
}

// -----

func.func @packed_none(%p: tensor<1x32x48xf32>, %b: tensor<1xi32>) {
  // expected-error @+1 {{needs bounds of at least one sample}}
  %0 = jepa.token_std %p bounds %b {eps = 1.0e-04} : (tensor<1x32x48xf32>, tensor<1xi32>) -> tensor<1x48xf32>
  return
}

// -----

func.func @packed_std(%p: tensor<1x32x48xf32>, %b: tensor<3xi32>) {
  // expected-error @+1 {{the deviation is 1 x 48 but must be 2 x 48}}
  %0 = jepa.token_std %p bounds %b {eps = 1.0e-04} : (tensor<1x32x48xf32>, tensor<3xi32>) -> tensor<1x48xf32>
  return
}
