//===- training.cu - what surrounds the layers, as it is emitted ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "adamw.cuh"
#include "elementwise.cuh"
#include "patchify.cuh"
#include "power_loss.cuh"
#include "tokens.cuh"

using namespace jepa::device;

JEPA_KERNEL(128) gelu_bf16(bf16 *y, const bf16 *x, int count) { geluForward(y, x, count); }
JEPA_KERNEL(128) gelu_f32(float *y, const float *x, int count) { geluForward(y, x, count); }
JEPA_KERNEL(128) gelu_grad_bf16(bf16 *xGrad, const bf16 *gradient, const bf16 *x, int count) {
  geluBackward(xGrad, gradient, x, count);
}
JEPA_KERNEL(128) gelu_grad_f32(float *xGrad, const float *gradient, const float *x, int count) {
  geluBackward(xGrad, gradient, x, count);
}

JEPA_KERNEL(128)
patchify_16(bf16 *to, const unsigned char *frames, const int *tokens, Normalisation norm, bool packed) {
  Patchify<4, 32, 48, 16, 2>::run(to, frames, tokens, norm, packed);
}
JEPA_KERNEL(128)
patchify_14(float *to, const unsigned char *frames, const int *tokens, Normalisation norm, bool packed) {
  Patchify<3, 28, 42, 14, 3>::run(to, frames, tokens, norm, packed);
}

#define TOKENS(width, T)                                                                                               \
  JEPA_KERNEL(128)                                                                                                     \
  gather_##width(T *to, const T *from, const int *mask, int fromTokens, bool table, bool cyclic) {                     \
    GatherTokens<T, width>::run(to, from, mask, fromTokens, table, cyclic);                                            \
  }                                                                                                                    \
  JEPA_KERNEL(128) scatter_##width(T *to, const T *from, const int *mask, int maskTokens, int clips, bool table) {     \
    ScatterTokens<T, width>::run(to, from, mask, maskTokens, clips, table);                                            \
  }

TOKENS(20, float)
TOKENS(1032, bf16)

#define LOSS(width, T)                                                                                                 \
  JEPA_KERNEL(128)                                                                                                     \
  power_loss_##width(float *partial, const T *predicted, const float *target, TokenWeights weights, float exponent) {  \
    PowerLoss<width>::run(partial, predicted, target, weights, exponent);                                              \
  }                                                                                                                    \
  JEPA_KERNEL(128)                                                                                                     \
  power_loss_grad_##width(T *predictedGrad, const float *lossGrad, const T *predicted, const float *target,            \
                          TokenWeights weights, float exponent) {                                                      \
    PowerLossGrad<width>::run(predictedGrad, lossGrad, predicted, target, weights, exponent);                          \
  }

LOSS(42, float)
LOSS(400, bf16)

JEPA_KERNEL(128) squared_norm(float *partial, const Parameter *parameters, const Chunk *chunks) {
  SquaredNorm::run(partial, parameters, chunks);
}
JEPA_KERNEL(128) adamw(const Parameter *parameters, const Chunk *chunks, const Hyper *hyper, const float *norm) {
  AdamW::run(parameters, chunks, hyper, norm);
}
JEPA_KERNEL(128) sum_all(float *to, const float *from, int count, float scale) { SumAll::run(to, from, count, scale); }
