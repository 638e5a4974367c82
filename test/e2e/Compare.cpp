//===- Compare.cpp - the program that compares two safetensors files -----===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "Comparison.h"

#include "runtime/core/Error.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

using namespace jepa::rt;
using namespace jepa::rt::test;

static const char usage[] =
    "usage: e2e-compare FOUND EXPECTED [--only PREFIX]... [--skip PREFIX]...\n"
    "                   [--forward T] [--gradient T] [--final T]\n"
    "Compares every tensor of EXPECTED that is no input of replay; exits with 1 when one is\n"
    "missing or off by more than its tolerance, as max |a - b| / max |b|.\n";

static bool startsWithAny(std::string_view name, const std::vector<std::string> &prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const std::string &prefix) { return name.starts_with(prefix); });
}

static double number(const std::string &flag, const std::string &text) {
  char *end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end || !(value >= 0))
    throw usageError("'" + flag + "' takes a number that is not negative, found '" + text + "'");
  return value;
}

static int run(const std::vector<std::string> &words) {
  std::vector<std::string> files, only, skip;
  Tolerances tolerances;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].starts_with("--")) {
      files.push_back(words[i]);
      continue;
    }
    if (i + 1 == words.size())
      throw usageError("'" + words[i] + "' needs a value");
    const std::string &flag = words[i], &value = words[++i];
    if (flag == "--only")
      only.push_back(value);
    else if (flag == "--skip")
      skip.push_back(value);
    else if (flag == "--forward")
      tolerances.forward = number(flag, value);
    else if (flag == "--gradient")
      tolerances.gradient = number(flag, value);
    else if (flag == "--final")
      tolerances.final = number(flag, value);
    else
      throw usageError("no option '" + flag + "'");
  }
  if (files.size() != 2) {
    std::fputs(usage, stderr);
    return 2;
  }
  auto differences = compareFiles(files[0], files[1], tolerances, [&](std::string_view name) {
    return (only.empty() || startsWithAny(name, only)) && !startsWithAny(name, skip);
  });
  if (differences.empty())
    throw Error("'" + files[1] + "' has nothing to compare");
  std::fputs(describe(differences).c_str(), stdout);
  auto bad = std::count_if(differences.begin(), differences.end(),
                           [](const Difference &difference) { return !difference.ok(); });
  std::printf("%td of %zu tensors are off\n", bad, differences.size());
  return bad ? 1 : 0;
}

int main(int argc, char **argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const Error &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return error.exitCode;
  }
}
