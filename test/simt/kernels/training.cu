//===- training.cu - what surrounds the layers, as it is emitted ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "adamw.cuh"
#include "fill.cuh"
#include "power_loss.cuh"

using namespace jepa::device;

// Three clips of 13 tokens: all count, the first *length of each do, or those of three packed samples. In blocks of 32.
#define LOSS(name, width, T, exponent, weights)                                                                        \
  JEPA_KERNEL(PowerLoss<width>::threads)                                                                               \
  power_loss_##name(float *partial, const T *predicted, const float *target, [[maybe_unused]] const int *limit) {      \
    PowerLoss<width>::run(partial, predicted, target, weights, exponent);                                              \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(power_loss_##name, 4, PowerLoss<width>)                                                             \
  JEPA_KERNEL(SumAll::threads) power_loss_sum_##name(float *to, const float *from) {                                   \
    SumAll::run(to, from, 2, 1.0f / exponent);                                                                         \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(power_loss_sum_##name, 2, SumAll)                                                                   \
  JEPA_KERNEL(PowerLossGrad<width>::threads)                                                                           \
  power_loss_grad_##name(T *predictedGrad, const float *lossGrad, const T *predicted, const float *target,             \
                         [[maybe_unused]] const int *limit) {                                                          \
    PowerLossGrad<width>::run(predictedGrad, lossGrad, predicted, target, weights, exponent);                          \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(power_loss_grad_##name, 5, PowerLossGrad<width>)

#define ARGUMENTS(...) __VA_ARGS__
LOSS(42_clips, 42, float, 1.5f, ARGUMENTS(TokenWeights{39, 13, nullptr, nullptr, 0}))
LOSS(42_length, 42, float, 1.0f, ARGUMENTS(TokenWeights{39, 13, limit, nullptr, 0}))
LOSS(42_packed, 42, float, 2.0f, ARGUMENTS(TokenWeights{39, 39, nullptr, limit, 3}))
LOSS(400_clips, 400, bf16, 1.0f, ARGUMENTS(TokenWeights{39, 13, nullptr, nullptr, 0}))
LOSS(400_length, 400, bf16, 2.0f, ARGUMENTS(TokenWeights{39, 13, limit, nullptr, 0}))
LOSS(400_packed, 400, bf16, 1.5f, ARGUMENTS(TokenWeights{39, 39, nullptr, limit, 3}))

// Two modules' gradients are clipped apart, each by two blocks' sums; the last parameter has no teacher, the second no
// copies.
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

JEPA_KERNEL(SumAll::threads) squared_norm_0_sum(float *to, const float *from) { SumAll::run(to, from, 2, 1.0f); }
JEPA_LAUNCH_INFO(squared_norm_0_sum, 2, SumAll)
JEPA_KERNEL(SumAll::threads) squared_norm_1_sum(float *to, const float *from) { SumAll::run(to, from, 2, 1.0f); }
JEPA_LAUNCH_INFO(squared_norm_1_sum, 2, SumAll)

// A mean of all numbers of a tensor, in a block for each 4096 of them, and its adjoint, the same number everywhere.
#define MEAN(name, T, count, chunks)                                                                                   \
  JEPA_KERNEL(SumChunks::threads) mean_chunks_##name(float *partial, const T *from) {                                  \
    SumChunks::run(partial, from, count);                                                                              \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(mean_chunks_##name, 2, SumChunks)                                                                   \
  JEPA_KERNEL(SumAll::threads) mean_sum_##name(float *to, const float *from) {                                         \
    SumAll::run(to, from, chunks, 1.0f / count);                                                                       \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(mean_sum_##name, 2, SumAll)                                                                         \
  JEPA_KERNEL(Fill::threads) splat_##name(T *to, const float *value) { Fill::run(to, toFloat(*value), count); }        \
  JEPA_LAUNCH_INFO(splat_##name, 2, Fill)

MEAN(one, float, 1, 1)
MEAN(float, float, 4099, 2)
MEAN(bf16, bf16, 8191, 2)
MEAN(whole, bf16, 1024, 1)
