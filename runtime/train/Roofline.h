//===- Roofline.h - how fast a program could be ---------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_TRAIN_ROOFLINE_H
#define JEPA_RUNTIME_TRAIN_ROOFLINE_H

#include "runtime/core/Json.h"
#include "runtime/core/Plan.h"

#include <string>
#include <vector>

namespace jepa::rt {

/// What a GPU does at most, as its maker says.
struct Ceilings {
  std::string gpu, arch; ///< "A100 SXM 80GB", and the code that it runs, "sm_80"
  double bytesPerSecond;
  double flopsF32, flopsBf16, flopsE4m3; ///< each type's, without sparsity
  std::string source;
};

/// The GPUs that a program for `arch` is estimated for, the first one in detail.
std::vector<Ceilings> ceilingsOf(const std::string &arch);

/// The least time that a kernel's calls could take: that of its FLOPs or of its
/// bytes, whichever is longer.
struct KernelBound {
  std::string kernel;
  double count, flops, bytes; ///< of all its calls in one run
  double seconds;
  bool compute; ///< FLOPs take longer than bytes
};

/// The plan's kernels, the longest first. Each buffer that a call touches counts
/// once, so what is updated in place is read for nothing; caches and the time
/// between calls are left out.
std::vector<KernelBound> roofline(const Plan &plan, const Ceilings &ceilings);

/// The kernels of the first GPU and the seconds of each; null for a plan that is
/// not for a GPU or does not tell its calls.
Json rooflineJson(const Plan &plan);

/// The same in one line, or empty.
std::string rooflineText(const Plan &plan);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_TRAIN_ROOFLINE_H
