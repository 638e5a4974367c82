// RUN: %jepa-opt %s --split-input-file --verify-diagnostics

func.func @sum_to(%x: tensor<2x64x48xf32>) {
  // expected-error @+1 {{cannot sum 2 x 64 x 48 to 64 x 32: each axis, counted from the last, must be kept or become 1}}
  %0 = jepa.sum_to %x : (tensor<2x64x48xf32>) -> tensor<64x32xf32>
  return
}

// -----

func.func @input_grad(%dy: tensor<2x64x96xf32>, %w: tensor<144x48xf32>) {
  // expected-error @+1 {{a weight of 144 x 48 takes 48 features to 144 but the result is 2 x 64 x 48 and dy 2 x 64 x 96}}
  %0 = jepa.linear_input_grad %dy, %w : (tensor<2x64x96xf32>, tensor<144x48xf32>) -> tensor<2x64x48xf32>
  return
}

// -----

func.func @weight_grad(%dy: tensor<2x64x144xf32>, %x: tensor<2x32x48xf32>) {
  // expected-error @+1 {{axis 1 of x (2 x 32 x 48) and axis 1 of dy (2 x 64 x 144) differ}}
  %0 = jepa.linear_weight_grad %dy, %x : (tensor<2x64x144xf32>, tensor<2x32x48xf32>) -> tensor<144x48xf32>
  return
}

// -----

func.func @norm_grad(%dy: tensor<2x32x48xf32>, %x: tensor<2x64x48xf32>) {
  // expected-error @+1 {{axis 1 of x (2 x 64 x 48) and axis 1 of dy (2 x 32 x 48) differ}}
  %0 = jepa.layer_norm_grad %dy, %x {eps = 1.0e-06} : (tensor<2x32x48xf32>, tensor<2x64x48xf32>) -> tensor<2x64x48xf32>
  return
}

// -----

func.func @norm_grad_weight(%x: tensor<2x64x48xf32>, %w: tensor<32xf32>) {
  // expected-error @+1 {{the weight is 32 but must be 48}}
  %0 = jepa.layer_norm_grad %x, %x weight %w {eps = 1.0e-06} : (tensor<2x64x48xf32>, tensor<2x64x48xf32>, tensor<32xf32>) -> tensor<2x64x48xf32>
  return
}

// -----

func.func @norm_weight_grad(%x: tensor<2x64x48xf32>) {
  // expected-error @+1 {{the weight's gradient is 32 but must be 48}}
  %0:2 = jepa.layer_norm_weight_grad %x, %x {eps = 1.0e-06} : (tensor<2x64x48xf32>, tensor<2x64x48xf32>) -> (tensor<32xf32>, tensor<48xf32>)
  return
}

// -----

func.func @norm_bias_grad(%x: tensor<2x64x48xf32>) {
  // expected-error @+1 {{the bias' gradient is 32 but must be 48}}
  %0:2 = jepa.layer_norm_weight_grad %x, %x {eps = 1.0e-06} : (tensor<2x64x48xf32>, tensor<2x64x48xf32>) -> (tensor<48xf32>, tensor<32xf32>)
  return
}

// -----

func.func @norm_grad_eps(%x: tensor<2x64x48xf32>) {
  // expected-error @+1 {{needs a positive eps}}
  %0 = jepa.layer_norm_grad %x, %x {eps = -1.0} : (tensor<2x64x48xf32>, tensor<2x64x48xf32>) -> tensor<2x64x48xf32>
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @attention_dresult(%x: !x, %d: tensor<2x32x48xf32>, %l: tensor<2x3x64xf32>) {
  // expected-error @+1 {{axis 1 of the query (2 x 64 x 48) and axis 1 of the result's gradient (2 x 32 x 48) differ}}
  %0:3 = jepa.attention_grad %d, %x, %x, %x, %x, %l {heads = 3}
    : (tensor<2x32x48xf32>, !x, !x, !x, !x, tensor<2x3x64xf32>) -> (!x, !x, !x)
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @attention_output(%x: !x, %o: tensor<2x32x48xf32>, %l: tensor<2x3x64xf32>) {
  // expected-error @+1 {{axis 1 of the query (2 x 64 x 48) and axis 1 of the result (2 x 32 x 48) differ}}
  %0:3 = jepa.attention_grad %x, %x, %x, %x, %o, %l {heads = 3}
    : (!x, !x, !x, !x, tensor<2x32x48xf32>, tensor<2x3x64xf32>) -> (!x, !x, !x)
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @attention_dkey(%x: !x, %l: tensor<2x3x64xf32>) {
  // expected-error @+1 {{axis 1 of the key (2 x 64 x 48) and axis 1 of the key's gradient (2 x 32 x 48) differ}}
  %0:3 = jepa.attention_grad %x, %x, %x, %x, %x, %l {heads = 3}
    : (!x, !x, !x, !x, !x, tensor<2x3x64xf32>) -> (!x, tensor<2x32x48xf32>, !x)
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @attention_heads(%x: !x, %l: tensor<2x3x64xf32>) {
  // expected-error @+1 {{cannot cut a width of 48 into 5 heads}}
  %0:3 = jepa.attention_grad %x, %x, %x, %x, %x, %l {heads = 5}
    : (!x, !x, !x, !x, !x, tensor<2x3x64xf32>) -> (!x, !x, !x)
  return
}

// -----

func.func @loss_grad(%d: tensor<f32>, %p: tensor<2x32x48xf32>) {
  // expected-error @+1 {{axis 1 of the prediction (2 x 32 x 48) and axis 1 of the result (2 x 16 x 48) differ}}
  %0 = jepa.power_loss_grad %d, %p, %p {exponent = 1.0} : (tensor<f32>, tensor<2x32x48xf32>, tensor<2x32x48xf32>) -> tensor<2x16x48xf32>
  return
}

// -----

func.func @std_grad(%s: tensor<2x48xf32>, %d: tensor<2x32xf32>, %x: tensor<2x32x48xf32>) {
  // expected-error @+1 {{axis 1 of the deviation (2 x 48) and axis 1 of its gradient (2 x 32) differ}}
  %0 = jepa.token_std_grad %d, %x, %s : (tensor<2x32xf32>, tensor<2x32x48xf32>, tensor<2x48xf32>) -> tensor<2x32x48xf32>
  return
}

// -----

func.func @adamw(%g: tensor<48xf32>, %hyper: tensor<8xf32>, %n: tensor<f32>) {
  // expected-error @+1 {{the vector of hyper-parameters is 8 but must be 9}}
  jepa.adamw "w", %g, %hyper norm %n {decay = true} : tensor<48xf32>, tensor<8xf32>, tensor<f32>
  return
}

// -----

func.func @ema(%hyper: tensor<9xf32>) {
  // expected-error @+1 {{'w' cannot follow itself}}
  jepa.ema "w" of "w", %hyper {shape = array<i64: 48>} : tensor<9xf32>
  return
}

// -----

func.func @ema_hyper(%hyper: tensor<3xf32>) {
  // expected-error @+1 {{the vector of hyper-parameters is 3 but must be 9}}
  jepa.ema "t" of "s", %hyper {shape = array<i64: 48>} : tensor<3xf32>
  return
}
