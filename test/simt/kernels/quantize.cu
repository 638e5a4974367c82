//===- quantize.cu - fp8 as it is emitted ---------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "attention_forward.cuh"
#include "quantize.cuh"
#include "row.cuh"

using namespace jepa::device;

#define QUANTIZE(name, T, count)                                                                                       \
  JEPA_KERNEL(LargestSize::threads) largest_size_##name(float *partial, const T *from) {                               \
    LargestSize::run(partial, from, count);                                                                            \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(largest_size_##name, 2, LargestSize)                                                                \
  JEPA_KERNEL(Quantize::threads) quantize_##name(e4m3 *to, const T *from, const float *scale) {                        \
    Quantize::run(to, from, scale, count);                                                                             \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(quantize_##name, 3, Quantize)

// In turns of three blocks, the last with a tail.
QUANTIZE(bf16, bf16, 7000)
QUANTIZE(f32, float, 3 * 1024 + 5)

JEPA_KERNEL(QuantizeScale::threads) quantize_scale_3(float *scale, const float *partial) {
  QuantizeScale::run(scale, partial, 3);
}
JEPA_LAUNCH_INFO(quantize_scale_3, 2, QuantizeScale)

// A norm and attention, whose results only products read. What f32 would hold, too: it is what is rounded.
#define STORED(name, T)                                                                                                \
  JEPA_KERNEL(RowBlock<80>::threads, RowBlock<80>::blocks) layer_norm_##name(T *to, const bf16 *x) {                   \
    RowBlock<80>::forRows(6, [&](int row) {                                                                            \
      auto v0 = loadRow<80>(x, row, 80);                                                                               \
      auto v1 = layerNorm(v0, 1e-6f);                                                                                  \
      storeRow(to, row, 80, v1);                                                                                       \
    });                                                                                                                \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(layer_norm_##name, 2, RowBlock<80>)                                                                 \
  JEPA_KERNEL(AttentionForward<24>::threads) attention_##name(T *result, float *logsumexp, const bf16 *qkv) {          \
    AttentionForward<24>::run(Rows<T>{result, 48}, logsumexp, Rows<const bf16>{qkv, 144},                              \
                              Rows<const bf16>{qkv + 48, 144}, Rows<const bf16>{qkv + 96, 144}, clipsOf(140),           \
                              clipsOf(140), 2, 2, 0.2f);                                                                \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(attention_##name, 3, AttentionForward<24>)

STORED(e4m3, e4m3)
STORED(exact, float)
