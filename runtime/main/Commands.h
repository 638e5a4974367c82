//===- Commands.h - what an artifact can do ------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_MAIN_COMMANDS_H
#define JEPA_RUNTIME_MAIN_COMMANDS_H

#include <string>
#include <vector>

namespace jepa::rt {

/// Runs the command line `words` (without the program's name) of the artifact
/// that this process was started from, and returns the exit code. Everything
/// that goes wrong is thrown.
int runCommand(const std::string &program, const std::vector<std::string> &words);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_MAIN_COMMANDS_H
