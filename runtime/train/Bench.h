//===- Bench.h - how fast a specialised binary is ------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_TRAIN_BENCH_H
#define JEPA_RUNTIME_TRAIN_BENCH_H

#include "runtime/train/Program.h"

#include <cstdint>
#include <string>

namespace jepa::rt {

struct BenchOptions {
  std::int64_t steps = 10;
  std::uint64_t seed = 0;
  bool profile = false; ///< also one entry per product of the step
  /// Resident bytes before the arena was made.
  std::int64_t residentBefore = 0;
};

/// Times steps on seeded random clips and masks (medians), and then each of the
/// step's own products alone: their FLOPs over their times are the ceiling.
/// Outside tools read the keys.
Json bench(const Program &program, const BenchOptions &options);

/// The same for people.
std::string benchText(const Json &result);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_TRAIN_BENCH_H
