// RUN: %jepa-opt %s --jepa-fuse-attention --split-input-file --verify-diagnostics

// Refusals: the program is right as it is, only larger.

!x = tensor<2x64x48xf32>
!heads = tensor<2x3x64x16xf32>
!scores = tensor<2x3x64x64xf32>

func.func @scores_read(%q: !x, %k: !x, %v: !x) -> (!x, !scores) {
  %qh = jepa.split_heads %q {heads = 3} : (!x) -> !heads
  %kh = jepa.split_heads %k {heads = 3} : (!x) -> !heads
  %vh = jepa.split_heads %v {heads = 3} : (!x) -> !heads
  %s = jepa.matmul %qh, %kh {trans_b} : (!heads, !heads) -> !scores
  %c = jepa.scale %s {factor = 0.25} : !scores
  // expected-remark @below {{stores a matrix of scores: its scores are read elsewhere}}
  %p = jepa.softmax %c : (!scores) -> !scores
  %o = jepa.matmul %p, %vh : (!scores, !heads) -> !heads
  %y = jepa.merge_heads %o : (!heads) -> !x
  // expected-note @below {{it is read here}}
  return %y, %s : !x, !scores
}

// -----

!x = tensor<2x64x48xf32>
!heads = tensor<2x3x64x16xf32>
!scores = tensor<2x3x64x64xf32>

func.func @probabilities_read(%q: !x, %k: !x, %v: !x) -> (!x, !scores) {
  %qh = jepa.split_heads %q {heads = 3} : (!x) -> !heads
  %kh = jepa.split_heads %k {heads = 3} : (!x) -> !heads
  %vh = jepa.split_heads %v {heads = 3} : (!x) -> !heads
  %s = jepa.matmul %qh, %kh {trans_b} : (!heads, !heads) -> !scores
  %c = jepa.scale %s {factor = 0.25} : !scores
  // expected-remark @below {{stores a matrix of scores: its probabilities are read elsewhere}}
  %p = jepa.softmax %c : (!scores) -> !scores
  %o = jepa.matmul %p, %vh : (!scores, !heads) -> !heads
  %y = jepa.merge_heads %o : (!heads) -> !x
  // expected-note @below {{it is read here}}
  return %y, %p : !x, !scores
}

// -----

!heads = tensor<2x3x64x16xf32>
!scores = tensor<2x3x64x64xf32>

func.func @not_split(%q: !heads, %k: !heads, %v: !heads) -> !heads {
  %s = jepa.matmul %q, %k {trans_b} : (!heads, !heads) -> !scores
  // expected-remark @below {{stores a matrix of scores: its queries or keys are not split into heads}}
  %p = jepa.softmax %s : (!scores) -> !scores
  %o = jepa.matmul %p, %v : (!scores, !heads) -> !heads
  return %o : !heads
}

// -----

!x = tensor<2x64x48xf32>
!heads = tensor<2x3x64x16xf32>
!scores = tensor<2x3x64x64xf32>

// A sum over queries instead of over keys.
func.func @other_way(%q: !x, %k: !x, %v: !x) -> !x {
  %qh = jepa.split_heads %q {heads = 3} : (!x) -> !heads
  %kh = jepa.split_heads %k {heads = 3} : (!x) -> !heads
  %vh = jepa.split_heads %v {heads = 3} : (!x) -> !heads
  %s = jepa.matmul %qh, %kh {trans_b} : (!heads, !heads) -> !scores
  // expected-remark @below {{stores a matrix of scores: its probabilities do not multiply rows of values}}
  %p = jepa.softmax %s : (!scores) -> !scores
  %o = jepa.matmul %p, %vh {trans_a} : (!scores, !heads) -> !heads
  %y = jepa.merge_heads %o : (!heads) -> !x
  return %y : !x
}

// -----

!x = tensor<2x64x48xf32>
!heads = tensor<2x3x64x16xf32>
!scores = tensor<2x3x64x64xf32>

func.func @not_merged(%q: !x) -> !heads {
  %h = jepa.split_heads %q {heads = 3} : (!x) -> !heads
  %s = jepa.matmul %h, %h {trans_b} : (!heads, !heads) -> !scores
  // expected-remark @below {{stores a matrix of scores: its result is not merged from heads}}
  %p = jepa.softmax %s : (!scores) -> !scores
  %o = jepa.matmul %p, %h : (!scores, !heads) -> !heads
  return %o : !heads
}
