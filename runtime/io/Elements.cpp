//===- Elements.cpp - conversion between element types -------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/io/Elements.h"

#include "runtime/core/BFloat16.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

using namespace jepa::rt;

float jepa::rt::halfToFloat(std::uint16_t bits) {
  std::uint32_t sign = std::uint32_t(bits & 0x8000) << 16, exponent = bits >> 10 & 31,
                fraction = bits & 1023;
  if (exponent == 31)
    return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  if (exponent == 0) // zero and subnormals: fraction * 2^-24 is exact
    return std::copysign(std::ldexp(static_cast<float>(fraction), -24), sign ? -1.0F : 1.0F);
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

/// Whether I32 holds `value`.
template <typename T> static bool fitsI32(T value) {
  using Limits = std::numeric_limits<std::int32_t>;
  if constexpr (std::is_floating_point_v<T>)
    if (!(value == std::floor(value)))
      return false;
  return static_cast<double>(value) >= Limits::min() && static_cast<double>(value) <= Limits::max();
}

template <typename Stored, typename To, typename Decode>
static std::int64_t convert(const void *source, std::int64_t count, void *to, Decode &&decode) {
  const char *in = static_cast<const char *>(source);
  char *out = static_cast<char *>(to);
  for (std::int64_t i = 0; i < count; ++i, in += sizeof(Stored), out += sizeof(To)) {
    Stored stored;
    std::memcpy(&stored, in, sizeof(Stored));
    auto value = decode(stored);
    if constexpr (std::is_same_v<To, std::int32_t>)
      if (!fitsI32(value))
        return i;
    To converted = static_cast<To>(value);
    std::memcpy(out, &converted, sizeof(To));
  }
  return -1;
}

template <typename To>
static std::int64_t convertTo(ElementType from, const void *source, std::int64_t count, void *to) {
  auto same = [](auto value) { return value; };
  switch (from) {
  case ElementType::F64:
    return convert<double, To>(source, count, to, same);
  case ElementType::F32:
    return convert<float, To>(source, count, to, same);
  case ElementType::F16:
    return convert<std::uint16_t, To>(source, count, to, halfToFloat);
  case ElementType::BF16:
    return convert<BFloat16, To>(source, count, to, [](BFloat16 value) { return float(value); });
  case ElementType::I64:
    return convert<std::int64_t, To>(source, count, to, same);
  case ElementType::I32:
    return convert<std::int32_t, To>(source, count, to, same);
  case ElementType::U8:
    return convert<std::uint8_t, To>(source, count, to, same);
  case ElementType::Other:
    break;
  }
  return 0;
}

std::int64_t jepa::rt::convertElements(ElementType from, const void *source, std::int64_t count,
                                       DType dtype, void *to) {
  switch (dtype) {
  case DType::F32:
    return convertTo<float>(from, source, count, to);
  case DType::F64:
    return convertTo<double>(from, source, count, to);
  case DType::I32:
    return convertTo<std::int32_t>(from, source, count, to);
  case DType::BF16:
    return convertTo<BFloat16>(from, source, count, to);
  }
  return 0;
}
