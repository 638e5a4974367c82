//===- Cases.h - kernels, each against a plain loop -----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_SIMT_CASES_H
#define JEPA_TEST_SIMT_CASES_H

#include "simt/Executor.h"
#include "types.cuh"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace simt {

using jepa::device::bf16;

/// A result is not what the loops say.
struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline double value(float x) { return x; }
inline double value(bf16 x) { return jepa::device::toFloat(x); }

/// One run of a case under one schedule.
class Run {
public:
  explicit Run(const Options &options) : options(options) {}

  template <class... Parameters, class... Arguments>
  void launch(Dim3 grid, unsigned threads, std::size_t sharedBytes, void (*kernel)(Parameters...),
              Arguments &&...arguments) {
    simt::launch(options, grid, threads, sharedBytes, kernel, static_cast<Arguments &&>(arguments)...);
  }
  /// Launches as the kernel's own JEPA_LAUNCH_INFO says.
  template <class... Parameters, class... Arguments>
  void launch(Dim3 grid, const jepa::device::LaunchInfo &info, void (*kernel)(Parameters...),
              Arguments &&...arguments) {
    if (info.parameters != sizeof...(Parameters))
      throw Wrong("a kernel of " + std::to_string(sizeof...(Parameters)) + " parameters says that it has " +
                  std::to_string(info.parameters));
    launch(grid, static_cast<unsigned>(info.threads), static_cast<std::size_t>(info.sharedBytes), kernel,
           static_cast<Arguments &&>(arguments)...);
  }

  /// Throws Wrong unless max |got - expected| <= tolerance max |expected|. What is expected to be NaN must still be as
  /// `fill` left it.
  template <class T>
  void compare(const char *what, const std::vector<T> &got, const std::vector<double> &expected, double tolerance) {
    std::vector<double> values;
    for (const T &x : got) {
      values.push_back(value(x));
      remember(&x, sizeof x);
    }
    compareValues(what, values, expected, tolerance);
  }

  /// A hash of all that was compared: the same in every run, whatever the schedule.
  std::uint64_t digest() const { return hash; }
  /// The case's own random numbers, the same in every run.
  std::mt19937 random{7};

private:
  void compareValues(const char *what, const std::vector<double> &got, const std::vector<double> &expected,
                     double tolerance);
  void remember(const void *data, std::size_t bytes);

  Options options;
  std::uint64_t hash = 0xcbf29ce484222325;
};

/// Normally distributed numbers, as T holds them.
template <class T> std::vector<T> randomVector(Run &run, std::size_t count, float deviation = 1) {
  std::normal_distribution<float> normal(0, deviation);
  std::vector<T> values(count);
  for (T &x : values)
    x = jepa::device::fromFloat<T>(normal(run.random));
  return values;
}
/// Not written yet: NaN.
template <class T> std::vector<T> unwritten(std::size_t count) {
  return std::vector<T>(count, jepa::device::fromFloat<T>(NAN));
}
template <class T> std::vector<double> values(const std::vector<T> &vector) {
  std::vector<double> result;
  for (const T &x : vector)
    result.push_back(value(x));
  return result;
}

struct Case {
  std::string kernel, name; ///< what it is about, and with which numbers
  void (*body)(Run &);
};
std::vector<Case> &cases();

struct Register {
  Register(std::string kernel, std::string name, void (*body)(Run &)) {
    cases().push_back({std::move(kernel), std::move(name), body});
  }
};

} // namespace simt

#endif // JEPA_TEST_SIMT_CASES_H
