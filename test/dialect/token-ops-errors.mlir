// RUN: %jepa-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{needs a name, the state-dict key of the tensor}}
%0 = "jepa.parameter"() {name = "", init = "zeros"} : () -> tensor<48xf32>

// -----

// expected-error @+1 {{has unknown init 'normal': use trunc_normal, zeros or ones}}
%0 = jepa.parameter "w" {init = "normal"} : tensor<48xf32>

// -----

// expected-error @+1 {{with init 'trunc_normal' needs a positive std}}
%0 = jepa.parameter "w" {init = "trunc_normal"} : tensor<48xf32>

// -----

// expected-error @+1 {{with init 'trunc_normal' needs a positive std}}
%0 = jepa.parameter "w" {init = "trunc_normal", std = -1.0} : tensor<48xf32>

// -----

// expected-error @+1 {{'t' follows 's', so it cannot be trainable}}
%0 = jepa.parameter "t" {init = "zeros", ema_of = "s"} : tensor<48xf32>

// -----

// expected-error @+1 {{the table must have 3 axes but is 64 x 48}}
%0 = jepa.position {grid = array<i64: 4, 4, 4>} : tensor<64x48xf32>

// -----

// expected-error @+1 {{has unknown kind '4d': use 2d or 3d}}
%0 = jepa.position {grid = array<i64: 4, 4, 4>, kind = "4d"} : tensor<1x64x48xf32>

// -----

// expected-error @+1 {{needs a grid of three positive numbers: depth, rows, columns}}
%0 = jepa.position {grid = array<i64: 4, 16>} : tensor<1x64x48xf32>

// -----

// expected-error @+1 {{needs a grid of three positive numbers: depth, rows, columns}}
%0 = jepa.position {grid = array<i64: 4, 4, 4>, trained_grid = array<i64: 0, 4, 4>} : tensor<1x64x48xf32>

// -----

// expected-error @+1 {{of kind 2d needs a grid of depth 1 but has 4}}
%0 = jepa.position {grid = array<i64: 4, 4, 4>, kind = "2d"} : tensor<1x64x48xf32>

// -----

// expected-error @+1 {{is one=1 x token=60 x embed=48 but its grid has 64 tokens, shared by all clips}}
%0 = jepa.position {grid = array<i64: 4, 4, 4>} : tensor<1x60x48xf32, #jepa.axes<one, token, embed>>

// -----

// expected-error @+1 {{has width 50, which 4 must divide: each axis gets a sine and a cosine half}}
%0 = jepa.position {grid = array<i64: 1, 4, 4>, kind = "2d"} : tensor<1x16x50xf32>

// -----

// expected-error @+1 {{has width 12, which 8 must divide}}
%0 = jepa.position {grid = array<i64: 2, 4, 4>, uniform = false} : tensor<1x32x12xf32>

// -----

func.func @patchify_rank(%clip: tensor<2x3x64x64xf32>) {
  // expected-error @+1 {{the clip must have 5 axes but is 2 x 3 x 64 x 64}}
  %0 = jepa.patchify %clip {patch = 16, tubelet = 2} : (tensor<2x3x64x64xf32>) -> tensor<2x16x768xf32>
  return
}

// -----

func.func @patchify_size(%clip: tensor<2x3x8x64x64xf32>) {
  // expected-error @+1 {{needs a positive patch and tubelet}}
  %0 = jepa.patchify %clip {patch = 0, tubelet = 2} : (tensor<2x3x8x64x64xf32>) -> tensor<2x64x1536xf32>
  return
}

// -----

func.func @patchify_remainder(%clip: tensor<2x3x8x60x64xf32, #jepa.axes<clip, channel, frame, row, column>>) {
  // expected-error @+1 {{cannot cut clip=2 x channel=3 x frame=8 x row=60 x column=64 into tubelets of 2 x 16 x 16 without remainder}}
  %0 = jepa.patchify %clip {patch = 16, tubelet = 2}
    : (tensor<2x3x8x60x64xf32, #jepa.axes<clip, channel, frame, row, column>>) -> tensor<2x64x1536xf32>
  return
}

// -----

func.func @patchify_mask(%clip: tensor<2x3x8x64x64xf32>, %m: tensor<2x24xi32>) {
  // expected-error @+1 {{axis 1 of the mask (2 x 24) and axis 1 of the result (2 x 32 x 1536) differ}}
  %0 = jepa.patchify %clip tokens %m {patch = 16, tubelet = 2}
    : (tensor<2x3x8x64x64xf32>, tensor<2x24xi32>) -> tensor<2x32x1536xf32>
  return
}

// -----

func.func @patchify_result(%clip: tensor<2x3x8x64x64xf32>) {
  // expected-error @+1 {{the result is 2 x 64 x 768 but must be 2 x 64 x 1536}}
  %0 = jepa.patchify %clip {patch = 16, tubelet = 2} : (tensor<2x3x8x64x64xf32>) -> tensor<2x64x768xf32>
  return
}

// -----

// Two groups' contexts have axes of their own, even where the sizes agree.
func.func @gather_mixed(%x: tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>, %m: tensor<2x24xi32, #jepa.axes<clip, "context#1">>) {
  // expected-error @+1 {{axis 1 of the mask (clip=2 x context#1=24) and axis 1 of the result (clip=2 x context#0=24 x embed=48) differ}}
  %0 = jepa.gather_tokens %x, %m : (tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>, tensor<2x24xi32, #jepa.axes<clip, "context#1">>)
    -> tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
  return
}

// -----

func.func @gather_clips(%x: tensor<3x64x48xf32>, %m: tensor<2x24xi32>) {
  // expected-error @+1 {{x (3 x 64 x 48) must have one clip or as many as the result (2 x 24 x 48)}}
  %0 = jepa.gather_tokens %x, %m : (tensor<3x64x48xf32>, tensor<2x24xi32>) -> tensor<2x24x48xf32>
  return
}

// -----

func.func @gather_rank(%x: tensor<64x48xf32>, %m: tensor<2x24xi32>) {
  // expected-error @+1 {{x must have 3 axes but is 64 x 48}}
  %0 = jepa.gather_tokens %x, %m : (tensor<64x48xf32>, tensor<2x24xi32>) -> tensor<2x24x48xf32>
  return
}

// -----

func.func @mask_type(%x: tensor<2x64x48xf32>, %m: tensor<2x24xf32>) {
  // expected-error @+1 {{operand #1 must be 2D tensor of 32-bit signless integer values}}
  %0 = jepa.gather_tokens %x, %m : (tensor<2x64x48xf32>, tensor<2x24xf32>) -> tensor<2x24x48xf32>
  return
}

// -----

func.func @scatter_width(%x: tensor<2x24x48xf32>, %m: tensor<2x24xi32>) {
  // expected-error @+1 {{axis 2 of the result (2 x 64 x 32) and axis 2 of x (2 x 24 x 48) differ}}
  %0 = jepa.scatter_tokens %x, %m : (tensor<2x24x48xf32>, tensor<2x24xi32>) -> tensor<2x64x32xf32>
  return
}

// -----

// expected-error @+1 {{needs at least one part}}
%0 = jepa.concat_tokens : () -> tensor<2x24x48xf32>

// -----

func.func @concat_width(%a: tensor<2x24x48xf32>, %b: tensor<2x8x32xf32>) {
  // expected-error @+1 {{axis 2 of a part (2 x 8 x 32) and axis 2 of the result (2 x 32 x 48) differ}}
  %0 = jepa.concat_tokens %a, %b : (tensor<2x24x48xf32>, tensor<2x8x32xf32>) -> tensor<2x32x48xf32>
  return
}

// -----

func.func @concat_size(%a: tensor<2x24x48xf32>, %b: tensor<2x8x48xf32>) {
  // expected-error @+1 {{has parts of 32 tokens but a result of 30}}
  %0 = jepa.concat_tokens %a, %b : (tensor<2x24x48xf32>, tensor<2x8x48xf32>) -> tensor<2x30x48xf32>
  return
}

// -----

func.func @concat_name(%a: tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>, %b: tensor<2x8x48xf32, #jepa.axes<clip, "target#0", embed>>) {
  // expected-error @+1 {{the result's token axis is 'token' but its parts make 'context#0+target#0'}}
  %0 = jepa.concat_tokens %a, %b : (tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>, tensor<2x8x48xf32, #jepa.axes<clip, "target#0", embed>>)
    -> tensor<2x32x48xf32, #jepa.axes<clip, token, embed>>
  return
}

// -----

func.func @slice_range(%x: tensor<2x32x48xf32>) {
  // expected-error @+1 {{tokens [28, 36) are not within x (2 x 32 x 48)}}
  %0 = jepa.slice_tokens %x {offset = 28} : (tensor<2x32x48xf32>) -> tensor<2x8x48xf32>
  return
}

// -----

func.func @pad_range(%x: tensor<2x8x48xf32>) {
  // expected-error @+1 {{are not within the result (2 x 32 x 48)}}
  %0 = jepa.pad_tokens %x {offset = -1} : (tensor<2x8x48xf32>) -> tensor<2x32x48xf32>
  return
}

// -----

func.func @patchify_rows(%clip: tensor<4x3x8x64x64xf32>, %m: tensor<2x24xi32>) {
  // expected-error @+1 {{the mask (2 x 24) must have one row, of a packed batch, or one for each of 4 clips}}
  %0 = jepa.patchify %clip tokens %m {patch = 16, tubelet = 2}
    : (tensor<4x3x8x64x64xf32>, tensor<2x24xi32>) -> tensor<2x24x1536xf32>
  return
}

// -----

func.func @gather_cyclic(%x: tensor<2x64x48xf32>, %m: tensor<2x24xi32>) {
  // expected-error @+1 {{is cyclic: x (2 x 64 x 48) and the mask (2 x 24) must have one clip}}
  %0 = jepa.gather_tokens %x, %m {cyclic} : (tensor<2x64x48xf32>, tensor<2x24xi32>) -> tensor<2x24x48xf32>
  return
}

// -----

func.func @scatter_cyclic(%x: tensor<2x24x48xf32>, %m: tensor<2x24xi32>) {
  // expected-error @+1 {{is cyclic: the result (1 x 64 x 48) and the mask (2 x 24) must have one clip}}
  %0 = jepa.scatter_tokens %x, %m {cyclic} : (tensor<2x24x48xf32>, tensor<2x24xi32>) -> tensor<1x64x48xf32>
  return
}

// -----

func.func @regroup_rank(%x: tensor<128x48xf32>) {
  // expected-error @+1 {{x must have 3 axes but is 128 x 48}}
  %0 = jepa.regroup_tokens %x : (tensor<128x48xf32>) -> tensor<1x128x48xf32>
  return
}

// -----

func.func @regroup_width(%x: tensor<2x64x48xf32>) {
  // expected-error @+1 {{axis 2 of x (2 x 64 x 48) and axis 2 of the result (1 x 256 x 24) differ}}
  %0 = jepa.regroup_tokens %x : (tensor<2x64x48xf32>) -> tensor<1x256x24xf32>
  return
}

// -----

func.func @regroup_tokens(%x: tensor<2x64x48xf32>) {
  // expected-error @+1 {{has 128 tokens but the result has 120}}
  %0 = jepa.regroup_tokens %x : (tensor<2x64x48xf32>) -> tensor<1x120x48xf32>
  return
}
