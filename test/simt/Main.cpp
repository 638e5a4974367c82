//===- Main.cpp - runs the cases, or their mutants ------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// usage: PROGRAM [--seeds N] [--digests] [--mutate] [--survivors FILE] [NAME...]
//
// Every case (whose name contains a NAME) runs under each order of threads with
// N seeds; with 0 seeds it runs once. --digests prints a line for each that passed, with the hash of its
// results. --mutate leaves out one barrier, wait or fence at a time, each in a
// process of its own, and fails if a mutant passes all cases of its kernel.
// With --survivors these are appended to FILE instead, for a second program that
// sees more: it reads the file, when it is there, and tries only those.
//
//===----------------------------------------------------------------------===//
#include "simt/Cases.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace simt;

std::vector<Case> &simt::cases() {
  static std::vector<Case> all;
  return all;
}

void Run::remember(const void *data, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i)
    hash = (hash ^ static_cast<const unsigned char *>(data)[i]) * 0x100000001b3;
}

void Run::compareValues(const char *what, const std::vector<double> &got, const std::vector<double> &expected,
                        double tolerance) {
  if (got.size() != expected.size())
    throw Wrong(std::string(what) + ": " + std::to_string(got.size()) + " numbers, not " +
                std::to_string(expected.size()));
  double largest = 0;
  for (double x : expected)
    largest = std::fmax(largest, std::isfinite(x) ? std::fabs(x) : 0);
  for (std::size_t i = 0; i < got.size(); ++i) {
    bool same = std::isnan(expected[i])   ? std::isnan(got[i])
                : std::isinf(expected[i]) ? got[i] == expected[i]
                                          : std::fabs(got[i] - expected[i]) <= tolerance * largest;
    if (!same)
      throw Wrong(std::string(what) + "[" + std::to_string(i) + "] is " + std::to_string(got[i]) + ", not " +
                  std::to_string(expected[i]) + " (the largest: " + std::to_string(largest) + ")");
  }
}

/// The schedules of a run with some seeds.
static std::vector<Options> schedules(unsigned seeds) {
  if (seeds == 0)
    return {{}};
  std::vector<Options> all;
  for (unsigned seed = 1; seed <= seeds; ++seed)
    for (Order order : {Order::FirstIn, Order::LastIn, Order::Shuffled}) {
      // The first seeds meet all of early, late and mixed landings, with each order.
      auto landing = static_cast<Landing>((seed + static_cast<unsigned>(order)) % 3);
      all.push_back({order, landing, seed});
    }
  return all;
}

static std::string text(const Options &options) {
  const char *orders[] = {"first in", "last in", "shuffled"}, *landings[] = {"at once", "late", "either"};
  return std::string(orders[int(options.order)]) + ", landing " + landings[int(options.landing)] + ", seed " +
         std::to_string(options.seed);
}

/// What is wrong with a case under a schedule; `digest` is what an earlier run left, if any.
static std::optional<std::string> check(const Case &its, const Options &options, std::optional<std::uint64_t> &digest) {
  try {
    Run run(options);
    its.body(run);
    if (digest && *digest != run.digest())
      return "other bits than in another schedule";
    digest = run.digest();
  } catch (const std::exception &error) {
    return error.what();
  }
  return {};
}

static int runCases(const std::vector<Case> &chosen, unsigned seeds, bool digests) {
  int failures = 0;
  for (const Case &its : chosen) {
    std::optional<std::uint64_t> digest;
    bool passes = true;
    for (Options options : schedules(seeds)) {
      // Blocks on two threads of the system, now and then.
      options.workers = options.seed == 2 && !findsRaces ? 2 : 1;
      if (auto wrong = check(its, options, digest)) {
        std::printf("FAILED %s %s (%s): %s\n", its.kernel.c_str(), its.name.c_str(), text(options).c_str(),
                    wrong->c_str());
        ++failures;
        passes = false;
        break;
      }
    }
    if (digests && passes)
      std::printf("passed %s %s: %016llx\n", its.kernel.c_str(), its.name.c_str(),
                  static_cast<unsigned long long>(*digest));
    std::fflush(stdout);
  }
  std::printf("%zu cases, %d failed\n", chosen.size(), failures);
  return failures ? 1 : 0;
}

/// Whether a kernel's cases notice that the site is left out.
static bool notices(const std::vector<Case> &its, int site, unsigned seeds) {
  std::fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    // Of the processor's time: a loaded machine is no reason.
    rlimit limit{120, 120};
    setrlimit(RLIMIT_CPU, &limit);
    if (!std::freopen("/dev/null", "w", stderr))
      _exit(2);
    sites().recording = false;
    std::map<const Case *, std::optional<std::uint64_t>> digests;
    for (const Case &one : its)
      check(one, {}, digests[&one]);
    sites().dropped = site;
    for (const Options &options : schedules(seeds))
      for (const Case &one : its)
        if (check(one, options, digests[&one]))
          _exit(1);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static int mutate(const std::vector<Case> &chosen, unsigned seeds, const char *survivorFile) {
  std::map<std::string, std::vector<Case>> kernels;
  for (const Case &its : chosen)
    kernels[its.kernel].push_back(its);
  std::optional<std::set<std::string>> wanted;
  if (survivorFile)
    if (std::ifstream file(survivorFile); file) {
      wanted.emplace();
      for (std::string line; std::getline(file, line);)
        wanted->insert(line);
    }
  std::vector<std::string> survivors;
  int mutants = 0;
  for (const auto &[kernel, its] : kernels) {
    if (wanted && !std::any_of(wanted->begin(), wanted->end(),
                               [&](const std::string &name) { return name.starts_with(kernel + ":"); }))
      continue;
    sites() = {};
    sites().recording = true;
    for (const Case &one : its) {
      std::optional<std::uint64_t> digest;
      if (auto wrong = check(one, {}, digest)) {
        std::printf("FAILED %s %s: %s\n", kernel.c_str(), one.name.c_str(), wrong->c_str());
        return 1;
      }
    }
    std::vector<std::pair<int, std::string>> places;
    for (std::size_t site = 0; site < sites().seen.size(); ++site) {
      const Site &place = sites().seen[site];
      std::string file = place.file;
      std::string name = kernel + ": " + place.what + " at " + file.substr(file.rfind('/') + 1) + ":" +
                         std::to_string(place.line) + ":" + std::to_string(place.column);
      if (!wanted || wanted->count(name))
        places.emplace_back(static_cast<int>(site), name);
    }
    // A control: what changes nothing must not be noticed.
    if (!places.empty() && notices(its, INT_MAX, seeds)) {
      std::printf("FAILED %s: fails in a process of its own, with nothing left out\n", kernel.c_str());
      return 1;
    }
    mutants += static_cast<int>(places.size());
    for (const auto &[site, name] : places)
      if (!notices(its, site, seeds))
        survivors.push_back(name);
  }
  for (const std::string &name : survivors)
    std::printf("survived: %s\n", name.c_str());
  std::printf("%d mutants, %zu survived\n", mutants, survivors.size());
  if (survivorFile && !wanted) {
    std::ofstream file(survivorFile);
    for (const std::string &name : survivors)
      file << name << '\n';
    return file ? 0 : 1;
  }
  return survivors.empty() ? 0 : 1;
}

int main(int argc, char **argv) {
  unsigned seeds = 3;
  bool mutants = false, digests = false;
  const char *survivorFile = nullptr;
  std::vector<std::string> names;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--seeds") && i + 1 < argc)
      seeds = static_cast<unsigned>(std::atoi(argv[++i]));
    else if (!std::strcmp(argv[i], "--survivors") && i + 1 < argc)
      survivorFile = argv[++i];
    else if (!std::strcmp(argv[i], "--digests"))
      digests = true;
    else if (!std::strcmp(argv[i], "--mutate"))
      mutants = true;
    else if (argv[i][0] == '-')
      return std::fprintf(stderr, "usage: %s [--seeds N] [--digests] [--mutate] [--survivors FILE] [NAME...]\n", argv[0]), 2;
    else
      names.push_back(argv[i]);
  }
  std::vector<Case> chosen;
  for (const Case &its : cases()) {
    bool wanted = names.empty();
    for (const std::string &name : names)
      wanted = wanted || (its.kernel + " " + its.name).find(name) != std::string::npos;
    if (wanted)
      chosen.push_back(its);
  }
  if (chosen.empty())
    return std::fprintf(stderr, "error: no such case\n"), 2;
  return mutants ? mutate(chosen, seeds, survivorFile) : runCases(chosen, seeds, digests);
}
