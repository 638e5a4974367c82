//===- BFloat16.h - the upper half of a float -----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CORE_BFLOAT16_H
#define JEPA_RUNTIME_CORE_BFLOAT16_H

#include <bit>
#include <cstdint>

namespace jepa::rt {

/// The value of a bfloat16, which is exact.
inline float bfloatToFloat(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t(bits) << 16);
}

/// The nearest bfloat16, ties to even. Not a number stays so.
inline std::uint16_t floatToBfloat(float value) {
  auto bits = std::bit_cast<std::uint32_t>(value);
  std::uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  return static_cast<std::uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? (bits >> 16) | 0x40
                                                                     : rounded);
}

/// A bfloat16, as stored.
struct BFloat16 {
  BFloat16() = default;
  explicit BFloat16(float value) : bits(floatToBfloat(value)) {}
  operator float() const { return bfloatToFloat(bits); }

  std::uint16_t bits = 0;
};
static_assert(sizeof(BFloat16) == 2);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_CORE_BFLOAT16_H
