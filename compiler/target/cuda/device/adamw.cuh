//===- adamw.cuh - the optimiser's one sweep over all parameters ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Parameters are listed in a table and cut into chunks that a block takes, so
// one launch updates all of them, whatever their sizes.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "reduce.cuh"

namespace jepa::device {

/// A parameter with all that moves with it; null where there is none. All are aligned to 16 bytes.
struct Parameter {
  float *value, *first, *second; ///< and the moments
  float *teacher;
  bf16 *copy, *teacherCopy; ///< what is computed with
  const float *gradient;
  long long count;
  bool decays;
};

struct Chunk {
  static constexpr int numbers = 4096;
  int parameter;
  long long begin;
};

/// The run's hyper-parameters, in the order in which a program passes them.
struct Hyper {
  float learningRate, weightDecay, momentum, correction1, correction2, clip, beta1, beta2, epsilon;
};

/// Chunk c's sum of squared gradients: partial[c], for SumAll. Launch: grid (chunks).
struct SquaredNorm {
  static constexpr int threads = 128;
  struct Shared {
    SharedArray<float, 4> sums;
  };

  JEPA_DEVICE static void run(float *partial, const Parameter *parameters, const Chunk *chunks) {
    auto &shared = sharedMemory<Shared>();
    Chunk chunk = chunks[blockX()];
    Parameter its = parameters[chunk.parameter];
    long long end = smaller(its.count, chunk.begin + Chunk::numbers);
    float sum = 0.0f;
    for (long long i = chunk.begin + threadIndex() * 4; i < end; i += threads * 4) {
      if (i + 4 <= end) {
        float values[4];
        load(values, its.gradient + i);
        sum += values[0] * values[0] + values[1] * values[1] + values[2] * values[2] + values[3] * values[3];
      } else {
        for (long long last = i; last < end; ++last)
          sum += its.gradient[last] * its.gradient[last];
      }
    }
    sum = blockSum(sum, shared.sums);
    if (threadIndex() == 0)
      partial[blockX()] = sum;
  }
};

/// AdamW with decoupled decay, the teacher's move towards the new value, and the copies of both. Where clip is positive
/// the gradient is scaled by min(1, clip / (root of norm + 1e-6)). Launch: grid (chunks).
struct AdamW {
  static constexpr int threads = 128;

  JEPA_DEVICE static void run(const Parameter *parameters, const Chunk *chunks, const Hyper *hyper, const float *norm) {
    Chunk chunk = chunks[blockX()];
    Parameter its = parameters[chunk.parameter];
    Hyper h = *hyper;
    float fit = h.clip > 0.0f ? fminf(1.0f, h.clip / (sqrtf(*norm) + 1e-6f)) : 1.0f;
    long long end = smaller(its.count, chunk.begin + Chunk::numbers);
    for (long long i = chunk.begin + threadIndex() * 4; i < end; i += threads * 4) {
      if (i + 4 <= end)
        update<4>(its, i, h, fit);
      else
        for (long long last = i; last < end; ++last)
          update<1>(its, last, h, fit);
    }
  }

private:
  template <int N> JEPA_DEVICE static void update(const Parameter &its, long long at, const Hyper &h, float fit) {
    float value[N], first[N], second[N], gradient[N];
    loadStreamed(value, its.value + at);
    loadStreamed(first, its.first + at);
    loadStreamed(second, its.second + at);
    loadStreamed(gradient, its.gradient + at);
    JEPA_UNROLL
    for (int i = 0; i < N; ++i) {
      float g = gradient[i] * fit;
      first[i] = h.beta1 * first[i] + (1.0f - h.beta1) * g;
      second[i] = h.beta2 * second[i] + (1.0f - h.beta2) * g * g;
      if (its.decays)
        value[i] *= 1.0f - h.learningRate * h.weightDecay;
      float root = sqrtf(second[i]) / sqrtf(h.correction2) + h.epsilon;
      value[i] -= h.learningRate / h.correction1 * first[i] / root;
    }
    storeStreamed(its.value + at, value);
    storeStreamed(its.first + at, first);
    storeStreamed(its.second + at, second);
    if (its.copy)
      store(its.copy + at, value);
    if (!its.teacher)
      return;
    float teacher[N];
    loadStreamed(teacher, its.teacher + at);
    JEPA_UNROLL
    for (int i = 0; i < N; ++i)
      teacher[i] = h.momentum * teacher[i] + (1.0f - h.momentum) * value[i];
    storeStreamed(its.teacher + at, teacher);
    if (its.teacherCopy)
      store(its.teacherCopy + at, teacher);
  }
};

} // namespace jepa::device
