//===- attention.cu - attention as it is emitted, for every head width ----===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "attention_backward.cuh"
#include "attention_forward.cuh"

using namespace jepa::device;

#define ATTENTION(width)                                                                                               \
  JEPA_KERNEL(128)                                                                                                     \
  attention_forward_##width(Rows<bf16> result, float *logsumexp, Rows<const bf16> query, Rows<const bf16> key,         \
                            Rows<const bf16> value, Packing<2> queries, Packing<2> keys, int heads, int sequences,     \
                            float scale) {                                                                             \
    AttentionForward<width>::run(result, logsumexp, query, key, value, queries, keys, heads, sequences, scale);        \
  }                                                                                                                    \
  JEPA_KERNEL(128)                                                                                                     \
  attention_delta_##width(float *delta, Rows<const bf16> gradient, Rows<const bf16> result, int rows, int heads,       \
                          int tokens) {                                                                                \
    AttentionDelta<width>::run(delta, gradient, result, rows, heads, tokens);                                          \
  }                                                                                                                    \
  JEPA_KERNEL(128)                                                                                                     \
  attention_query_grad_##width(Rows<bf16> queryGrad, Rows<const bf16> gradient, Rows<const bf16> query,                \
                               Rows<const bf16> key, Rows<const bf16> value, AttentionStatistics statistics,           \
                               Packing<2> queries, Packing<2> keys, int heads, int sequences, float scale) {           \
    AttentionQueryGrad<width>::run(queryGrad, gradient, query, key, value, statistics, queries, keys, heads,           \
                                   sequences, scale);                                                                  \
  }                                                                                                                    \
  JEPA_KERNEL(128)                                                                                                     \
  attention_key_grad_##width(Rows<bf16> keyGrad, Rows<bf16> valueGrad, Rows<const bf16> gradient,                      \
                             Rows<const bf16> query, Rows<const bf16> key, Rows<const bf16> value,                     \
                             AttentionStatistics statistics, Packing<2> queries, Packing<2> keys, int heads,           \
                             int sequences, float scale) {                                                             \
    AttentionKeyGrad<width>::run(keyGrad, valueGrad, gradient, query, key, value, statistics, queries, keys, heads,    \
                                 sequences, scale);                                                                    \
  }

ATTENTION(8)
ATTENTION(24)
ATTENTION(32)
ATTENTION(64)
ATTENTION(80)
ATTENTION(88)
ATTENTION(128)
