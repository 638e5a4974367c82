//===- Comparison.h - two safetensors files, tensor by tensor ------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_E2E_COMPARISON_H
#define JEPA_TEST_E2E_COMPARISON_H

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jepa::rt::test {

/// What a tensor may be off by, as max |a - b| / max |b|: `grad.*`, `final.*`
/// and everything else.
struct Tolerances {
  double forward = 1e-5, gradient = 1e-4, final = 2e-3;
  double of(std::string_view name) const;
};

struct Difference {
  std::string name;
  double error = 0, tolerance = 0;
  /// Why there is no error to speak of: missing, another shape, not finite.
  std::string problem;
  bool ok() const { return problem.empty() && error <= tolerance; }
};

/// What replay reads rather than computes: `clip`, masks and `init.*`.
bool isInput(std::string_view name);

/// Compares each tensor of `expected` that is wanted and no input. Throws
/// Error where a file cannot be read.
std::vector<Difference> compareFiles(const std::string &found, const std::string &expected,
                                     const Tolerances &tolerances = {},
                                     const std::function<bool(std::string_view)> &wanted = {});

/// The cosine between found and expected gradients of all parameters whose gradient is above 1e-6
/// of the largest, in increasing order, with their names.
std::vector<std::pair<double, std::string>> gradientCosines(const std::string &found,
                                                            const std::string &expected);

/// One line per tensor: its error and the share of its tolerance. With
/// `failuresOnly`, those that are not ok.
std::string describe(const std::vector<Difference> &differences, bool failuresOnly = false);

} // namespace jepa::rt::test

#endif // JEPA_TEST_E2E_COMPARISON_H
