//===- KernelHarness.h - compile a program and run it in the test ---------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_TEST_UNIT_COMPILER_KERNELHARNESS_H
#define JEPA_TEST_UNIT_COMPILER_KERNELHARNESS_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace jepa::test {

/// A function `jepa_run` of jepa ops, compiled for a target into this process, with its arena. Inputs, results and
/// parameters are found by name.
class Program {
public:
  /// Fails the current test and leaves an empty program where `text` does not compile.
  /// `features` is a processor as `--cpu-features` takes it.
  Program(const std::string &text, const std::string &target, std::int64_t maxThreads = 64,
          const std::string &features = "native");

  explicit operator bool() const { return state != nullptr; }
  void run() const;

  template <class T = float> T *data(const std::string &name) const { return static_cast<T *>(address(name)); }
  std::int64_t size(const std::string &name) const;
  /// The numbers in a buffer of f32 or bf16.
  std::vector<float> get(const std::string &name) const;
  /// Numbers between -scale and scale, the same for the same seed, rounded to what the buffer holds.
  void fill(const std::string &name, unsigned seed, float scale = 1.0f) const;

private:
  struct State;
  void *address(const std::string &name) const;

  std::shared_ptr<State> state;
};

/// max |a - b| / max |b|.
double relativeError(const std::vector<float> &a, const std::vector<double> &b);

} // namespace jepa::test

#endif // JEPA_TEST_UNIT_COMPILER_KERNELHARNESS_H
