//===- Arguments.cpp - the command line of an artifact -------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/main/Arguments.h"

#include "runtime/core/Error.h"

#include <algorithm>
#include <charconv>

using namespace jepa::rt;

static bool isOption(const std::string &word) { return word.size() > 2 && word.starts_with("--"); }

Arguments::Arguments(const CommandSpec &command, const std::vector<std::string> &words) {
  auto hint = "; see '" + command.name + " --help'";
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--help" || words[i] == "-h") {
      help = true;
      return;
    }
    std::size_t equals = words[i].find('=');
    bool joined = isOption(words[i]) && equals != std::string::npos;
    std::string name = joined ? words[i].substr(0, equals) : words[i];
    auto option = std::find_if(command.options.begin(), command.options.end(),
                               [&](const OptionSpec &spec) { return spec.name == name; });
    if (option == command.options.end())
      throw usageError("'" + command.name + "' does not take '" + name + "'" + hint);
    bool isFlag = option->value.empty();
    if (has(name) && !option->many)
      throw usageError("'" + name + "' is given twice");
    std::vector<std::string> &taken = values[name];
    if (isFlag && joined)
      throw usageError("'" + name + "' takes no value" + hint);
    if (isFlag)
      continue;
    if (joined) {
      taken.push_back(words[i].substr(equals + 1));
      continue;
    }
    std::size_t before = taken.size();
    while (i + 1 < words.size() && !isOption(words[i + 1]) &&
           (option->many || taken.size() == before))
      taken.push_back(words[++i]);
    if (taken.size() == before)
      throw usageError("'" + name + "' needs " + option->value + hint);
  }
  for (const OptionSpec &option : command.options)
    if (option.required && !has(option.name))
      throw usageError("'" + command.name + "' needs " + option.name + " " + option.value + hint);
}

std::string Arguments::text(const std::string &name, const std::string &otherwise) const {
  auto found = values.find(name);
  return found == values.end() ? otherwise : found->second.front();
}

const std::vector<std::string> &Arguments::list(const std::string &name) const {
  static const std::vector<std::string> none;
  auto found = values.find(name);
  return found == values.end() ? none : found->second;
}

std::optional<std::int64_t> Arguments::number(const std::string &name, std::int64_t least) const {
  if (!has(name))
    return std::nullopt;
  std::string word = text(name);
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || value < least)
    throw usageError("'" + name + "' takes a whole number of at least " + std::to_string(least) +
                     ", found '" + word + "'");
  return value;
}

std::vector<std::pair<std::string, std::string>> Arguments::pairs(const std::string &name) const {
  std::vector<std::pair<std::string, std::string>> result;
  for (const std::string &word : list(name)) {
    std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      throw usageError("'" + name + "' takes key=value, found '" + word + "'");
    result.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return result;
}

std::string jepa::rt::helpText(const std::string &program, const CommandSpec &command) {
  std::string usage = "usage: " + program + " " + command.name, details;
  for (const OptionSpec &option : command.options) {
    std::string form =
        option.name + (option.value.empty() ? "" : " " + option.value) + (option.many ? "..." : "");
    usage += option.required ? " " + form : " [" + form + "]";
    form.resize(std::max<std::size_t>(form.size() + 2, 28), ' ');
    details += "  " + form + option.help + "\n";
  }
  return usage + "\n" + command.help + "\n" + (details.empty() ? "" : "\n" + details);
}

std::string jepa::rt::helpText(const std::string &program,
                               const std::vector<CommandSpec> &commands) {
  std::string text = "usage: " + program + " COMMAND ...\n\n";
  for (const CommandSpec &command : commands) {
    std::string name = command.name;
    name.resize(std::max<std::size_t>(name.size() + 2, 10), ' ');
    text += "  " + name + command.help + "\n";
  }
  return text + "\n'" + program + " COMMAND --help' lists a command's options\n";
}
