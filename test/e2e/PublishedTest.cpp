//===- PublishedTest.cpp - masks that are shorter than their capacity -----===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// With `--masks published`, K and M are capacities and a step's counts are run
// time lengths: the rows beyond them must count nowhere. A binary that was built
// for just these counts says what is right.
//
//===----------------------------------------------------------------------===//
#include "Binary.h"

#include <gtest/gtest.h>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

const std::string model = "vjepa-tiny --taps --set depth=2 --set reg_coeff=0.1 ";

/// Taps that have a row per token have the capacity's; all the rest is compared.
bool hasNoTokens(std::string_view name) { return !name.starts_with("mask"); }

class Published : public ::testing::TestWithParam<std::string> {
protected:
  Tolerances tolerances() const {
    return GetParam() == "cpu" ? Tolerances{} : Tolerances{1e-12, 1e-11, 1e-9};
  }
  std::string target() const {
    return GetParam() == "cpu" ? "--target cpu " : "--target reference --dtype f64 ";
  }
};

} // namespace

TEST_P(Published, ShortMasksEqualAnExactBinary) {
  Binary capacity(model + target() +
                  "--masks published --context-tokens 28,33 --target-tokens 36,34"),
      exact(model + target() + "--context-tokens 24,17 --target-tokens 32,34");
  std::string inputs = writeInputs(exact.plan(), 7);
  expectClose(capacity.replay(inputs, 2), exact.replay(inputs, 2), tolerances(), hasNoTokens);
}

TEST_P(Published, FullMasksEqualAnExactBinary) {
  std::string counts = "--context-tokens 24,17 --target-tokens 32,34 ";
  Binary capacity(model + target() + "--masks published " + counts),
      exact(model + target() + counts);
  std::string inputs = writeInputs(exact.plan(), 8);
  expectClose(capacity.replay(inputs, 2), exact.replay(inputs, 2), tolerances());
}

TEST(PublishedMasks, LongerThanTheCapacityAreRefused) {
  Binary binary(model + "--target cpu --masks published --context-tokens 28,33 --target-tokens 36,34");
  std::string inputs = writeInputs(binary.plan(), 9, {{"mask0.context", 29}});
  Outcome outcome = runShell(binary.path() + " replay --inputs " + inputs + " --outputs " +
                             temporaryPath(".safetensors"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.error.find("mask0.context"), std::string::npos) << outcome.error;
}

INSTANTIATE_TEST_SUITE_P(Targets, Published, ::testing::Values("cpu", "reference"),
                         [](const auto &info) { return info.param; });
