// RUN: %jepa-opt %s --jepa-bind-lengths --split-input-file --verify-diagnostics

!context = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>

func.func @no_capacity(%x: !context, %n: tensor<1xi32> {jepa.length_of = "context#0"}) -> !context {
  // expected-error @below {{sees keys over 'context#0', but no mask argument has axis 'context#0', so the size of that segment is not known}}
  %e, %el = jepa.attention %x, %x, %x {heads = 3} : (!context, !context, !context) -> (!context, tensor<2x3x24xf32>)
  return %e : !context
}

// -----

!both = tensor<2x56x48xf32, #jepa.axes<clip, "context#0+target#0", embed>>
!cmask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

func.func @half_ragged(%x: !both, %c: !cmask {jepa.mask = 64 : i64},
                       %n: tensor<1xi32> {jepa.length_of = "context#0"}) -> !both {
  // expected-error @below {{sees keys over 'context#0+target#0', of which 'target#0' has no run-time length: give every part an argument with jepa.length_of, or none}}
  %e, %el = jepa.attention %x, %x, %x {heads = 3} : (!both, !both, !both) -> (!both, tensor<2x3x56xf32>)
  return %e : !both
}

// -----

!both = tensor<2x56x48xf32, #jepa.axes<clip, "context#0+target#0", embed>>

func.func @joined_loss(%x: !both, %n: tensor<1xi32> {jepa.length_of = "context#0"}) -> tensor<f32> {
  // expected-error @below {{counts tokens over 'context#0+target#0', which joins ragged parts: take one part's tokens first}}
  %l = jepa.power_loss %x, %x {exponent = 1.0} : (!both, !both) -> tensor<f32>
  return %l : tensor<f32>
}

// -----

!context = tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>

func.func @mean(%x: !context, %n: tensor<1xi32> {jepa.length_of = "context#0"}) -> tensor<f32> {
  // expected-error @below {{reads tokens over 'context#0' but takes no run-time length, so it would count rows that are not there}}
  %m = jepa.mean %x : (!context) -> tensor<f32>
  return %m : tensor<f32>
}

// -----

// expected-error @below {{two arguments are the length of axis 'context#0'}}
func.func @twice(%a: tensor<1xi32> {jepa.length_of = "context#0"}, %b: tensor<1xi32> {jepa.length_of = "context#0"}) {
  return
}

// -----

!scores = tensor<2x3x64x64xf32, #jepa.axes<clip, heads, token, token>>
!cmask = tensor<2x24xi32, #jepa.axes<clip, "context#0">>

func.func @softmax(%s: !scores, %c: !cmask {jepa.mask = 64 : i64}, %n: tensor<1xi32> {jepa.length_of = "context#0"}) -> !scores {
  // expected-error @below {{sums over 'context#0' but takes no run-time length, so it would count keys that are not there: use attention, or leave jepa-fuse-attention in}}
  %p = jepa.softmax %s mask %c : (!scores, !cmask) -> !scores
  return %p : !scores
}
