//===- Random.h - random numbers by counter -------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CORE_RANDOM_H
#define JEPA_RUNTIME_CORE_RANDOM_H

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace jepa::rt {

/// Philox 4x32-10 (Salmon et al., 2011): 128 random bits for a counter and a
/// key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key);

/// A number for a name, the same in every build (64-bit FNV-1a).
std::uint64_t streamOf(std::string_view name);

/// The random numbers of (seed, stream): element `index` is a function of the
/// three alone, so that any thread may draw any element in any order.
class Random {
public:
  Random(std::uint64_t seed, std::uint64_t stream);
  Random(std::uint64_t seed, std::string_view name) : Random(seed, streamOf(name)) {}

  /// 64 random bits.
  std::uint64_t bits(std::uint64_t index) const;
  /// Uniform in [0, 1), 53 bits.
  double uniform(std::uint64_t index) const;
  /// Uniform among 0 .. count-1; `count` is not 0.
  std::uint64_t below(std::uint64_t index, std::uint64_t count) const;
  /// Standard normal.
  double normal(std::uint64_t index) const;
  /// Normal with that deviation around 0, drawn again until within [-cut, cut].
  double truncatedNormal(std::uint64_t index, double std, double cut) const;
  /// The same for the indices first, first + 1, ...; twice as fast as one by one.
  void truncatedNormals(std::uint64_t first, std::span<double> values, double std,
                        double cut) const;

private:
  std::array<double, 2> normalPair(std::uint64_t pair, std::uint32_t attempt) const;
  std::array<std::uint32_t, 4> draw(std::uint64_t index, std::uint32_t attempt) const;
  std::array<std::uint32_t, 4> key; ///< (seed, stream), mixed
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_CORE_RANDOM_H
