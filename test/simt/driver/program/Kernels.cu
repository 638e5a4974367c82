//===- Kernels.cu - the kernels of a small program on a device ------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "adamw.cuh"
#include "launch.cuh"
#include "power_loss.cuh"
#include "simt/driver/program/Layout.h"

using namespace jepa::device;

/// goal[clip, i] = a tenth of the context's tokens less the target's. More shared memory than a kernel has by itself.
struct MakeGoal {
  static constexpr int threads = 128;
  struct Shared {
    SharedArray<float, 64 << 8> values;
  };
};
JEPA_LAUNCH_INFO(make_goal, 3, MakeGoal)
JEPA_KERNEL(128) make_goal(float *goal, const int *context, const int *target) {
  auto &shared = sharedMemory<MakeGoal::Shared>();
  int at = threadIndex(), clip = at / WIDTH;
  if (at < BATCH * WIDTH) {
    float sum = 0.0f;
    for (int i = 0; i < CONTEXT; ++i)
      sum += static_cast<float>(context[clip * CONTEXT + i] * (at % WIDTH + 1));
    for (int i = 0; i < TARGET; ++i)
      sum -= static_cast<float>(target[clip * TARGET + i]);
    shared.values[16000 - at] = 0.1f * sum;
  }
  syncThreads();
  if (at < BATCH * WIDTH)
    goal[at] = shared.values[16000 - at];
}

/// pixels [clip, channel, frame, row, column], of floats or of bytes [clip, frame, row, column, channel].
JEPA_LAUNCH_INFO(read_clip, 3, Threads<128>)
JEPA_KERNEL(128) read_clip(float *pixels, const void *clip, const int *isBytes) {
  constexpr float mean[3] = {0.485f, 0.456f, 0.406f}, deviation[3] = {0.229f, 0.224f, 0.225f};
  constexpr int plane = PIXELS / CHANNELS;
  for (int i = threadIndex(); i < BATCH * PIXELS; i += 128) {
    int channel = i / plane % CHANNELS;
    float level = static_cast<const unsigned char *>(clip)[(i / PIXELS * plane + i % plane) * CHANNELS + channel];
    pixels[i] =
        *isBytes == 1 ? (level / 255.0f - mean[channel]) / deviation[channel] : static_cast<const float *>(clip)[i];
  }
}

JEPA_LAUNCH_INFO(loss_partial, 3, PowerLoss<WIDTH>)
JEPA_KERNEL(128) loss_partial(float *partial, const float *features, const float *goal) {
  PowerLoss<WIDTH>::run(partial, features, goal, TokenWeights{BATCH, 1, nullptr, nullptr, 0}, 2.0f);
}

JEPA_LAUNCH_INFO(loss, 3, SumAll)
JEPA_KERNEL(128) loss(float *total, float *one, const float *partial) {
  SumAll::run(total, partial, 1, 0.5f);
  if (threadIndex() == 0)
    *one = 1.0f;
}

JEPA_LAUNCH_INFO(loss_grad, 4, Threads<128>)
JEPA_KERNEL(128) loss_grad(float *grad, const float *one, const float *features, const float *goal) {
  PowerLossGrad<WIDTH>::run(grad, one, features, goal, TokenWeights{BATCH, 1, nullptr, nullptr, 0}, 2.0f);
}

JEPA_TABLE GradientPlace gradient_places[2] = {{AT_WEIGHT_GRAD, WEIGHTS, 0}, {AT_BIAS_GRAD, WIDTH, CHUNKS - 1}};
JEPA_LAUNCH_INFO(squared_norm, 2, SquaredNorm)
JEPA_KERNEL(128) squared_norm(float *partial, const unsigned char *arena) {
  SquaredNorm::run(partial, arena, gradient_places, 2);
}

JEPA_LAUNCH_INFO(gradient_norm, 2, SumAll)
JEPA_KERNEL(128) gradient_norm(float *total, const float *partial) { SumAll::run(total, partial, CHUNKS, 1.0f); }

JEPA_TABLE ParameterPlace parameter_places[2] = {
    {AT_WEIGHT, AT_M_WEIGHT, AT_V_WEIGHT, AT_TEACHER, -1, -1, AT_WEIGHT_GRAD, AT_NORM, WEIGHTS, 0, 1},
    {AT_BIAS, AT_M_BIAS, AT_V_BIAS, AT_TEACHER_BIAS, -1, -1, AT_BIAS_GRAD, AT_NORM, WIDTH, CHUNKS - 1, 0}};
JEPA_LAUNCH_INFO(adamw, 2, AdamW)
JEPA_KERNEL(128) adamw(unsigned char *arena, const float *hyper) {
  AdamW::run(arena, parameter_places, 2, hyper);
}

/// Inputs do not outlive a step: an arena may put other values in their place.
JEPA_LAUNCH_INFO(overwrite_clip, 1, Threads<128>)
JEPA_KERNEL(128) overwrite_clip(float *clip) {
  for (int i = threadIndex(); i < BATCH * PIXELS; i += 128)
    clip[i] = 1e30f;
}
