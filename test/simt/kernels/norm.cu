//===- norm.cu - layer norm as it is emitted ------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "layer_norm.cuh"

using namespace jepa::device;

#define NORM(width, T)                                                                                                 \
  JEPA_KERNEL(128)                                                                                                     \
  layer_norm_##width(bf16 *result, T *sum, const T *x, const bf16 *residual, const float *weight, const float *bias,   \
                     int rows) {                                                                                       \
    LayerNorm<width>::run(result, sum, x, residual, weight, bias, rows, 1e-6f);                                        \
  }                                                                                                                    \
  JEPA_KERNEL(128)                                                                                                     \
  layer_norm_grad_##width(T *xGrad, float *partial, const bf16 *gradient, const T *x, const T *more,                   \
                          const float *weight, int rows, int each) {                                                   \
    LayerNormGrad<width>::run(xGrad, partial, gradient, x, more, weight, rows, each, 1e-6f);                           \
  }

NORM(33, float)
NORM(36, bf16)
NORM(48, bf16)
NORM(384, float)
NORM(1024, bf16)
NORM(1280, bf16)
NORM(1408, bf16)

JEPA_KERNEL(128) sum_rows(float *to, const float *from, int rows, int columns) {
  SumRows::run(to, from, rows, columns);
}
