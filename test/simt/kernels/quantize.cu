//===- quantize.cu - fp8 as it is emitted ---------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
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

// A norm whose result only a product reads.
JEPA_KERNEL(RowBlock<80>::threads, RowBlock<80>::blocks) layer_norm_fp8(e4m3 *to, const bf16 *x, const float *scale) {
  RowBlock<80>::forRows(6, [&](int row) {
    auto v0 = loadRow<80>(x, row, 80);
    auto v1 = layerNorm(v0, 1e-6f);
    auto v2 = scaleRow(v1, 1.0f / *scale);
    storeRow(to, row, 80, v2);
  });
}
JEPA_LAUNCH_INFO(layer_norm_fp8, 3, RowBlock<80>)
