// RUN: %jepa-opt %s --jepa-pack-masks --split-input-file --verify-diagnostics

// expected-error @below {{two arguments are the bounds of axis 'context#0'}}
func.func @twice(%a: tensor<3xi32> {jepa.bounds_of = "context#0"}, %b: tensor<3xi32> {jepa.bounds_of = "context#0"}) {
  return
}

// -----

// expected-error @below {{has bounds of axis 'context#0' but no mask argument over it}}
func.func @no_mask(%a: tensor<3xi32> {jepa.bounds_of = "context#0"}) {
  return
}

// -----

!cmask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

// expected-error @below {{axis 'context#0' has bounds of 3 samples but a mask (clip=2 x context#0=24) of 2}}
func.func @samples(%c: !cmask {jepa.mask = 64 : i64}, %a: tensor<4xi32> {jepa.bounds_of = "context#0"}) {
  return
}

// -----

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!context = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!cmask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

func.func @masked(%x: !all, %c: !cmask {jepa.mask = 64 : i64}, %b: tensor<3xi32> {jepa.bounds_of = "context#0"}) -> !all {
  // expected-error @below {{has a mask or lengths: packing needs attention over the kept tokens alone (jepa-prune-tokens)}}
  %e, %el = jepa.attention %x, %x, %x mask %c {heads = 3} : (!all, !all, !all, !cmask) -> (!all, tensor<2x3x64xf32>)
  return %e : !all
}

// -----

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!context = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!target = tensor<2x32x48xf32, #jepa.axes<clip, "target#0", embed>>
!both = tensor<2x56x48xf32, #jepa.axes<clip, "context#0+target#0", embed>>
!cmask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

func.func @half(%x: !all, %t: !target, %c: !cmask {jepa.mask = 64 : i64},
                %b: tensor<3xi32> {jepa.bounds_of = "context#0"}) -> !both {
  %s = jepa.gather_tokens %x, %c : (!all, !cmask) -> !context
  // expected-error @below {{joins packed tokens with others: give every part an axis with jepa.bounds_of, or none}}
  %j = jepa.concat_tokens %s, %t : (!context, !target) -> !both
  return %j : !both
}

// -----

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!context = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!cmask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

func.func @other_operand(%x: !all, %y: !context, %c: !cmask {jepa.mask = 64 : i64},
                         %b: tensor<3xi32> {jepa.bounds_of = "context#0"}) -> !context {
  %s = jepa.gather_tokens %x, %c : (!all, !cmask) -> !context
  // expected-error @below {{joins packed tokens with others: give every operand an axis with jepa.bounds_of, or none}}
  %a = jepa.concat_features %s, %y : (!context, !context) -> tensor<2x24x96xf32>
  return %s : !context
}

// -----

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!context = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!cmask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

func.func @again(%x: !all, %c: !cmask {jepa.mask = 64 : i64}, %m: tensor<2x8xi32>,
                 %b: tensor<3xi32> {jepa.bounds_of = "context#0"}) -> tensor<2x8x48xf32> {
  %s = jepa.gather_tokens %x, %c : (!all, !cmask) -> !context
  // expected-error @below {{selects from packed tokens: only tokens of whole clips can be selected by a packed mask}}
  %t = jepa.gather_tokens %s, %m : (!context, tensor<2x8xi32>) -> tensor<2x8x48xf32>
  return %t : tensor<2x8x48xf32>
}

// -----

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!context = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!cmask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

func.func @mean(%x: !all, %c: !cmask {jepa.mask = 64 : i64}, %b: tensor<3xi32> {jepa.bounds_of = "context#0"}) -> tensor<f32> {
  %s = jepa.gather_tokens %x, %c : (!all, !cmask) -> !context
  // expected-error @below {{reads tokens over 'context#0' but takes no bounds, so it would mix the samples of a packed batch}}
  %m = jepa.mean %s : (!context) -> tensor<f32>
  return %m : tensor<f32>
}

// -----

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!both = tensor<2x48x48xf32, #jepa.axes<clip, "context#0+context#0", embed>>
!context = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!cmask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

func.func @joined_loss(%x: !all, %c: !cmask {jepa.mask = 64 : i64}, %b: tensor<3xi32> {jepa.bounds_of = "context#0"}) -> tensor<f32> {
  %s = jepa.gather_tokens %x, %c : (!all, !cmask) -> !context
  %j = jepa.concat_tokens %s, %s : (!context, !context) -> !both
  // expected-error @below {{counts tokens over 'context#0+context#0', which joins packed parts: take one part's tokens first}}
  %l = jepa.power_loss %j, %j {exponent = 1.0} : (!both, !both) -> tensor<f32>
  return %l : tensor<f32>
}
