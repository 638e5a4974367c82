//===- RandomStream.h - a keyed stream of random numbers ------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_MASKING_RANDOMSTREAM_H
#define JEPA_RUNTIME_MASKING_RANDOMSTREAM_H

#include <cstdint>
#include <initializer_list>

namespace jepa::rt {

/// Random numbers that are a function of a key, such as {seed, step, sample}:
/// whoever asks in whatever order gets the same, so that neither threads nor a
/// resumed run change a draw. splitmix64 over the hash of the key.
class RandomStream {
public:
  RandomStream(std::initializer_list<std::uint64_t> key) {
    for (std::uint64_t word : key)
      state = mix(state ^ word) + 0x9e3779b97f4a7c15u;
  }

  std::uint64_t bits() { return mix(state += 0x9e3779b97f4a7c15u); }

  /// Uniform in [0, 1), a multiple of 2^-53.
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// Uniform in [0, count); `count` is at least 1.
  std::int64_t below(std::int64_t count) {
    auto range = static_cast<std::uint64_t>(count);
    std::uint64_t excess = (0 - range) % range; // 2^64 mod range: values that would favour small results
    std::uint64_t value = bits();
    while (value < excess)
      value = bits();
    return static_cast<std::int64_t>(value % range);
  }

private:
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  std::uint64_t state = 0x853c49e6748fea9bu;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_MASKING_RANDOMSTREAM_H
