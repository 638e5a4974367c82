// RUN: %jepa-opt %s --split-input-file --verify-diagnostics

func.func @weight_rank(%x: tensor<2x64x48xf32>, %w: tensor<48xf32>) {
  // expected-error @+1 {{the weight must be [out, in...] but is 48}}
  %0 = jepa.linear %x, %w : (tensor<2x64x48xf32>, tensor<48xf32>) -> tensor<2x64x48xf32>
  return
}

// -----

func.func @linear_rank(%x: tensor<2x64x48xf32>, %w: tensor<48x48xf32>) {
  // expected-error @+1 {{x (2 x 64 x 48) and the result (128 x 48) must have the same number of axes, at least two}}
  %0 = jepa.linear %x, %w : (tensor<2x64x48xf32>, tensor<48x48xf32>) -> tensor<128x48xf32>
  return
}

// -----

func.func @linear_tokens(%x: tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>, %w: tensor<48x48xf32>) {
  // expected-error @+1 {{axis 1 of x (clip=2 x token=64 x embed=48) and axis 1 of the result (clip=2 x context#0=64 x embed=48) differ}}
  %0 = jepa.linear %x, %w : (tensor<2x64x48xf32, #jepa.axes<clip, token, embed>>, tensor<48x48xf32>)
    -> tensor<2x64x48xf32, #jepa.axes<clip, "context#0", embed>>
  return
}

// -----

func.func @linear_width(%x: tensor<2x64x40xf32>, %w: tensor<144x48xf32>) {
  // expected-error @+1 {{a weight of 144 x 48 takes 48 features to 144 but x is 2 x 64 x 40 and the result 2 x 64 x 144}}
  %0 = jepa.linear %x, %w : (tensor<2x64x40xf32>, tensor<144x48xf32>) -> tensor<2x64x144xf32>
  return
}

// -----

func.func @linear_e4m3(%x: tensor<2x64x48xf8E4M3FN>, %w: tensor<144x48xf32>) {
  // expected-error @+1 {{with x in e4m3 takes a weight in bf16, found 'f32'}}
  %0 = jepa.linear %x, %w : (tensor<2x64x48xf8E4M3FN>, tensor<144x48xf32>) -> tensor<2x64x144xbf16>
  return
}

// -----

func.func @linear_bias(%x: tensor<2x64x48xf32>, %w: tensor<144x48xf32>, %b: tensor<48xf32>) {
  // expected-error @+1 {{the bias is 48 but must be 144}}
  %0 = jepa.linear %x, %w bias %b : (tensor<2x64x48xf32>, tensor<144x48xf32>, tensor<48xf32>) -> tensor<2x64x144xf32>
  return
}

// -----

func.func @norm_half(%x: tensor<2x64x48xf32>, %w: tensor<48xf32>) {
  // expected-error @+1 {{takes a weight and a bias or neither}}
  %0 = jepa.layer_norm %x weight %w {eps = 1.0e-06} : (tensor<2x64x48xf32>, tensor<48xf32>) -> tensor<2x64x48xf32>
  return
}

// -----

func.func @norm_eps(%x: tensor<2x64x48xf32>) {
  // expected-error @+1 {{needs a positive eps}}
  %0 = jepa.layer_norm %x {eps = 0.0} : (tensor<2x64x48xf32>) -> tensor<2x64x48xf32>
  return
}

// -----

func.func @norm_shape(%x: tensor<2x64x48xf32>) {
  // expected-error @+1 {{axis 1 of x (2 x 64 x 48) and axis 1 of the result (2 x 32 x 48) differ}}
  %0 = jepa.layer_norm %x {eps = 1.0e-06} : (tensor<2x64x48xf32>) -> tensor<2x32x48xf32>
  return
}

// -----

func.func @norm_weight(%x: tensor<2x64x48xf32>, %w: tensor<32xf32>, %b: tensor<48xf32>) {
  // expected-error @+1 {{the weight is 32 but must be 48}}
  %0 = jepa.layer_norm %x weight %w bias %b {eps = 1.0e-06} : (tensor<2x64x48xf32>, tensor<32xf32>, tensor<48xf32>) -> tensor<2x64x48xf32>
  return
}

// -----

func.func @norm_bias(%x: tensor<2x64x48xf32>, %w: tensor<48xf32>, %b: tensor<32xf32>) {
  // expected-error @+1 {{the bias is 32 but must be 48}}
  %0 = jepa.layer_norm %x weight %w bias %b {eps = 1.0e-06} : (tensor<2x64x48xf32>, tensor<48xf32>, tensor<32xf32>) -> tensor<2x64x48xf32>
  return
}

// -----

func.func @add_table(%x: tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>, %t: tensor<1x64x48xf32, #jepa.axes<one, token, embed>>) {
  // expected-error @+1 {{axis 1 of lhs (clip=2 x context#0=24 x embed=48) and axis 1 of rhs (one=1 x token=64 x embed=48) differ}}
  %0 = jepa.add %x, %t : (tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>, tensor<1x64x48xf32, #jepa.axes<one, token, embed>>)
    -> tensor<2x24x48xf32, #jepa.axes<clip, "context#0", embed>>
  return
}

// -----

func.func @add_rank(%x: tensor<2x64x48xf32>, %b: tensor<48xf32>) {
  // expected-error @+1 {{rhs must have 3 axes but is 48}}
  %0 = jepa.add %x, %b : (tensor<2x64x48xf32>, tensor<48xf32>) -> tensor<2x64x48xf32>
  return
}

// -----

func.func @add_result(%x: tensor<1x64x48xf32>, %y: tensor<2x64x48xf32>) {
  // expected-error @+1 {{axis 0 of lhs (1 x 64 x 48) and axis 0 of the result (2 x 64 x 48) differ}}
  %0 = jepa.add %x, %y : (tensor<1x64x48xf32>, tensor<2x64x48xf32>) -> tensor<2x64x48xf32>
  return
}

// -----

func.func @split_width(%x: tensor<2x64x144xf32>) {
  // expected-error @+1 {{has parts of 96 features together but the whole is 2 x 64 x 144}}
  %0:2 = jepa.split_features %x : (tensor<2x64x144xf32>) -> (tensor<2x64x48xf32>, tensor<2x64x48xf32>)
  return
}

// -----

func.func @concat_rows(%x: tensor<2x64x48xf32>, %y: tensor<2x32x48xf32>) {
  // expected-error @+1 {{axis 1 of the whole (2 x 64 x 96) and axis 1 of a part (2 x 32 x 48) differ}}
  %0 = jepa.concat_features %x, %y : (tensor<2x64x48xf32>, tensor<2x32x48xf32>) -> tensor<2x64x96xf32>
  return
}

// -----

func.func @part_rank(%x: tensor<2x64x48xf32>) {
  // expected-error @+1 {{a part must have 3 axes but is 128 x 48}}
  %0 = jepa.split_features %x : (tensor<2x64x48xf32>) -> tensor<128x48xf32>
  return
}

// -----

func.func @elementwise(%x: tensor<2x64x48xf32>) {
  // expected-error @+1 {{requires the same type for all operands and results}}
  %0 = "jepa.gelu"(%x) : (tensor<2x64x48xf32>) -> tensor<2x64x32xf32>
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @heads(%x: !x) {
  // expected-error @+1 {{cannot cut a width of 48 into 5 heads}}
  %0:2 = jepa.attention %x, %x, %x {heads = 5} : (!x, !x, !x) -> (!x, tensor<2x5x64xf32>)
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @key_width(%x: !x, %k: tensor<2x64x32xf32>) {
  // expected-error @+1 {{axis 2 of the query (2 x 64 x 48) and axis 2 of the key (2 x 64 x 32) differ}}
  %0:2 = jepa.attention %x, %k, %k {heads = 3} : (!x, tensor<2x64x32xf32>, tensor<2x64x32xf32>) -> (!x, tensor<2x3x64xf32>)
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @value_tokens(%x: !x, %v: tensor<2x32x48xf32>) {
  // expected-error @+1 {{axis 1 of the key (2 x 64 x 48) and axis 1 of the value (2 x 32 x 48) differ}}
  %0:2 = jepa.attention %x, %x, %v {heads = 3} : (!x, !x, tensor<2x32x48xf32>) -> (!x, tensor<2x3x64xf32>)
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @logsumexp(%x: !x) {
  // expected-error @+1 {{logsumexp is 2 x 64 x 3 but must be 2 x 3 x 64}}
  %0:2 = jepa.attention %x, %x, %x {heads = 3} : (!x, !x, !x) -> (!x, tensor<2x64x3xf32>)
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @attention_result(%x: !x) {
  // expected-error @+1 {{axis 1 of the query (2 x 64 x 48) and axis 1 of the result (2 x 32 x 48) differ}}
  %0:2 = jepa.attention %x, %x, %x {heads = 3} : (!x, !x, !x) -> (tensor<2x32x48xf32>, tensor<2x3x64xf32>)
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @mask_size(%x: !x, %m: tensor<2x80xi32>) {
  // expected-error @+1 {{the mask shows 80 keys but there are 64}}
  %0:2 = jepa.attention %x, %x, %x mask %m {heads = 3} : (!x, !x, !x, tensor<2x80xi32>) -> (!x, tensor<2x3x64xf32>)
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @mask_clips(%x: !x, %m: tensor<3x24xi32>) {
  // expected-error @+1 {{axis 0 of the mask (3 x 24) and axis 0 of the key (2 x 64 x 48) differ}}
  %0:2 = jepa.attention %x, %x, %x mask %m {heads = 3} : (!x, !x, !x, tensor<3x24xi32>) -> (!x, tensor<2x3x64xf32>)
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @segments(%x: !x, %n: tensor<1xi32>) {
  // expected-error @+1 {{needs one segment for each of its 1 lengths, together the 64 visible keys}}
  %0:2 = jepa.attention %x, %x, %x lengths(%n) {heads = 3, segments = array<i64: 60>} : (!x, !x, !x, tensor<1xi32>) -> (!x, tensor<2x3x64xf32>)
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @sequences_count(%x: !x) {
  // expected-error @+1 {{has 1 sequences of queries but 2 of keys}}
  %0:2 = jepa.attention %x, %x, %x {heads = 3, query_sequences = array<i64: 64>, key_sequences = array<i64: 40, 24>} : (!x, !x, !x) -> (!x, tensor<2x3x64xf32>)
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @sequences_sum(%x: !x) {
  // expected-error @+1 {{has sequences of 64 queries and 60 keys together but there are 64 queries and 64 visible keys}}
  %0:2 = jepa.attention %x, %x, %x {heads = 3, query_sequences = array<i64: 40, 24>, key_sequences = array<i64: 40, 20>} : (!x, !x, !x) -> (!x, tensor<2x3x64xf32>)
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @sequences_empty(%x: !x) {
  // expected-error @+1 {{has an empty sequence}}
  %0:2 = jepa.attention %x, %x, %x {heads = 3, query_sequences = array<i64: 64, 0>, key_sequences = array<i64: 32, 32>} : (!x, !x, !x) -> (!x, tensor<2x3x64xf32>)
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @sequences_segments(%x: !x, %n: tensor<1xi32>) {
  // expected-error @+1 {{has a sequence of keys that ends within a segment}}
  %0:2 = jepa.attention %x, %x, %x lengths(%n, %n) {heads = 3, segments = array<i64: 40, 24>, query_sequences = array<i64: 32, 32>, key_sequences = array<i64: 32, 32>} : (!x, !x, !x, tensor<1xi32>, tensor<1xi32>) -> (!x, tensor<2x3x64xf32>)
  return
}

// -----

!p = tensor<1x64x48xf32>
!b = tensor<3xi32>

func.func @packed_masked(%x: !p, %m: tensor<1x24xi32>, %b: !b) {
  // expected-error @+1 {{is packed: bounds take the place of a mask or of lengths}}
  %0:2 = jepa.attention %x, %x, %x mask %m query_bounds(%b) key_bounds(%b) {heads = 3, query_segments = array<i64: 64>, segments = array<i64: 24>} : (!p, !p, !p, tensor<1x24xi32>, !b, !b) -> (!p, tensor<1x3x64xf32>)
  return
}

// -----

!x = tensor<2x64x48xf32>

func.func @packed_clips(%x: !x, %b: tensor<3xi32>) {
  // expected-error @+1 {{is packed: samples stand on the token axis of one clip, but there are 2}}
  %0:2 = jepa.attention %x, %x, %x query_bounds(%b) key_bounds(%b) {heads = 3, query_segments = array<i64: 64>, segments = array<i64: 64>} : (!x, !x, !x, tensor<3xi32>, tensor<3xi32>) -> (!x, tensor<2x3x64xf32>)
  return
}

// -----

!p = tensor<1x64x48xf32>
!b = tensor<3xi32>

func.func @packed_segments(%x: !p, %b: !b) {
  // expected-error @+1 {{needs one segment for each of its 2 key bounds, together the 64 keys}}
  %0:2 = jepa.attention %x, %x, %x query_bounds(%b) key_bounds(%b, %b) {heads = 3, query_segments = array<i64: 64>, segments = array<i64: 32, 30>} : (!p, !p, !p, !b, !b, !b) -> (!p, tensor<1x3x64xf32>)
  return
}

// -----

!p = tensor<1x64x48xf32>
!b = tensor<3xi32>

func.func @packed_query_segments(%x: !p, %b: !b) {
  // expected-error @+1 {{needs one query segment for each of its 1 query bounds, together the 64 queries}}
  %0:2 = jepa.attention %x, %x, %x query_bounds(%b) key_bounds(%b) {heads = 3, query_segments = array<i64: 32, 32>, segments = array<i64: 64>} : (!p, !p, !p, !b, !b) -> (!p, tensor<1x3x64xf32>)
  return
}

// -----

!p = tensor<1x64x48xf32>
!b = tensor<3xi32>

func.func @packed_sequences(%x: !p, %b: !b) {
  // expected-error @+1 {{has a sequence of queries that ends within a segment}}
  %0:2 = jepa.attention %x, %x, %x query_bounds(%b) key_bounds(%b, %b) {heads = 3, query_segments = array<i64: 64>, segments = array<i64: 32, 32>, query_sequences = array<i64: 32, 32>, key_sequences = array<i64: 32, 32>} : (!p, !p, !p, !b, !b, !b) -> (!p, tensor<1x3x64xf32>)
  return
}

// -----

!p = tensor<1x64x48xf32>
!b = tensor<3xi32>

func.func @packed_samples(%x: !p, %b: !b, %c: tensor<4xi32>) {
  // expected-error @+1 {{has bounds of different numbers of samples: 3 and 4}}
  %0:2 = jepa.attention %x, %x, %x query_bounds(%c) key_bounds(%b) {heads = 3, query_segments = array<i64: 64>, segments = array<i64: 64>} : (!p, !p, !p, tensor<4xi32>, !b) -> (!p, tensor<1x3x64xf32>)
  return
}
