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

/// The normal distribution at x and its density, within 3e-7: formula 7.1.26 of Abramowitz and Stegun, in half of the
/// instructions of erff, which would be what limits a sweep.
struct Normal {
  float distribution, density;
};
JEPA_DEVICE Normal normalAt(float x) {
  float t = reciprocalFast(1.0f + 0.2316419f * fabsf(x));
  float bell = exp2Fast(-0.5f * log2OfE * x * x);
  float tail = 0.5307027145f;
  tail = tail * t - 0.7265760135f;
  tail = tail * t + 0.7107068705f;
  tail = tail * t - 0.142248368f;
  tail = (tail * t + 0.127414796f) * t * bell;
  return {x > 0.0f ? 1.0f - tail : tail, 0.3989422804f * bell};
}

/// x times the normal distribution at x: the erf form, not the tanh one.
JEPA_DEVICE float gelu(float x) { return x * normalAt(x).distribution; }
/// The derivative of gelu at x.
JEPA_DEVICE float geluGrad(float x) {
  Normal normal = normalAt(x);
  return normal.distribution + x * normal.density;
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
