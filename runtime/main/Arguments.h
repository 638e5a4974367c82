//===- Arguments.h - the command line of an artifact ---------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Written by hand because a runtime must build with a C++ compiler and nothing
// else.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_MAIN_ARGUMENTS_H
#define JEPA_RUNTIME_MAIN_ARGUMENTS_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace jepa::rt {

/// An option of a command. `value` names what it takes, empty for a flag.
struct OptionSpec {
  std::string name, value, help;
  bool required = false;
  bool many = false; ///< takes all values up to the next option, any number of times
};

struct CommandSpec {
  std::string name, help;
  std::vector<OptionSpec> options;
};

/// What was given. Every error is a usage error that names the option.
class Arguments {
public:
  /// Parses what follows the command's name.
  Arguments(const CommandSpec &command, const std::vector<std::string> &words);

  bool helpWanted() const { return help; }
  bool has(const std::string &name) const { return values.count(name) != 0; }
  /// The option's value, or `otherwise`.
  std::string text(const std::string &name, const std::string &otherwise = "") const;
  const std::vector<std::string> &list(const std::string &name) const;
  /// A whole number of at least `least`.
  std::optional<std::int64_t> number(const std::string &name, std::int64_t least) const;
  /// "key=value" words, in order.
  std::vector<std::pair<std::string, std::string>> pairs(const std::string &name) const;

private:
  std::map<std::string, std::vector<std::string>> values;
  bool help = false;
};

/// The help of one command.
std::string helpText(const std::string &program, const CommandSpec &command);
/// The list of all commands.
std::string helpText(const std::string &program, const std::vector<CommandSpec> &commands);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_MAIN_ARGUMENTS_H
