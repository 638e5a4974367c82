//===- types.cuh - numbers, and vectors of them ---------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#pragma once

#include "launch.cuh"

namespace jepa::device {

/// The upper half of a float.
struct bf16 {
  unsigned short bits;
};

JEPA_DEVICE float toFloat(float x) { return x; }
JEPA_DEVICE float toFloat(bf16 x) { return bitsToFloat(static_cast<unsigned>(x.bits) << 16); }

/// Two numbers of type T, each the nearest, ties to even; `low` is the first in memory.
template <class T> JEPA_DEVICE unsigned packPair(float low, float high);
template <> JEPA_DEVICE unsigned packPair<bf16>(float low, float high) { return packBf16(low, high); }
#ifdef JEPA_HOPPER
/// Sign, four bits of exponent and three of mantissa. There is no infinity; the largest is 448, the smallest 2^-9.
struct e4m3 {
  unsigned char bits;
};
template <> JEPA_DEVICE unsigned packPair<e4m3>(float low, float high) { return packE4m3(low, high); }
#endif
/// One of them.
template <class T> JEPA_DEVICE T fromFloat(float x) { return {static_cast<decltype(T::bits)>(packPair<T>(x, 0.0f))}; }
template <> JEPA_DEVICE float fromFloat<float>(float x) { return x; }

/// N numbers that one instruction loads or stores: at most 16 bytes, aligned to their size.
template <class T, int N> struct alignas(sizeof(T) * N) Vector {
  static_assert(sizeof(T) * N <= 16);
  T values[N];
};

/// The widest vector of T that divides `count` elements.
template <class T> JEPA_CONSTANT int vectorWidth(int count) {
  int width = 16 / static_cast<int>(sizeof(T));
  while (count % width)
    width /= 2;
  return width;
}

/// How many of `count` numbers, at an address that is a multiple of `align` of them, one instruction loads or stores.
template <class T> JEPA_CONSTANT int pieceOf(int count, int align) {
  int piece = count < align ? count : align, most = 16 / static_cast<int>(sizeof(T));
  return piece < most ? piece : most;
}

template <int N, class T> JEPA_DEVICE Vector<T, N> toVector(const float *values) {
  Vector<T, N> vector;
  if constexpr (sizeof(T) < 4 && N % 2 == 0) {
    JEPA_UNROLL
    for (int i = 0; i < N; i += 2) {
      unsigned pair = packPair<T>(values[i], values[i + 1]);
      vector.values[i].bits = static_cast<decltype(T::bits)>(pair);
      vector.values[i + 1].bits = static_cast<decltype(T::bits)>(pair >> 8 * sizeof(T));
    }
  } else {
    JEPA_UNROLL
    for (int i = 0; i < N; ++i)
      vector.values[i] = fromFloat<T>(values[i]);
  }
  return vector;
}

// Numbers from and to global memory, as floats, at an address aligned to the lesser of all of them, `Align` of them and
// 16 bytes. What is loaded nobody writes while the kernel runs; what is streamed is used once and does not stay in the
// caches.
template <int Align = 16, int N, class T> JEPA_DEVICE void load(float (&values)[N], const T *address) {
  constexpr int piece = pieceOf<T>(N, Align);
  JEPA_UNROLL
  for (int i = 0; i < N; i += piece) {
    auto vector = loadGlobal(reinterpret_cast<const Vector<T, piece> *>(address + i));
    JEPA_UNROLL
    for (int j = 0; j < piece; ++j)
      values[i + j] = toFloat(vector.values[j]);
  }
}
template <int N, class T> JEPA_DEVICE void loadStreamed(float (&values)[N], const T *address) {
  constexpr int piece = pieceOf<T>(N, N);
  JEPA_UNROLL
  for (int i = 0; i < N; i += piece) {
    auto vector = loadStreaming(reinterpret_cast<const Vector<T, piece> *>(address + i));
    JEPA_UNROLL
    for (int j = 0; j < piece; ++j)
      values[i + j] = toFloat(vector.values[j]);
  }
}
template <int Align = 16, int N, class T> JEPA_DEVICE void store(T *address, const float (&values)[N]) {
  constexpr int piece = pieceOf<T>(N, Align);
  JEPA_UNROLL
  for (int i = 0; i < N; i += piece)
    *reinterpret_cast<Vector<T, piece> *>(address + i) = toVector<piece, T>(values + i);
}
template <int N, class T> JEPA_DEVICE void storeStreamed(T *address, const float (&values)[N]) {
  constexpr int piece = pieceOf<T>(N, N);
  JEPA_UNROLL
  for (int i = 0; i < N; i += piece)
    storeStreaming(reinterpret_cast<Vector<T, piece> *>(address + i), toVector<piece, T>(values + i));
}

/// Rows of a matrix in global memory. For tiles, where the first begins, the stride and the width are multiples of 16
/// bytes.
template <class T> struct Rows {
  T *data;
  int stride; ///< elements from one row to the next
};

/// N elements of shared memory, aligned to `Align` bytes; on the host, what follows them must not be touched.
template <class T, int N, int Align = 16> struct SharedArray {
  alignas(Align) T values[N];
#ifndef __CUDACC__
  SharedGap gap;
#endif
  JEPA_DEVICE T &operator[](int i) { return values[i]; }
};

template <class T> JEPA_CONSTANT T ceilDivide(T a, T b) { return (a + b - 1) / b; }
template <class T> JEPA_CONSTANT T roundUp(T a, T b) { return ceilDivide(a, b) * b; }
template <class T> JEPA_DEVICE T smaller(T a, T b) { return a < b ? a : b; }
template <class T> JEPA_DEVICE T larger(T a, T b) { return a > b ? a : b; }

} // namespace jepa::device
