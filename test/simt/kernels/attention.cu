//===- attention.cu - attention of any geometry, for every head width -----===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "attention_backward.cuh"
#include "attention_forward.cuh"

using namespace jepa::device;

#define ATTENTION(name, width, T)                                                                                      \
  JEPA_KERNEL(128)                                                                                                     \
  attention_forward_##name(Rows<T> result, float *logsumexp, Rows<const T> query, Rows<const T> key,                   \
                           Rows<const T> value, Packing<2> queries, Packing<2> keys, int heads, int sequences,         \
                           float scale) {                                                                              \
    AttentionForward<width, T>::run(result, logsumexp, query, key, value, queries, keys, heads, sequences, scale);     \
  }                                                                                                                    \
  JEPA_KERNEL(128)                                                                                                     \
  attention_delta_##name(float *delta, Rows<const T> gradient, Rows<const T> result, int rows, int heads,              \
                         int tokens) {                                                                                 \
    AttentionDelta<width, T>::run(delta, gradient, result, rows, heads, tokens);                                       \
  }                                                                                                                    \
  JEPA_KERNEL(128, 2)                                                                                                  \
  attention_query_grad_##name(Rows<T> queryGrad, Rows<const T> gradient, Rows<const T> query, Rows<const T> key,       \
                              Rows<const T> value, AttentionStatistics statistics, Packing<2> queries,                 \
                              Packing<2> keys, int heads, int sequences, float scale) {                                \
    AttentionQueryGrad<width, T>::run(queryGrad, gradient, query, key, value, statistics, queries, keys, heads,        \
                                      sequences, scale);                                                               \
  }                                                                                                                    \
  JEPA_KERNEL(128, 2)                                                                                                  \
  attention_key_grad_##name(Rows<T> keyGrad, Rows<T> valueGrad, Rows<const T> gradient, Rows<const T> query,           \
                            Rows<const T> key, Rows<const T> value, AttentionStatistics statistics,                    \
                            Packing<2> queries, Packing<2> keys, int heads, int sequences, float scale) {              \
    AttentionKeyGrad<width, T>::run(keyGrad, valueGrad, gradient, query, key, value, statistics, queries, keys, heads, \
                                    sequences, scale);                                                                 \
  }

ATTENTION(8, 8, bf16)
ATTENTION(24, 24, bf16)
ATTENTION(32, 32, bf16)
ATTENTION(64, 64, bf16)
ATTENTION(80, 80, bf16)
ATTENTION(88, 88, bf16)
ATTENTION(128, 128, bf16)
ATTENTION(f32_24, 24, float)
ATTENTION(f32_80, 80, float)
