//===- AttentionPartsTest.cpp - attention in parts is attention -------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// PartsModel.cpp, written both ways. Fused, the two are one program; with the
// pass off the parts run as they are, and keep their matrices of scores.
//
//===----------------------------------------------------------------------===//
#include "Binary.h"


#include <gtest/gtest.h>

#include <algorithm>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

const std::string model = "parts-model --plugin " JEPAC_PARTS_MODEL " --taps ";
const std::string parts = "--set parts=1 ";
const std::string off = "--disable-pass fuse-attention ";
const std::string f64 = "--target reference --dtype f64 ";

std::int64_t number(const Binary &binary, const char *key) { return binary.info().at(key).asInteger(); }

/// By target, dtype and masks.
class AttentionParts : public ::testing::TestWithParam<std::string> {};

} // namespace

TEST_P(AttentionParts, FusedTheyAreTheSameProgram) {
  Binary whole(model + GetParam()), fused(model + parts + GetParam());
  std::string inputs = writeInputs(whole.plan(), 41);
  expectSame(fused.replay(inputs, 3), whole.replay(inputs, 3));
  for (const char *key : {"flops_per_clip", "flops_per_clip_unpruned", "peak_bytes"})
    EXPECT_EQ(number(fused, key), number(whole, key)) << key;
}

INSTANTIATE_TEST_SUITE_P(Builds, AttentionParts,
                         ::testing::Values("--target cpu", "--target reference", "--dtype bf16", "--masks packed",
                                           "--masks published", "--task embed"),
                         [](const auto &info) { return info.param.substr(info.param.find(' ') + 1); });

TEST(AttentionPartsUnfused, GiveTheSameNumbersInF64) {
  Binary whole(model + f64), apart(model + f64 + parts + off);
  std::string inputs = writeInputs(whole.plan(), 42);
  expectClose(apart.replay(inputs, 3), whole.replay(inputs, 3), {1e-12, 1e-11, 1e-8});
}

TEST(AttentionPartsUnfused, GiveTheSameNumbersOnTheCpu) {
  for (const char *task : {"", "--task embed "}) {
    Binary whole(model + task), apart(model + task + parts + off);
    std::string inputs = writeInputs(whole.plan(), 43);
    expectClose(apart.replay(inputs, 3), whole.replay(inputs, 3), {1e-6, 1e-5, 2e-3});
  }
}

TEST(AttentionPartsUnfused, KeepTheirScores) {
  Binary fused(model + parts), apart(model + parts + off);
  // At the least the probabilities of one predictor of 2 clips, 3 heads, 24 + 32 tokens, kept for its adjoint.
  EXPECT_GT(number(apart, "peak_bytes"), number(fused, "peak_bytes") + 4 * 2 * 3 * 56 * 56);
  // Pruning stops at them: the masked encoder is computed for all tokens.
  EXPECT_GT(number(apart, "flops_per_clip"), number(fused, "flops_per_clip"));
  EXPECT_EQ(number(apart, "flops_per_clip_unpruned"), number(fused, "flops_per_clip_unpruned"));
}

TEST(AttentionPartsUnfused, ProbabilitiesThatAreReadAreRight) {
  // The teacher's and the predictors' would be several outputs of one name; embedding has one attention.
  std::string watched = "--task embed " + parts + "--set watch=1 ";
  Binary cpu(model + watched), exact(model + watched + f64), whole(model + "--task embed " + f64);
  std::string inputs = writeInputs(exact.plan(), 44), expected = exact.replay(inputs);
  expectClose(cpu.replay(inputs), expected, {});
  expectClose(expected, whole.replay(inputs), {1e-12, 0, 0});
}

TEST(AttentionPartsUnfused, RuleOutMasksThatTheyCannotCount) {
  for (const char *masks : {"published", "packed"}) {
    Outcome outcome = runJepac("build " + model + parts + off + "--masks " + masks + " -o " + temporaryPath(".binary"));
    EXPECT_EQ(outcome.code, 1) << masks;
    EXPECT_HAS(outcome.error, "test/e2e/PartsModel.cpp:");
    EXPECT_HAS(outcome.error, "error: ");
    EXPECT_EQ(std::count(outcome.error.begin(), outcome.error.end(), '\n'), 1) << outcome.error;
  }
}
