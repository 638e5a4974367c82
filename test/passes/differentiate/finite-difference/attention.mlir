// RUN: %jepa-opt %s --jepa-differentiate | FileCheck %s

// CHECK-LABEL: func.func @attention(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
// CHECK: jepa.gradient "p2"
func.func @attention(%t: tensor<2x5x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %q = jepa.parameter "p0" {init = "ones"} : tensor<2x5x6xf64>
  %k = jepa.parameter "p1" {init = "ones"} : tensor<2x5x6xf64>
  %v = jepa.parameter "p2" {init = "ones"} : tensor<2x5x6xf64>
  %o, %s = jepa.attention %q, %k, %v {heads = 2} : (tensor<2x5x6xf64>, tensor<2x5x6xf64>, tensor<2x5x6xf64>)
    -> (tensor<2x5x6xf64>, tensor<2x2x5xf64>)
  %l = jepa.power_loss %o, %t {exponent = 2.0} : (tensor<2x5x6xf64>, tensor<2x5x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// Fewer queries than keys, one head.
// CHECK-LABEL: func.func @attention_cross(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
// CHECK: jepa.gradient "p2"
func.func @attention_cross(%t: tensor<2x3x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %q = jepa.parameter "p0" {init = "ones"} : tensor<2x3x6xf64>
  %k = jepa.parameter "p1" {init = "ones"} : tensor<2x5x6xf64>
  %v = jepa.parameter "p2" {init = "ones"} : tensor<2x5x6xf64>
  %o, %s = jepa.attention %q, %k, %v {heads = 1} : (tensor<2x3x6xf64>, tensor<2x5x6xf64>, tensor<2x5x6xf64>)
    -> (tensor<2x3x6xf64>, tensor<2x1x3xf64>)
  %l = jepa.power_loss %o, %t {exponent = 2.0} : (tensor<2x3x6xf64>, tensor<2x3x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// CHECK-LABEL: func.func @attention_masked(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
// CHECK: jepa.gradient "p2"
func.func @attention_masked(%m: tensor<2x3xi32> {jepa.mask = 5}, %t: tensor<2x5x6xf64>)
    -> (tensor<f64> {jepa.name = "loss"}) {
  %q = jepa.parameter "p0" {init = "ones"} : tensor<2x5x6xf64>
  %k = jepa.parameter "p1" {init = "ones"} : tensor<2x5x6xf64>
  %v = jepa.parameter "p2" {init = "ones"} : tensor<2x5x6xf64>
  %o, %s = jepa.attention %q, %k, %v mask %m {heads = 2}
    : (tensor<2x5x6xf64>, tensor<2x5x6xf64>, tensor<2x5x6xf64>, tensor<2x3xi32>)
    -> (tensor<2x5x6xf64>, tensor<2x2x5xf64>)
  %l = jepa.power_loss %o, %t {exponent = 2.0} : (tensor<2x5x6xf64>, tensor<2x5x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// Two segments of keys, both shorter in this run than they may be.
// CHECK-LABEL: func.func @attention_lengths(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
// CHECK: jepa.gradient "p2"
func.func @attention_lengths(%n: tensor<1xi32> {jepa.length_of = "context#0", test.value = 3 : i32},
                             %m: tensor<1xi32> {jepa.length_of = "target#0", test.value = 1 : i32},
                             %t: tensor<2x6x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %q = jepa.parameter "p0" {init = "ones"} : tensor<2x6x6xf64>
  %k = jepa.parameter "p1" {init = "ones"} : tensor<2x6x6xf64>
  %v = jepa.parameter "p2" {init = "ones"} : tensor<2x6x6xf64>
  %o, %s = jepa.attention %q, %k, %v lengths(%n, %m) {heads = 2, segments = array<i64: 4, 2>}
    : (tensor<2x6x6xf64>, tensor<2x6x6xf64>, tensor<2x6x6xf64>, tensor<1xi32>, tensor<1xi32>)
    -> (tensor<2x6x6xf64>, tensor<2x2x6xf64>)
  %l = jepa.power_loss %o, %t {exponent = 2.0} : (tensor<2x6x6xf64>, tensor<2x6x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// Of the four keys that the mask shows, three count.
// CHECK-LABEL: func.func @attention_masked_lengths(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
// CHECK: jepa.gradient "p2"
func.func @attention_masked_lengths(%m: tensor<2x4xi32> {jepa.mask = 6},
                                    %n: tensor<1xi32> {jepa.length_of = "context#0", test.value = 3 : i32},
                                    %t: tensor<2x6x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %q = jepa.parameter "p0" {init = "ones"} : tensor<2x6x6xf64>
  %k = jepa.parameter "p1" {init = "ones"} : tensor<2x6x6xf64>
  %v = jepa.parameter "p2" {init = "ones"} : tensor<2x6x6xf64>
  %o, %s = jepa.attention %q, %k, %v mask %m lengths(%n) {heads = 3, segments = array<i64: 4>}
    : (tensor<2x6x6xf64>, tensor<2x6x6xf64>, tensor<2x6x6xf64>, tensor<2x4xi32>, tensor<1xi32>)
    -> (tensor<2x6x6xf64>, tensor<2x3x6xf64>)
  %l = jepa.power_loss %o, %t {exponent = 2.0} : (tensor<2x6x6xf64>, tensor<2x6x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// Query, key and value are one tensor.
// CHECK-LABEL: func.func @attention_self(
// CHECK: jepa.gradient "p0"
func.func @attention_self(%t: tensor<2x5x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %q = jepa.parameter "p0" {init = "ones"} : tensor<2x5x6xf64>
  %o, %s = jepa.attention %q, %q, %q {heads = 2} : (tensor<2x5x6xf64>, tensor<2x5x6xf64>, tensor<2x5x6xf64>)
    -> (tensor<2x5x6xf64>, tensor<2x2x5xf64>)
  %l = jepa.power_loss %o, %t {exponent = 2.0} : (tensor<2x5x6xf64>, tensor<2x5x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// Only the values are trained.
// CHECK-LABEL: func.func @attention_value_only(
// CHECK: jepa.gradient "p0"
func.func @attention_value_only(%q: tensor<2x5x6xf64>, %k: tensor<2x5x6xf64>, %t: tensor<2x5x6xf64>)
    -> (tensor<f64> {jepa.name = "loss"}) {
  %v = jepa.parameter "p0" {init = "ones"} : tensor<2x5x6xf64>
  %o, %s = jepa.attention %q, %k, %v {heads = 2} : (tensor<2x5x6xf64>, tensor<2x5x6xf64>, tensor<2x5x6xf64>)
    -> (tensor<2x5x6xf64>, tensor<2x2x5xf64>)
  %l = jepa.power_loss %o, %t {exponent = 2.0} : (tensor<2x5x6xf64>, tensor<2x5x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// Two sequences of different sizes, with fewer queries than keys: no query sees the other's keys.
// CHECK-LABEL: func.func @attention_sequences(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
// CHECK: jepa.gradient "p2"
func.func @attention_sequences(%t: tensor<2x5x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %q = jepa.parameter "p0" {init = "ones"} : tensor<2x5x6xf64>
  %k = jepa.parameter "p1" {init = "ones"} : tensor<2x7x6xf64>
  %v = jepa.parameter "p2" {init = "ones"} : tensor<2x7x6xf64>
  %o, %s = jepa.attention %q, %k, %v
    {heads = 2, query_sequences = array<i64: 2, 3>, key_sequences = array<i64: 4, 3>}
    : (tensor<2x5x6xf64>, tensor<2x7x6xf64>, tensor<2x7x6xf64>) -> (tensor<2x5x6xf64>, tensor<2x2x5xf64>)
  %l = jepa.power_loss %o, %t {exponent = 2.0} : (tensor<2x5x6xf64>, tensor<2x5x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// Of the first sequence's two segments, and of the second's one, some keys count.
// CHECK-LABEL: func.func @attention_sequences_lengths(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
// CHECK: jepa.gradient "p2"
func.func @attention_sequences_lengths(%n: tensor<1xi32> {jepa.length_of = "context#0", test.value = 2 : i32},
                                       %m: tensor<1xi32> {jepa.length_of = "target#0", test.value = 1 : i32},
                                       %c: tensor<1xi32> {jepa.length_of = "context#1", test.value = 3 : i32},
                                       %t: tensor<2x9x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %q = jepa.parameter "p0" {init = "ones"} : tensor<2x9x6xf64>
  %k = jepa.parameter "p1" {init = "ones"} : tensor<2x9x6xf64>
  %v = jepa.parameter "p2" {init = "ones"} : tensor<2x9x6xf64>
  %o, %s = jepa.attention %q, %k, %v lengths(%n, %m, %c)
    {heads = 2, segments = array<i64: 3, 2, 4>, query_sequences = array<i64: 5, 4>, key_sequences = array<i64: 5, 4>}
    : (tensor<2x9x6xf64>, tensor<2x9x6xf64>, tensor<2x9x6xf64>, tensor<1xi32>, tensor<1xi32>, tensor<1xi32>)
    -> (tensor<2x9x6xf64>, tensor<2x2x9xf64>)
  %l = jepa.power_loss %o, %t {exponent = 2.0} : (tensor<2x9x6xf64>, tensor<2x9x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// Two samples of unequal sizes in two parts of the axis; the last place of each part is padding.
// CHECK-LABEL: func.func @attention_packed(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
// CHECK: jepa.gradient "p2"
func.func @attention_packed(%c: tensor<3xi32> {jepa.bounds_of = "context#0", test.values = array<i32: 0, 3, 4>},
                            %h: tensor<3xi32> {jepa.bounds_of = "target#0", test.values = array<i32: 0, 1, 3>},
                            %t: tensor<1x9x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %q = jepa.parameter "p0" {init = "ones"} : tensor<1x9x6xf64>
  %k = jepa.parameter "p1" {init = "ones"} : tensor<1x9x6xf64>
  %v = jepa.parameter "p2" {init = "ones"} : tensor<1x9x6xf64>
  %o, %s = jepa.attention %q, %k, %v query_bounds(%c, %h) key_bounds(%c, %h)
    {heads = 2, query_segments = array<i64: 5, 4>, segments = array<i64: 5, 4>}
    : (tensor<1x9x6xf64>, tensor<1x9x6xf64>, tensor<1x9x6xf64>, tensor<3xi32>, tensor<3xi32>, tensor<3xi32>,
       tensor<3xi32>) -> (tensor<1x9x6xf64>, tensor<1x2x9xf64>)
  %l = jepa.power_loss %o, %t {exponent = 2.0} : (tensor<1x9x6xf64>, tensor<1x9x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}

// Packed samples of two sequences; of the first sequence only the second part asks.
// CHECK-LABEL: func.func @attention_packed_sequences(
// CHECK: jepa.gradient "p0"
// CHECK: jepa.gradient "p1"
// CHECK: jepa.gradient "p2"
func.func @attention_packed_sequences(
    %c: tensor<3xi32> {jepa.bounds_of = "context#0", test.values = array<i32: 0, 2, 3>},
    %h: tensor<3xi32> {jepa.bounds_of = "target#0", test.values = array<i32: 0, 1, 3>},
    %d: tensor<3xi32> {jepa.bounds_of = "context#1", test.values = array<i32: 0, 1, 4>},
    %t: tensor<1x8x6xf64>) -> (tensor<f64> {jepa.name = "loss"}) {
  %q = jepa.parameter "p0" {init = "ones"} : tensor<1x8x6xf64>
  %k = jepa.parameter "p1" {init = "ones"} : tensor<1x12x6xf64>
  %v = jepa.parameter "p2" {init = "ones"} : tensor<1x12x6xf64>
  %o, %s = jepa.attention %q, %k, %v query_bounds(%h, %d) key_bounds(%c, %h, %d)
    {heads = 2, query_segments = array<i64: 4, 4>, segments = array<i64: 4, 4, 4>,
     query_sequences = array<i64: 4, 4>, key_sequences = array<i64: 8, 4>}
    : (tensor<1x8x6xf64>, tensor<1x12x6xf64>, tensor<1x12x6xf64>, tensor<3xi32>, tensor<3xi32>, tensor<3xi32>,
       tensor<3xi32>, tensor<3xi32>) -> (tensor<1x8x6xf64>, tensor<1x2x8xf64>)
  %l = jepa.power_loss %o, %t {exponent = 2.0} : (tensor<1x8x6xf64>, tensor<1x8x6xf64>) -> tensor<f64>
  return %l : tensor<f64>
}
