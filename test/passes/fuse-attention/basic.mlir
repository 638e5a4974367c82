// RUN: %jepa-opt %s --jepa-fuse-attention | FileCheck %s
// RUN: %jepa-opt %s --jepa-fuse-attention --jepa-fuse-attention | FileCheck %s

!x = tensor<2x64x48xf32>
!heads = tensor<2x3x64x16xf32>
!scores = tensor<2x3x64x64xf32>

// The scale may stand on the queries, before they are split ...
// CHECK-LABEL: func.func @scaled_query
// CHECK-NEXT: jepa.attention %arg0, %arg1, %arg2
// CHECK-NEXT: return
func.func @scaled_query(%q: !x, %k: !x, %v: !x) -> !x {
  %c0 = jepa.scale %q {factor = 0.25} : !x
  %qh = jepa.split_heads %c0 {heads = 3} : (!x) -> !heads
  %kh = jepa.split_heads %k {heads = 3} : (!x) -> !heads
  %vh = jepa.split_heads %v {heads = 3} : (!x) -> !heads
  %s = jepa.matmul %qh, %kh {trans_b} : (!heads, !heads) -> !scores
  %p = jepa.softmax %s : (!scores) -> !scores
  %o = jepa.matmul %p, %vh : (!scores, !heads) -> !heads
  %y = jepa.merge_heads %o : (!heads) -> !x
  return %y : !x
}

// ... or after it.
// CHECK-LABEL: func.func @scaled_head
// CHECK-NEXT: jepa.attention %arg0, %arg1, %arg2
// CHECK-NEXT: return
func.func @scaled_head(%q: !x, %k: !x, %v: !x) -> !x {
  %qh = jepa.split_heads %q {heads = 3} : (!x) -> !heads
  %kh = jepa.split_heads %k {heads = 3} : (!x) -> !heads
  %vh = jepa.split_heads %v {heads = 3} : (!x) -> !heads
  %c0 = jepa.scale %qh {factor = 0.25} : !heads
  %s = jepa.matmul %c0, %kh {trans_b} : (!heads, !heads) -> !scores
  %p = jepa.softmax %s : (!scores) -> !scores
  %o = jepa.matmul %p, %vh : (!scores, !heads) -> !heads
  %y = jepa.merge_heads %o : (!heads) -> !x
  return %y : !x
}

// Half of it on either side, as some write it to keep numbers small.
// CHECK-LABEL: func.func @scaled_twice
// CHECK-NEXT: jepa.attention %arg0, %arg1, %arg2
// CHECK-NEXT: return
func.func @scaled_twice(%q: !x, %k: !x, %v: !x) -> !x {
  %qh = jepa.split_heads %q {heads = 3} : (!x) -> !heads
  %kh = jepa.split_heads %k {heads = 3} : (!x) -> !heads
  %vh = jepa.split_heads %v {heads = 3} : (!x) -> !heads
  %c0 = jepa.scale %qh {factor = 0.5} : !heads
  %s = jepa.matmul %c0, %kh {trans_b} : (!heads, !heads) -> !scores
  %c = jepa.scale %s {factor = 0.5} : !scores
  %p = jepa.softmax %c : (!scores) -> !scores
  %o = jepa.matmul %p, %vh : (!scores, !heads) -> !heads
  %y = jepa.merge_heads %o : (!heads) -> !x
  return %y : !x
}

// What is left of another scale goes onto the queries: 0.5 is twice a quarter.
// CHECK-LABEL: func.func @other_scale
// CHECK-NEXT: %[[SCALED:.*]] = jepa.scale %arg0 {factor = 2.000000e+00 : f64}
// CHECK-NEXT: jepa.attention %[[SCALED]], %arg1, %arg2
// CHECK-NEXT: return
func.func @other_scale(%q: !x, %k: !x, %v: !x) -> !x {
  %qh = jepa.split_heads %q {heads = 3} : (!x) -> !heads
  %kh = jepa.split_heads %k {heads = 3} : (!x) -> !heads
  %vh = jepa.split_heads %v {heads = 3} : (!x) -> !heads
  %s = jepa.matmul %qh, %kh {trans_b} : (!heads, !heads) -> !scores
  %c = jepa.scale %s {factor = 0.5} : !scores
  %p = jepa.softmax %c : (!scores) -> !scores
  %o = jepa.matmul %p, %vh : (!scores, !heads) -> !heads
  %y = jepa.merge_heads %o : (!heads) -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @masked
// CHECK-NEXT: jepa.attention %arg0, %arg1, %arg2 mask %arg3
// CHECK-NEXT: return
func.func @masked(%q: !x, %k: !x, %v: !x, %m: tensor<2x24xi32>) -> !x {
  %qh = jepa.split_heads %q {heads = 3} : (!x) -> !heads
  %kh = jepa.split_heads %k {heads = 3} : (!x) -> !heads
  %vh = jepa.split_heads %v {heads = 3} : (!x) -> !heads
  %s = jepa.matmul %qh, %kh {trans_b} : (!heads, !heads) -> !scores
  %c = jepa.scale %s {factor = 0.25} : !scores
  %p = jepa.softmax %c mask %m : (!scores, tensor<2x24xi32>) -> !scores
  %o = jepa.matmul %p, %vh : (!scores, !heads) -> !heads
  %y = jepa.merge_heads %o : (!heads) -> !x
  return %y : !x
}

// Axes keep their names.
// CHECK-LABEL: func.func @named
// CHECK: jepa.attention {{.*}} -> (tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>, tensor<2x3x64xf32, #jepa.axes<clip, heads, token>>)
func.func @named(%q: tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>)
    -> tensor<2x64x48xf32, #jepa.axes<clip, token, embed>> {
  %h = jepa.split_heads %q {heads = 3} : (tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>)
    -> tensor<2x3x64x16xf32, #jepa.axes<clip, heads, token, head>>
  %s = jepa.matmul %h, %h {trans_b} : (tensor<2x3x64x16xf32, #jepa.axes<clip, heads, token, head>>,
    tensor<2x3x64x16xf32, #jepa.axes<clip, heads, token, head>>) -> tensor<2x3x64x64xf32, #jepa.axes<clip, heads, token, token>>
  %c = jepa.scale %s {factor = 0.25} : tensor<2x3x64x64xf32, #jepa.axes<clip, heads, token, token>>
  %p = jepa.softmax %c : (tensor<2x3x64x64xf32, #jepa.axes<clip, heads, token, token>>)
    -> tensor<2x3x64x64xf32, #jepa.axes<clip, heads, token, token>>
  %o = jepa.matmul %p, %h : (tensor<2x3x64x64xf32, #jepa.axes<clip, heads, token, token>>,
    tensor<2x3x64x16xf32, #jepa.axes<clip, heads, token, head>>) -> tensor<2x3x64x16xf32, #jepa.axes<clip, heads, token, head>>
  %y = jepa.merge_heads %o : (tensor<2x3x64x16xf32, #jepa.axes<clip, heads, token, head>>)
    -> tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
  return %y : tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>
}

// A softmax of something else is none of this pass' business.
// CHECK-LABEL: func.func @classes
// CHECK: jepa.softmax
func.func @classes(%x: tensor<2x10xf32>) -> tensor<2x10xf32> {
  %p = jepa.softmax %x : (tensor<2x10xf32>) -> tensor<2x10xf32>
  return %p : tensor<2x10xf32>
}
