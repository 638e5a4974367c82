//===- math.cuh - functions of one number ---------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#pragma once

#include "types.cuh"

namespace jepa::device {

inline constexpr float log2OfE = 1.4426950408889634f;
inline constexpr float ln2 = 0.6931471805599453f;
/// NVRTC has no INFINITY.
JEPA_DEVICE float infinity() { return bitsToFloat(0x7f800000); }

/// x times the normal distribution at x: the erf form, not the tanh one.
JEPA_DEVICE float gelu(float x) { return 0.5f * x * (1.0f + erff(x * 0.7071067811865476f)); }

/// The derivative of gelu at x: the distribution, plus x times the density.
JEPA_DEVICE float geluGrad(float x) {
  float density = 0.3989422804014327f * exp2Fast(-0.5f * log2OfE * x * x);
  return 0.5f * (1.0f + erff(x * 0.7071067811865476f)) + x * density;
}

/// |x|^exponent and its derivative with respect to x, which is zero at zero. An exponent of 1 or 2 takes no power.
JEPA_DEVICE float powerOf(float x, float exponent) {
  float size = fabsf(x);
  return exponent == 1.0f ? size : exponent == 2.0f ? x * x : powf(size, exponent);
}
JEPA_DEVICE float powerGrad(float x, float exponent) {
  if (x == 0.0f)
    return 0.0f;
  float slope = exponent == 1.0f   ? 1.0f
                : exponent == 2.0f ? 2.0f * fabsf(x)
                                   : exponent * powf(fabsf(x), exponent - 1.0f);
  return x < 0.0f ? -slope : slope;
}

} // namespace jepa::device
