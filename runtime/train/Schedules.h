//===- Schedules.h - learning rate, weight decay and momentum by step ----===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The published schedules: the learning rate warms up linearly and then follows
// a cosine, weight decay follows a cosine without a warm-up, the momentum of
// the moving average is linear. Learning rate and weight decay count from one
// (they step before the forward pass), the momentum from zero (it steps after
// the optimiser). Past `schedule_steps` every schedule keeps its last value.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_TRAIN_SCHEDULES_H
#define JEPA_RUNTIME_TRAIN_SCHEDULES_H

#include "runtime/core/Plan.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace jepa::rt {

/// The optimiser's keys of `--set`. Absent optionals mean "constant".
struct OptimizerSettings {
  double lr = 1e-3;
  double weightDecay = 0.05;
  double ema = 0.998;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  /// Largest gradient norm per module; 0 leaves gradients alone.
  double clipGrad = 0;
  /// Without it, none; with a `startLr`, the published 40 of 300 parts of the run.
  std::optional<std::int64_t> warmupSteps;
  /// The rate that the warm-up starts from; without it, zero.
  std::optional<double> startLr;
  std::optional<double> finalLr;
  std::optional<double> finalWeightDecay;
  std::optional<double> finalEma;
  /// The length of every schedule; without it, 1.25 x the run's steps.
  std::optional<std::int64_t> scheduleSteps;

  /// The keys that `set` takes, in the order in which help lists them.
  static const std::vector<std::string> &keys();
  static bool isKey(std::string_view key);

  /// Sets one key from its text. Throws a usage error that names the key when
  /// the text is no number or lies outside of the key's range.
  void set(const std::string &key, const std::string &value);

  /// Refuses settings that contradict each other or would do nothing.
  void check() const;

  /// The optimiser's keys among `config`; the others are left alone.
  static OptimizerSettings
  fromConfig(const std::vector<std::pair<std::string, std::string>> &config);
};

/// What generated code reads from the plan's `hyper` buffer, by the places of
/// Plan.h's `hyper`.
using HyperVector = std::array<double, hyper::Count>;

/// The settings bound to a run's length.
class Schedules {
public:
  Schedules(const OptimizerSettings &settings, std::int64_t steps);

  /// Learning rate, weight decay and momentum of step `step`, from zero.
  double learningRate(std::int64_t step) const;
  double weightDecay(std::int64_t step) const;
  double momentum(std::int64_t step) const;

  /// The whole hyper vector of step `step`, bias corrections included.
  HyperVector at(std::int64_t step) const;

private:
  OptimizerSettings settings;
  double length, warmup;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_TRAIN_SCHEDULES_H
