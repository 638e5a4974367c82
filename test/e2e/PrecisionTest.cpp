//===- PrecisionTest.cpp - binaries that compute in bf16 -------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Against the reference vectors, as far as bf16 goes.
//
//===----------------------------------------------------------------------===//
#include "Binary.h"

#include "runtime/core/CpuFeatures.h"
#include "runtime/io/Safetensors.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <regex>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

const std::string vectors = JEPAC_SHARED_DIR "/vectors/vjepa-tiny.safetensors";
const std::string bf16 = "vjepa-tiny --dtype bf16 ";

class LowPrecision : public ::testing::Test {
protected:
  void SetUp() override {
    if (!std::filesystem::exists(vectors))
      GTEST_SKIP() << vectors << " is not there";
  }
};

/// The options of a build: which code computes in bf16.
class Precision : public LowPrecision, public ::testing::WithParamInterface<std::string> {};

} // namespace

TEST_P(Precision, ForwardAndGradientsHold) {
  std::string found = Binary(bf16 + "--taps " + GetParam()).replay(vectors);
  expectCloseInBf16(found, vectors);
}

TEST_P(Precision, PlainStepsGiveLosses) {
  std::string found = Binary(bf16 + GetParam()).replay(vectors, 3);
  expectClose(found, vectors, {3e-2, 0, 0}, [](std::string_view name) { return name == "losses"; });
}

INSTANTIATE_TEST_SUITE_P(
    Code, Precision,
    ::testing::Values("--target cpu", "--target reference", "--target cpu --cpu-features x86-64-v3",
                      "--target cpu --cpu-features x86-64-v4", "--target cpu --cpu-features native,-amx-bf16"),
    [](const auto &info) { return std::regex_replace(std::string(info.param).substr(9), std::regex("[^a-z0-9]+"), "_"); });

TEST_F(LowPrecision, EmbedStoresItsWeightsInLowPrecision) {
  Binary binary(bf16 + "--task embed --taps");
  expectClose(binary.replay(vectors), vectors, {3e-2, 0, 0},
              [](std::string_view name) { return name.starts_with("dense."); });
  const Plan &plan = binary.plan();
  EXPECT_EQ(plan.at("encoder.blocks.0.attn.qkv.weight").dtype, DType::BF16);
  EXPECT_EQ(plan.at("encoder.blocks.0.attn.qkv.bias").dtype, DType::F32);
  EXPECT_EQ(plan.at("encoder.norm.weight").dtype, DType::F32);
}

TEST_F(LowPrecision, ThreadsChangeNoBit) {
  Binary binary(bf16 + "--taps --target cpu");
  std::string alone = binary.replay(vectors, 3, 1);
  expectSame(binary.replay(vectors, 3, 2), alone);
}

TEST_F(LowPrecision, TapsChangeNoBit) {
  std::string tapped = Binary(bf16 + "--taps --target cpu").replay(vectors, 3);
  expectClose(tapped, Binary(bf16 + "--target cpu").replay(vectors, 3), {0, 0, 0});
}

TEST_F(LowPrecision, WithoutThePassNumbersAreThoseOfF32) {
  std::string found = Binary(bf16 + "--taps --disable-pass mixed-precision").replay(vectors);
  expectSame(found, Binary("vjepa-tiny --taps").replay(vectors));
}

TEST(PrecisionErrors, CodeForAnotherProcessorIsRefused) {
  std::string feature;
  for (const char *name : {"avx512fp16", "sse4a"})
    if (!cpuHas(name))
      feature = name;
  if (feature.empty())
    GTEST_SKIP() << "this processor has every feature that the test knows";
  Binary binary("vjepa-tiny --task embed --cpu-features native,+" + feature);
  for (const char *command : {" bench", " replay --inputs in --outputs out"}) {
    Outcome outcome = runShell(binary.path() + command);
    EXPECT_EQ(outcome.code, 1) << command;
    EXPECT_EQ(outcome.error, "error: this processor lacks what the binary was built for: " + feature +
                                 "; build it again here, or with --cpu-features x86-64-v3\n");
  }
  // What it is can be asked anywhere.
  Json info = binary.info();
  ASSERT_EQ(info.at("cpu_features_missing").asArray().size(), 1U);
  EXPECT_EQ(info.at("cpu_features_missing").asArray()[0].asString(), feature);
  EXPECT_GT(info.at("cpu_features").asArray().size(), 1U);
  EXPECT_HAS(runShell(binary.path() + " info").output, "(this processor lacks " + feature + ")\n");
}

TEST(PrecisionErrors, ProcessorsThatDoNotExistAreRefused) {
  Outcome outcome = runJepac("build vjepa-tiny --cpu-features pentium-ninety -o /dev/null");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.error, "error: --cpu-features pentium-ninety: there is no processor 'pentium-ninety'; use native, "
                           "x86-64-v3, x86-64-v4, or a name that clang -march takes\n");
}
