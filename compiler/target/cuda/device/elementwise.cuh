//===- elementwise.cuh - GELU and its adjoint -----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#pragma once

#include "math.cuh"

namespace jepa::device {

/// to[i] = f(a[i], b[i]) for i below `count`. Launch: grid ceil(count / perBlock), 128 threads.
template <class T> struct Elementwise {
  static constexpr int threads = 128, vector = 16 / static_cast<int>(sizeof(T)), perBlock = threads * vector;

  template <class F> JEPA_DEVICE static void run(T *to, const T *a, const T *b, long long count, F f) {
    long long at = static_cast<long long>(blockX()) * perBlock + threadIndex() * vector;
    if (at + vector <= count) {
      float left[vector], right[vector];
      load(left, a + at);
      load(right, b + at);
      JEPA_UNROLL
      for (int i = 0; i < vector; ++i)
        left[i] = f(left[i], right[i]);
      store(to + at, left);
      return;
    }
    for (; at < count; ++at)
      to[at] = fromFloat<T>(f(toFloat(a[at]), toFloat(b[at])));
  }
};

/// y = gelu(x).
template <class T> JEPA_DEVICE void geluForward(T *y, const T *x, long long count) {
  Elementwise<T>::run(y, x, x, count, [](float x, float) { return gelu(x); });
}
/// dx = dy gelu'(x).
template <class T> JEPA_DEVICE void geluBackward(T *xGrad, const T *gradient, const T *x, long long count) {
  Elementwise<T>::run(xGrad, gradient, x, count, [](float dy, float x) { return dy * geluGrad(x); });
}

} // namespace jepa::device
