//===- adamw.cuh - the optimiser's one sweep over all parameters ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Parameters are listed in a table of places in the arena and cut into chunks, one
// to a block, so one launch updates all of them, whatever their sizes. Places are
// bytes from the arena's start, multiples of 16; -1 where there is nothing.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "reduce.cuh"

namespace jepa::device {

/// A parameter with all that moves with it. Its chunks are `firstChunk` and those that follow.
struct ParameterPlace {
  long long value, first, second; ///< and the moments, of float
  long long teacher;              ///< what follows the value, of float
  long long copy, teacherCopy;    ///< what is computed with, of bf16
  long long gradient, norm;       ///< of float; the squared norm that it is clipped by
  long long count;
  int firstChunk, decays;
};

/// One of the gradients that a norm is of.
struct GradientPlace {
  long long gradient, count;
  int firstChunk;
};

/// How many numbers a block has. A table of counts n has the sum of ceil(n / chunkNumbers) chunks.
inline constexpr int chunkNumbers = 4096;

namespace detail {
/// The last of the places, in ascending order of their chunks, that begins at `chunk` or before.
template <class Place> JEPA_DEVICE const Place &placeOf(const Place *places, int count, int chunk) {
  int low = 0, high = count;
  while (high - low > 1) {
    int middle = (low + high) / 2;
    if (places[middle].firstChunk <= chunk)
      low = middle;
    else
      high = middle;
  }
  return places[low];
}

/// Calls four(i) for i and its three right neighbours, or one(i), until a block has had all of its numbers. (NVRTC has
/// no lambdas with parameters of type auto.)
template <int Threads, class Four, class One>
JEPA_DEVICE void forChunk(int chunk, long long count, Four four, One one) {
  long long begin = static_cast<long long>(chunk) * chunkNumbers, end = smaller(count, begin + chunkNumbers);
  for (long long i = begin + threadIndex() * 4; i < end; i += Threads * 4) {
    if (i + 4 <= end)
      four(i);
    else
      for (long long last = i; last < end; ++last)
        one(last);
  }
}

template <class T> JEPA_DEVICE T *arenaAt(unsigned char *arena, long long place) {
  return reinterpret_cast<T *>(arena + place);
}
} // namespace detail

/// The run's hyper-parameters, in the order in which a program passes them.
struct Hyper {
  float learningRate, weightDecay, momentum, correction1, correction2, clip, beta1, beta2, epsilon;
};

/// A block's part of the sum of squared gradients, for SumAll: partial[block]. Launch: grid (at most as many blocks as
/// there are chunks, which take turns with them).
struct SquaredNorm {
  static constexpr int threads = 128;
  struct Shared {
    SharedArray<float, 4> sums;
  };

  JEPA_DEVICE static void run(float *partial, const unsigned char *arena, const GradientPlace *places, int count) {
    auto &shared = sharedMemory<Shared>();
    const GradientPlace &last = places[count - 1];
    int chunks = last.firstChunk + static_cast<int>((last.count + chunkNumbers - 1) / chunkNumbers);
    float sum = 0.0f;
    for (int chunk = blockX(); chunk < chunks; chunk += gridX()) {
      const GradientPlace &its = detail::placeOf(places, count, chunk);
      auto *gradient = reinterpret_cast<const float *>(arena + its.gradient);
      detail::forChunk<threads>(
          chunk - its.firstChunk, its.count, [&](long long at) { sum += squares<4>(gradient + at); },
          [&](long long at) { sum += squares<1>(gradient + at); });
    }
    sum = blockSum(sum, shared.sums);
    if (threadIndex() == 0)
      partial[blockX()] = sum;
  }

private:
  template <int N> JEPA_DEVICE static float squares(const float *numbers) {
    float values[N], sum = 0.0f;
    load(values, numbers);
    JEPA_UNROLL
    for (int i = 0; i < N; ++i)
      sum += values[i] * values[i];
    return sum;
  }
};

/// AdamW with decoupled decay, the teacher's move towards the new value, and the copies of both. Where clip is positive
/// the gradient is scaled by min(1, clip / (root of norm + 1e-6)). Launch: grid (chunks).
struct AdamW {
  static constexpr int threads = 128;

  JEPA_DEVICE static void run(unsigned char *arena, const ParameterPlace *places, int count, const float *hyper) {
    const ParameterPlace its = detail::placeOf(places, count, blockX());
    Hyper h{hyper[0], hyper[1], hyper[2], hyper[3], hyper[4], hyper[5], hyper[6], hyper[7], hyper[8]};
    float norm = *detail::arenaAt<float>(arena, its.norm);
    Step step{h.clip > 0.0f ? fminf(1.0f, h.clip / (sqrtf(norm) + 1e-6f)) : 1.0f,
              its.decays ? 1.0f - h.learningRate * h.weightDecay : 1.0f, h.learningRate / h.correction1,
              1.0f / sqrtf(h.correction2)};
    detail::forChunk<threads>(
        blockX() - its.firstChunk, its.count, [&](long long at) { update<4>(arena, its, at, h, step); },
        [&](long long at) { update<1>(arena, its, at, h, step); });
  }

private:
  /// What is the same for all of a parameter's numbers.
  struct Step {
    float fit, keep, rate, inverseRoot;
  };

  template <int N>
  JEPA_DEVICE static void update(unsigned char *arena, const ParameterPlace &its, long long at, const Hyper &h,
                                 const Step &step) {
    auto numbers = [&](long long place) { return detail::arenaAt<float>(arena, place) + at; };
    auto copies = [&](long long place) { return detail::arenaAt<bf16>(arena, place) + at; };
    float value[N], first[N], second[N], gradient[N], teacher[N];
    loadStreamed(value, numbers(its.value));
    loadStreamed(first, numbers(its.first));
    loadStreamed(second, numbers(its.second));
    loadStreamed(gradient, numbers(its.gradient));
    if (its.teacher >= 0)
      loadStreamed(teacher, numbers(its.teacher));
    JEPA_UNROLL
    for (int i = 0; i < N; ++i) {
      float g = gradient[i] * step.fit;
      first[i] = h.beta1 * first[i] + (1.0f - h.beta1) * g;
      second[i] = h.beta2 * second[i] + (1.0f - h.beta2) * g * g;
      value[i] = value[i] * step.keep - step.rate * first[i] / (sqrtf(second[i]) * step.inverseRoot + h.epsilon);
    }
    storeStreamed(numbers(its.value), value);
    storeStreamed(numbers(its.first), first);
    storeStreamed(numbers(its.second), second);
    if (its.copy >= 0)
      store(copies(its.copy), value);
    if (its.teacher < 0)
      return;
    JEPA_UNROLL
    for (int i = 0; i < N; ++i)
      teacher[i] = h.momentum * teacher[i] + (1.0f - h.momentum) * value[i];
    storeStreamed(numbers(its.teacher), teacher);
    if (its.teacherCopy >= 0)
      store(copies(its.teacherCopy), teacher);
  }
};

} // namespace jepa::device
