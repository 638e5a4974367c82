//===- Shell.h - a program runs, and what it says is looked at -------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_UNIT_RUNTIME_MAIN_SHELL_H
#define JEPA_TEST_UNIT_RUNTIME_MAIN_SHELL_H

#include "test/unit/runtime/io/TempFolder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <sys/wait.h>

namespace jepa::rt::test {

/// What a process did.
struct Outcome {
  int code = -1; ///< exit code, or 128 + the signal
  std::string output, error;
};

/// Runs a shell command line; its streams go through files in `folder`.
inline Outcome runShell(const TempFolder &folder, const std::string &line) {
  std::string out = folder / "stdout.txt", err = folder / "stderr.txt";
  int status = std::system(("( " + line + " ) >" + out + " 2>" + err).c_str());
  Outcome outcome;
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.output = readBytes(out);
  outcome.error = readBytes(err);
  return outcome;
}

/// Expects a failure of one line.
inline void expectError(const Outcome &outcome, int code, const std::string &part) {
  EXPECT_EQ(outcome.code, code) << outcome.error;
  EXPECT_HAS(outcome.error, part);
  EXPECT_EQ(outcome.error.rfind("error: ", 0), 0U) << outcome.error;
  EXPECT_EQ(std::count(outcome.error.begin(), outcome.error.end(), '\n'), 1) << outcome.error;
}

} // namespace jepa::rt::test

#endif // JEPA_TEST_UNIT_RUNTIME_MAIN_SHELL_H
