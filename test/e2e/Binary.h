//===- Binary.h - build a binary and run it --------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_E2E_BINARY_H
#define JEPA_TEST_E2E_BINARY_H

#include "Comparison.h"

#include "runtime/core/Json.h"
#include "runtime/core/Plan.h"
#include "test/unit/runtime/main/Shell.h"

#include <cstdint>
#include <map>
#include <string>

namespace jepa::rt::test {

/// Runs a shell command line.
Outcome runShell(const std::string &line);
/// Runs `jepac ARGUMENTS`.
Outcome runJepac(const std::string &arguments);

/// A new name in the folder that goes away with this process.
std::string temporaryPath(const std::string &suffix);

/// A binary that `jepac build` made, for two threads unless the arguments say how many. Equal arguments give the same binary, which
/// is built once per process. One for `--target cuda` runs on a stand-in for a GPU. Throws Error with what jepac said.
class Binary {
public:
  /// With `sanitized`, one for `--target cuda` whose kernels and runtime run under AddressSanitizer and UBSan.
  explicit Binary(const std::string &arguments, bool sanitized = false);

  const std::string &path() const { return file; }
  /// What a shell puts before the path: where a GPU's stand-in is.
  std::string environment;
  const Plan &plan() const { return *contents; }
  /// What `info --json` says.
  Json info() const;
  /// Replays the inputs and returns the path of the outputs.
  std::string replay(const std::string &inputs, int steps = 1, int threads = 2) const;

private:
  std::string file;
  const Plan *contents;
};

/// Writes random inputs for a binary: a clip, strictly increasing masks, and
/// weights under which every part of the model matters. They depend on the seed
/// and the plan's names and shapes alone. `columns` shortens masks, by name.
/// The clips of a packed batch get lists of unequal lengths, and some room is left.
std::string writeInputs(const Plan &plan, unsigned seed,
                        const std::map<std::string, std::int64_t> &columns = {});

/// Clip `clip` of the inputs of a packed batch, alone: masks are [1, tokens].
std::string takeClip(const std::string &inputs, std::int64_t clip);

/// The mean of the losses and gradients of several outputs.
std::string meanOf(const std::vector<std::string> &outputs);

/// Fails the current test where tensors differ; says which and by how much.
void expectClose(const std::string &found, const std::string &expected,
                 const Tolerances &tolerances,
                 const std::function<bool(std::string_view)> &wanted = {});
/// Fails the current test where what one step of a build with taps computed in bf16 is off by more than bf16 may be:
/// forward by 3e-2, gradients by their direction, since the L1 loss flips the sign of single elements.
void expectCloseInBf16(const std::string &found, const std::string &expected);
/// As expectClose, bit by bit.
inline void expectSame(const std::string &found, const std::string &expected) {
  expectClose(found, expected, {0, 0, 0});
}

} // namespace jepa::rt::test

#endif // JEPA_TEST_E2E_BINARY_H
