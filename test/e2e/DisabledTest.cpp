//===- DisabledTest.cpp - every pass can be left out --------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Against the reference vectors, with one pass off at a time: what is left
// must compute the same. What a build cannot do without is in UsageTest.cpp.
//
//===----------------------------------------------------------------------===//
#include "Binary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

const std::string vectors = JEPAC_SHARED_DIR "/vectors/vjepa-tiny.safetensors";

struct Case {
  std::string pass, options;
};

/// gtest prints it with the name of a test that fails.
void PrintTo(const Case &c, std::ostream *os) { *os << c.options << " without " << c.pass; }

class Disabled : public ::testing::TestWithParam<Case> {};

/// The passes that may change something in a build with these options.
std::vector<Case> allCases() {
  const std::pair<const char *, std::vector<const char *>> builds[] = {
      {"", {"fuse-attention", "prune-tokens", "merge-masks", "fuse-epilogues", "outline-layers"}},
      {"--target reference", {"prune-tokens", "merge-masks", "outline-layers"}},
      {"--dtype bf16", {"prune-tokens", "merge-masks", "mixed-precision", "read-masters", "fuse-epilogues", "outline-layers"}},
      {"--masks packed", {"merge-masks", "fuse-epilogues", "outline-layers"}},
      {"--masks published", {"prune-tokens", "merge-masks", "fuse-epilogues"}},
      {"--memory-limit 6450KiB", {"merge-masks", "fuse-epilogues", "outline-layers"}},
      {"--memory-limit 16MiB", {"rematerialize"}},
      {"--task embed", {"fuse-epilogues", "outline-layers", "pack-weights"}},
  };
  std::vector<Case> cases;
  for (const auto &[options, passes] : builds)
    for (const char *pass : passes)
      cases.push_back({pass, options});
  return cases;
}

} // namespace

TEST_P(Disabled, TheRestComputesTheSame) {
  if (!std::filesystem::exists(vectors))
    GTEST_SKIP() << vectors << " is not there";
  auto [pass, options] = GetParam();
  Binary binary("vjepa-tiny --taps " + options + " --disable-pass " + pass);
  const std::string &pipeline = binary.plan().pipeline;
  EXPECT_EQ(pipeline.find("jepa-" + pass), std::string::npos) << pipeline;
  EXPECT_EQ(std::count(pipeline.begin(), pipeline.end(), '('), std::count(pipeline.begin(), pipeline.end(), ')'));
  if (options == "--dtype bf16" && pass != "mixed-precision")
    return expectCloseInBf16(binary.replay(vectors), vectors);
  bool dense = options == "--task embed";
  expectClose(binary.replay(vectors, 3), vectors, {},
              [&](std::string_view name) { return name.starts_with("dense.") == dense; });
}

INSTANTIATE_TEST_SUITE_P(Passes, Disabled, ::testing::ValuesIn(allCases()), [](const auto &info) {
  std::string name = info.param.options + "_without_" + info.param.pass;
  name.erase(0, name.find_first_not_of("-_"));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
});
