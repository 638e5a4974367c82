// RUN: %jepa-opt %s --jepa-merge-masks --canonicalize | FileCheck %s
// RUN: %jepa-opt %s --jepa-merge-masks --jepa-pass-report=text -o /dev/null 2>&1 | FileCheck %s --check-prefix=REPORT

!x = tensor<2x4x8xf32>
!y = tensor<2x5x8xf32>
!z = tensor<2x6x8xf32>
!w = tensor<8x8xf32>
!b = tensor<8xf32>

// Any number of groups; a norm before the product goes along, and so does what follows it.
// CHECK-LABEL: func.func @three
// CHECK: %[[C:.*]] = jepa.concat_tokens %arg0, %arg1, %arg2 : {{.*}} -> tensor<2x15x8xf32>
// CHECK: jepa.layer_norm %[[C]]
// CHECK: jepa.linear %{{.*}} -> tensor<2x15x8xf32>
// CHECK: jepa.gelu %{{.*}} : tensor<2x15x8xf32>
// CHECK-COUNT-3: jepa.slice_tokens
// CHECK-NOT: jepa.linear
func.func @three(%x: !x, %y: !y, %z: !z, %n: !b, %w: !w) -> (!x, !y, !z) {
  %0 = jepa.layer_norm %x weight %n bias %n {eps = 1.0e-06} : (!x, !b, !b) -> !x
  %1 = jepa.linear %0, %w : (!x, !w) -> !x
  %2 = jepa.gelu %1 : !x
  %3 = jepa.layer_norm %y weight %n bias %n {eps = 1.0e-06} : (!y, !b, !b) -> !y
  %4 = jepa.linear %3, %w : (!y, !w) -> !y
  %5 = jepa.gelu %4 : !y
  %6 = jepa.layer_norm %z weight %n bias %n {eps = 1.0e-06} : (!z, !b, !b) -> !z
  %7 = jepa.linear %6, %w : (!z, !w) -> !z
  %8 = jepa.gelu %7 : !z
  return %2, %5, %8 : !x, !y, !z
}

// Two layers with the same weights: each is merged with the other group's same layer, not with its own next one.
// CHECK-LABEL: func.func @repeated
// CHECK: %[[C:.*]] = jepa.concat_tokens %arg0, %arg1
// CHECK: %[[A:.*]] = jepa.linear %[[C]], %arg2
// CHECK: %[[B:.*]] = jepa.linear %[[A]], %arg2
// CHECK-NOT: jepa.linear
func.func @repeated(%x: !x, %y: !y, %w: !w) -> (!x, !y) {
  %0 = jepa.linear %x, %w : (!x, !w) -> !x
  %1 = jepa.linear %0, %w : (!x, !w) -> !x
  %2 = jepa.linear %y, %w : (!y, !w) -> !y
  %3 = jepa.linear %2, %w : (!y, !w) -> !y
  return %1, %3 : !x, !y
}

// Queries may be some of the keys' tokens. Lengths keep their segments; each group is a sequence.
// CHECK-LABEL: func.func @lengths
// CHECK: %[[K:.*]] = jepa.linear
// CHECK: %[[Q:.*]] = jepa.concat_tokens %{{.*}}, %{{.*}} -> tensor<2x4x8xf32>
// CHECK: jepa.attention %[[Q]], %[[K]], %[[K]] lengths(%arg3, %arg4, %arg5) {heads = 2 : i64, key_sequences = array<i64: 4, 5>, query_sequences = array<i64: 2, 2>, segments = array<i64: 3, 1, 5>}
func.func @lengths(%x: !x, %y: !y, %w: !w, %a: tensor<1xi32>, %b: tensor<1xi32>, %c: tensor<1xi32>)
    -> (tensor<2x2x8xf32>, tensor<2x2x8xf32>) {
  %0 = jepa.linear %x, %w : (!x, !w) -> !x
  %1 = jepa.slice_tokens %0 {offset = 2} : (!x) -> tensor<2x2x8xf32>
  %2, %s = jepa.attention %1, %0, %0 lengths(%a, %b) {heads = 2, segments = array<i64: 3, 1>}
    : (tensor<2x2x8xf32>, !x, !x, tensor<1xi32>, tensor<1xi32>) -> (tensor<2x2x8xf32>, tensor<2x2x2xf32>)
  %3 = jepa.linear %y, %w : (!y, !w) -> !y
  %4 = jepa.slice_tokens %3 {offset = 3} : (!y) -> tensor<2x2x8xf32>
  %5, %t = jepa.attention %4, %3, %3 lengths(%c) {heads = 2, segments = array<i64: 5>}
    : (tensor<2x2x8xf32>, !y, !y, tensor<1xi32>) -> (tensor<2x2x8xf32>, tensor<2x2x2xf32>)
  return %2, %5 : tensor<2x2x8xf32>, tensor<2x2x8xf32>
}

// Packed samples: bounds keep their segments.
// CHECK-LABEL: func.func @bounds
// CHECK: jepa.attention %{{.*}} query_bounds(%arg3, %arg4) key_bounds(%arg3, %arg4) {heads = 2 : i64, key_sequences = array<i64: 4, 5>, query_segments = array<i64: 4, 5>, query_sequences = array<i64: 4, 5>, segments = array<i64: 4, 5>}
func.func @bounds(%x: tensor<1x4x8xf32>, %y: tensor<1x5x8xf32>, %w: !w, %a: tensor<3xi32>, %b: tensor<3xi32>)
    -> (tensor<1x4x8xf32>, tensor<1x5x8xf32>) {
  %0 = jepa.linear %x, %w : (tensor<1x4x8xf32>, !w) -> tensor<1x4x8xf32>
  %1, %s = jepa.attention %0, %0, %0 query_bounds(%a) key_bounds(%a)
    {heads = 2, query_segments = array<i64: 4>, segments = array<i64: 4>}
    : (tensor<1x4x8xf32>, tensor<1x4x8xf32>, tensor<1x4x8xf32>, tensor<3xi32>, tensor<3xi32>)
    -> (tensor<1x4x8xf32>, tensor<1x2x4xf32>)
  %2 = jepa.linear %y, %w : (tensor<1x5x8xf32>, !w) -> tensor<1x5x8xf32>
  %3, %t = jepa.attention %2, %2, %2 query_bounds(%b) key_bounds(%b)
    {heads = 2, query_segments = array<i64: 5>, segments = array<i64: 5>}
    : (tensor<1x5x8xf32>, tensor<1x5x8xf32>, tensor<1x5x8xf32>, tensor<3xi32>, tensor<3xi32>)
    -> (tensor<1x5x8xf32>, tensor<1x2x5xf32>)
  return %1, %3 : tensor<1x4x8xf32>, tensor<1x5x8xf32>
}

// Nothing is shared: the function stays as it was, in its own order.
// CHECK-LABEL: func.func @nothing
// CHECK-NEXT: jepa.linear %arg0, %arg2
// CHECK-NEXT: jepa.gelu
// CHECK-NEXT: jepa.linear %arg1, %arg3
// CHECK-NEXT: jepa.gelu
// CHECK-NOT: jepa.concat_tokens
func.func @nothing(%x: !x, %y: !y, %w: !w, %v: !w) -> (!x, !y) {
  %0 = jepa.linear %x, %w : (!x, !w) -> !x
  %1 = jepa.gelu %0 : !x
  %2 = jepa.linear %y, %v : (!y, !w) -> !y
  %3 = jepa.gelu %2 : !y
  return %1, %3 : !x, !y
}

// Norms alone would be copied for nothing.
// CHECK-LABEL: func.func @norms
// CHECK-NOT: jepa.concat_tokens
func.func @norms(%x: !x, %y: !y, %n: !b) -> (!x, !y) {
  %0 = jepa.layer_norm %x weight %n bias %n {eps = 1.0e-06} : (!x, !b, !b) -> !x
  %1 = jepa.layer_norm %y weight %n bias %n {eps = 1.0e-06} : (!y, !b, !b) -> !y
  return %0, %1 : !x, !y
}

// Masked attention counts all tokens of its own group; what surrounds it is merged.
// CHECK-LABEL: func.func @masked
// CHECK: jepa.linear %{{.*}} -> tensor<2x8x8xf32>
// CHECK-COUNT-2: jepa.attention {{.*}} mask
func.func @masked(%x: !x, %y: !x, %w: !w, %m: tensor<2x3xi32> {jepa.mask = 4}, %n: tensor<2x2xi32> {jepa.mask = 4}) -> (!x, !x) {
  %0 = jepa.linear %x, %w : (!x, !w) -> !x
  %1, %s = jepa.attention %0, %0, %0 mask %m {heads = 2} : (!x, !x, !x, tensor<2x3xi32>) -> (!x, tensor<2x2x4xf32>)
  %2 = jepa.linear %y, %w : (!x, !w) -> !x
  %3, %t = jepa.attention %2, %2, %2 mask %n {heads = 2} : (!x, !x, !x, tensor<2x2xi32>) -> (!x, tensor<2x2x4xf32>)
  return %1, %3 : !x, !x
}

// REPORT: jepa-merge-masks @repeated
// REPORT-NEXT: 1 chains
// REPORT-NEXT: 2 ops_merged
// REPORT-NEXT: 0 products_alone
