//===- training.cu - what surrounds the layers, as it is emitted ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "adamw.cuh"
#include "patchify.cuh"
#include "power_loss.cuh"
#include "tokens.cuh"

using namespace jepa::device;

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

// Two modules' gradients are clipped apart; the last parameter has no teacher, the second no copies.
JEPA_TABLE GradientPlace squared_norm_0_places[2] = {{0, 1, 0}, {64, 4099, 1}};
JEPA_TABLE GradientPlace squared_norm_1_places[2] = {{16512, 4096, 0}, {32896, 30, 1}};
JEPA_KERNEL(SquaredNorm::threads) squared_norm_0(float *partial, const unsigned char *arena) {
  SquaredNorm::run(partial, arena, squared_norm_0_places, 2);
}
JEPA_LAUNCH_INFO(squared_norm_0, 2, SquaredNorm)
JEPA_KERNEL(SquaredNorm::threads) squared_norm_1(float *partial, const unsigned char *arena) {
  SquaredNorm::run(partial, arena, squared_norm_1_places, 2);
}
JEPA_LAUNCH_INFO(squared_norm_1, 2, SquaredNorm)

JEPA_TABLE ParameterPlace adamw_0_places[4] = {
    {33024, 33088, 33152, 33216, 33280, 33344, 0, 181568, 1, 0, 0},
    {33408, 49856, 66304, 82752, -1, -1, 64, 181568, 4099, 1, 1},
    {99200, 115584, 131968, 148352, 164736, 172928, 16512, 181632, 4096, 3, 0},
    {181120, 181248, 181376, -1, 181504, -1, 32896, 181632, 30, 4, 1}};
JEPA_KERNEL(AdamW::threads) adamw_0(unsigned char *arena, const float *hyper) {
  AdamW::run(arena, adamw_0_places, 4, hyper);
}
JEPA_LAUNCH_INFO(adamw_0, 2, AdamW)

JEPA_KERNEL(128) sum_all(float *to, const float *from, int count, float scale) { SumAll::run(to, from, count, scale); }
