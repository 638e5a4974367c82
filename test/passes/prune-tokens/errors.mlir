// RUN: %jepa-opt %s --jepa-prune-tokens --split-input-file --verify-diagnostics

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!some = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!mask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

func.func @unchecked_mask(%x: !all, %m: !mask) -> !some {
  // expected-remark @below {{is computed for all tokens: its mask is not an input that is checked at run time, so it may list a key twice}}
  %o, %l = jepa.attention %x, %x, %x mask %m {heads = 3} : (!all, !all, !all, !mask) -> (!all, tensor<2x3x64xf32>)
  %g = jepa.gather_tokens %o, %m : (!all, !mask) -> !some
  return %g : !some
}

// -----

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!some = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!mask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

// An adjoint op has neither interface.
func.func @no_interface(%x: !all, %m: !mask {jepa.mask = 64 : i64}) -> !some {
  // expected-remark @below {{is computed for all tokens: it does not say which tokens of its operands a selection of its tokens needs}}
  %y = jepa.gelu_grad %x, %x : !all
  // expected-note @below {{this selection stops there}}
  %g = jepa.gather_tokens %y, %m : (!all, !mask) -> !some
  return %g : !some
}

// -----

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!some = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!few = tensor<2x8x48xf32, #jepa.axes<clip, "few#0", embed>>
!mask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>
!fewMask = tensor<2x8xi32, #jepa.axes<clip, "few#0">>

func.func @selection_of_selection(%x: !all, %m: !mask {jepa.mask = 64 : i64},
                                  %f: !fewMask {jepa.mask = 24 : i64}) -> !few {
  // expected-remark @below {{a selection of a selection is not followed further}}
  %g = jepa.gather_tokens %x, %m : (!all, !mask) -> !some
  // expected-note @below {{this selection stops there}}
  %h = jepa.gather_tokens %g, %f : (!some, !fewMask) -> !few
  return %h : !few
}

// -----

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!some = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!mask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

func.func private @draw() -> !mask

func.func @computed_mask(%x: !all) -> !some {
  %y = jepa.gelu %x : !all
  %m = func.call @draw() : () -> !mask
  // expected-remark @below {{its mask is computed by an op, and only a mask that is a function argument moves}}
  %g = jepa.gather_tokens %y, %m : (!all, !mask) -> !some
  return %g : !some
}

// -----

!a = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!ab = tensor<2x48x48xf32, #jepa.axes<clip, "context#0+context#0", embed>>
!few = tensor<2x8x48xf32, #jepa.axes<clip, "few#0", embed>>

func.func @across_parts(%a: !a) -> !few {
  // expected-remark @below {{the selection is not one of the concatenation's parts}}
  %c = jepa.concat_tokens %a, %a : (!a, !a) -> !ab
  // expected-note @below {{this selection stops there}}
  %s = jepa.slice_tokens %c {offset = 20} : (!ab) -> !few
  return %s : !few
}

// -----

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!mask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

func.func @statistics_are_read(%x: !all, %m: !mask {jepa.mask = 64 : i64}) -> tensor<2x3x64xf32> {
  // expected-remark @below {{logsumexp has no token axis to select from}}
  %o, %l = jepa.attention %x, %x, %x mask %m {heads = 3} : (!all, !all, !all, !mask) -> (!all, tensor<2x3x64xf32>)
  return %l : tensor<2x3x64xf32>
}

// -----

!all = tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
!some = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
!clip = tensor<2x3x8x64x64xf32>
!patches = tensor<2x64x1536xf32, #jepa.axes<clip, token, patch>>
!few = tensor<2x16x1536xf32, #jepa.axes<clip, "row#0", patch>>

func.func @segment_of_patches(%clip: !clip) -> !few {
  // expected-remark @below {{only a mask selects tubelets}}
  %p = jepa.patchify %clip {patch = 16, tubelet = 2} : (!clip) -> !patches
  // expected-note @below {{this selection stops there}}
  %s = jepa.slice_tokens %p {offset = 16} : (!patches) -> !few
  return %s : !few
}

// -----

// expected-error @below {{has several blocks: tokens are pruned in straight-line functions, before control flow is lowered}}
func.func @blocks() {
  llvm.br ^next
^next:
  return
}
