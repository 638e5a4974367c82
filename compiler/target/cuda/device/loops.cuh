//===- loops.cuh - kernels that are plain loops ---------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#pragma once

#include "math.cuh"

namespace jepa::device {

/// For what has no kernel of its own: each of the grid's threads takes every `step`-th item, from `first` on.
struct Loop {
  static constexpr int threads = 128;

  JEPA_DEVICE static long long first() { return static_cast<long long>(blockX()) * threads + threadIndex(); }
  JEPA_DEVICE static long long step() { return static_cast<long long>(gridX()) * threads; }
};

} // namespace jepa::device
