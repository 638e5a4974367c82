//===- Error.h - the one exception of the runtime -------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CORE_ERROR_H
#define JEPA_RUNTIME_CORE_ERROR_H

#include <stdexcept>
#include <string>
#include <string_view>

namespace jepa::rt {

/// Text with everything that could break a line or a terminal (control
/// characters, deletes) replaced by '?'. Names in files may hold anything.
inline std::string oneLine(std::string_view text) {
  std::string line(text);
  for (char &c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      c = '?';
  return line;
}

/// A failure that the user can act upon: one line that says what, where and
/// what to do, in lower case and without a final period. It is caught in main
/// only and never crosses the C ABI. The exit code is 1 (the work failed) or
/// 2 (wrong usage).
class Error : public std::runtime_error {
public:
  explicit Error(std::string_view message, int exitCode = 1)
      : std::runtime_error(oneLine(message)), exitCode(exitCode) {}

  int exitCode;
};

/// The user asked for something that cannot be: exit code 2.
inline Error usageError(std::string_view message) { return Error(message, 2); }

} // namespace jepa::rt

#endif // JEPA_RUNTIME_CORE_ERROR_H
