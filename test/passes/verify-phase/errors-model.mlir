// RUN: %jepa-opt %s --jepa-verify-phase=phase=model --split-input-file --verify-diagnostics

func.func @adjoint(%x: tensor<2x48xf32>) -> tensor<2x48xf32> {
  // expected-error @below {{is an adjoint, which must not be there at the end of phase 'model'}}
  %0 = jepa.gelu_grad %x, %x : tensor<2x48xf32>
  return %0 : tensor<2x48xf32>
}

// -----

func.func @kernel(%arena: memref<?xi8>) {
  // expected-error @below {{is a kernel op, which must not be there at the end of phase 'model'}}
  %b = jepa.buffer %arena {kind = "temporary"} : memref<?xi8> -> memref<48xf32>
  return
}

// -----

func.func @update(%hyper: tensor<9xf32>) {
  // expected-error @below {{is an update of a parameter, which must not be there at the end of phase 'model'}}
  jepa.ema "t" of "s", %hyper {shape = array<i64: 48>} : tensor<9xf32>
  return
}

// -----

func.func @gather(%x: tensor<2x60x48xf32>, %m: tensor<2x24xi32> {jepa.mask = 64 : i64}) {
  // expected-error @below {{uses argument #1, a mask of 64 tokens, where there are 60}}
  %0 = jepa.gather_tokens %x, %m : (tensor<2x60x48xf32>, tensor<2x24xi32>) -> tensor<2x24x48xf32>
  return
}

// -----

func.func @patchify(%clip: tensor<2x3x8x64x32xf32>, %m: tensor<2x24xi32> {jepa.mask = 64 : i64}) {
  // expected-error @below {{uses argument #1, a mask of 64 tokens, where there are 32}}
  %0 = jepa.patchify %clip tokens %m {patch = 16, tubelet = 2} : (tensor<2x3x8x64x32xf32>, tensor<2x24xi32>) -> tensor<2x24x1536xf32>
  return
}

// -----

!x = tensor<2x80x48xf32>
func.func @attention(%x: !x, %m: tensor<2x24xi32> {jepa.mask = 64 : i64}) {
  // expected-error @below {{uses argument #1, a mask of 64 tokens, where there are 80}}
  %0:2 = jepa.attention %x, %x, %x mask %m {heads = 3} : (!x, !x, !x, tensor<2x24xi32>) -> (!x, tensor<2x3x80xf32>)
  return
}

// -----

!scores = tensor<2x3x80x80xf32>
func.func @softmax(%s: !scores, %m: tensor<2x24xi32> {jepa.mask = 64 : i64}) {
  // expected-error @below {{uses argument #1, a mask of 64 tokens, where there are 80}}
  %0 = jepa.softmax %s mask %m : (!scores, tensor<2x24xi32>) -> !scores
  return
}
