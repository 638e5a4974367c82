//===- Bench.h - how fast a specialised binary is ------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_TRAIN_BENCH_H
#define JEPA_RUNTIME_TRAIN_BENCH_H

#include "runtime/train/Program.h"

#include <cstdint>
#include <optional>
#include <string>

namespace jepa::rt {

struct BenchOptions {
  /// How many steps to time; otherwise at least five, and for `seconds`.
  std::optional<std::int64_t> steps;
  double seconds = 3;
  std::uint64_t seed = 0;
  bool profile = false; ///< also what each kernel took, and each product alone
  std::string trace;    ///< a file for a Chrome trace of one step, or empty
  /// Resident bytes before the arena was made.
  std::int64_t residentBefore = 0;
};

/// Times steps on seeded random clips and masks (medians), with what their phases
/// took, and then each of the step's own products alone: their FLOPs over their
/// times are the ceiling. `peak_resident_bytes` is what the steps needed beyond
/// the process before them, `process_peak_bytes` all of it. Outside tools read
/// the keys.
Json bench(const Program &program, const BenchOptions &options);

/// The same for people.
std::string benchText(const Json &result);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_TRAIN_BENCH_H
