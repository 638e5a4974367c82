//===- Profile.h - where a step's time goes -------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_TRAIN_PROFILE_H
#define JEPA_RUNTIME_TRAIN_PROFILE_H

#include "runtime/core/Json.h"
#include "runtime/core/Plan.h"
#include "runtime/core/Profiler.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace jepa::rt {

/// The calls of a run, named by the plan, with the times of recorded runs.
///
/// A call's phase follows from its module path: `/adjoint` is "backward"; a
/// module whose parameters follow others is the "teacher" and the one that they
/// follow the "student"; any other module is a phase of its own name (the
/// optimizer's is "optimiser"); what stands outside of modules (losses, the
/// targets' norm) is "other".
class Profile {
public:
  /// Refers to the plan. Throws Error if it expands to an absurd number of calls.
  explicit Profile(const Plan &plan);

  /// False for a plan that does not tell its calls; then there is nothing to add.
  bool known() const { return !entries.empty(); }

  /// Adds a run of `seconds`. Throws Error unless it made the plan's calls.
  void add(const Profiler &run, double seconds);
  /// Adds what the threads of a run did, which takes longer than a plain run.
  void addThreads(const Profiler &run);

  /// [{name, seconds, share, calls, flops, achieved_flops, bytes}] of one run, in
  /// order of appearance; seconds are sums of the calls' medians.
  Json phases() const;
  /// As phases(), by what kernels compute ("product", "attention"), the longest
  /// first.
  Json kinds() const;
  /// As phases(), by kernel and phase, the longest first, with `phase`, `line`
  /// (the model's) and `busy`, the share of the threads' time spent at work.
  /// `achieved_flops` and `busy` are null where not known.
  Json kernels() const;
  /// Median seconds of a run that pass outside of calls.
  double outsideSeconds() const;

  /// The run as a Chrome trace: one complete event per call and thread (or
  /// call, where no thread was recorded), and a track with the phases.
  Json trace(const Profiler &run) const;

private:
  struct Entry {
    const Call *call;
    std::string scope, phase;
    std::vector<float> seconds; ///< of each added run
    double busy = 0, lasted = 0;
  };
  void expand(std::size_t function, const std::string &scope);
  std::string phaseOf(const std::string &scope) const;
  void check(const Profiler &run) const;
  static Json callEvent(const Entry &entry, std::size_t thread, const Profiler::Span &span,
                        std::optional<double> busy = std::nullopt);
  template <class Key> Json table(Key &&key, bool sorted, bool details) const;

  const Plan &plan;
  std::vector<std::string> teachers, students;
  std::vector<Entry> entries;
  std::vector<double> outside; ///< of each added run
  std::size_t threadCount = 0;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_TRAIN_PROFILE_H
