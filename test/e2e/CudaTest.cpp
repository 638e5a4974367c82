//===- CudaTest.cpp - programs for a GPU, on a stand-in for one -----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The generated kernels, compiled for the host and run thread by thread; the
// runtime, its graph and its products as on a GPU: see test/simt/driver.
//
//===----------------------------------------------------------------------===//
#include "Binary.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <regex>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

const std::string vectors = JEPAC_SHARED_DIR "/vectors/vjepa-tiny.safetensors";
const std::string model = "vjepa-tiny --target cuda ";

class Cuda : public ::testing::Test {
protected:
  void SetUp() override {
    if (!std::filesystem::exists(vectors))
      GTEST_SKIP() << vectors << " is not there";
  }
};

bool isDense(std::string_view name) { return name.starts_with("dense."); }

/// Options of a build with taps that trains.
class CudaVectors : public Cuda, public ::testing::WithParamInterface<const char *> {};

} // namespace

TEST_P(CudaVectors, StepsGiveEveryIntermediateGradientAndWeight) {
  expectClose(Binary(model + "--taps " + GetParam()).replay(vectors, 3), vectors, {},
              [](std::string_view name) { return !isDense(name); });
}

TEST_P(CudaVectors, ForwardAndGradientsHoldInBf16) {
  expectCloseInBf16(Binary(model + "--taps --dtype bf16 " + GetParam()).replay(vectors), vectors);
}

INSTANTIATE_TEST_SUITE_P(Builds, CudaVectors,
                         ::testing::Values("", "--cuda-arch sm_80", "--masks published", "--masks packed",
                                           "--disable-pass prune-tokens", "--disable-pass merge-masks",
                                           "--disable-pass fuse-epilogues"),
                         [](const auto &info) {
                           std::string name =
                               std::regex_replace(std::string(info.param), std::regex("[^a-z0-9]+"), "_");
                           return name.empty() ? std::string("plain") : name.substr(1);
                         });

TEST_F(Cuda, APlainBinaryGivesLossesAndWeights) {
  expectClose(Binary(model).replay(vectors, 3), vectors, {},
              [](std::string_view name) { return name == "losses" || name.starts_with("final."); });
}

TEST_F(Cuda, EmbedGivesTheFeaturesOfAllTokens) {
  expectClose(Binary(model + "--task embed --taps").replay(vectors), vectors, {}, isDense);
  expectClose(Binary(model + "--task embed --taps --dtype bf16").replay(vectors), vectors, {3e-2, 0, 0}, isDense);
}

// One past the end of any buffer of the arena is not seen, since it is one piece; of any array of shared memory, it is.
TEST_F(Cuda, AStepIsCleanUnderAddressSanitizer) {
  if (!std::filesystem::exists(JEPAC_ADDRESS_RUNTIME))
    GTEST_SKIP() << "there is no sanitized runtime";
  Binary binary(model + "--taps --dtype bf16", /*sanitized=*/true);
  expectCloseInBf16(binary.replay(vectors), vectors);
}

// Whoever runs next, and however late copies and products land.
TEST_F(Cuda, TheOrderOfThreadsChangesNoBit) {
  Binary binary(model + "--taps --dtype bf16");
  std::string expected = binary.replay(vectors, 3);
  for (int seed = 1; seed <= 3; ++seed) {
    Binary shuffled(model + "--taps --dtype bf16");
    shuffled.environment += "JEPAC_FAKE_CUDA_SEED=" + std::to_string(seed) + " ";
    expectSame(shuffled.replay(vectors, 3), expected);
  }
}

// A bias' gradient is summed up by the product that makes what it is the sum of; a library that cannot gets another
// one.
TEST_F(Cuda, ALibraryWithoutBiasGradientsGivesThemAll) {
  Binary binary(model + "--taps --dtype bf16");
  binary.environment += "JEPAC_FAKE_CUBLASLT_NO_BIAS_GRAD=1 ";
  expectCloseInBf16(binary.replay(vectors), vectors);
}

TEST_F(Cuda, PlansSayWhatAGpuNeeds) {
  Binary binary(model + "--dtype bf16");
  EXPECT_EQ(binary.plan().cudaArch, "sm_90a");
  Json info = binary.info();
  EXPECT_EQ(info.at("target").asString(), "cuda");
  // The next step's inputs are beside the arena.
  EXPECT_GT(info.at("peak_bytes").asInteger(), binary.plan().arenaBytes);
  EXPECT_LT(info.at("peak_bytes").asInteger(), binary.plan().arenaBytes + binary.plan().at("clip").bytes);
}

TEST(CudaErrors, DeviceCodeOfAnotherProgramIsRefused) {
  Binary binary(model);
  std::string folder = temporaryPath(".program");
  ASSERT_EQ(runJepac("emit vjepa-tiny --target cuda -o " + folder).code, 0);
  Outcome outcome = runJepac("build vjepa-tiny --target cuda --device-code " + folder + "/plan.json -o /dev/null");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_HAS(outcome.error, "error: the device code is no object file");
  // An object file, with nobody's kernels.
  outcome = runJepac("build vjepa-tiny --target cuda --device-code " JEPAC_PROGRAM " -o " + temporaryPath(".binary"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_HAS(outcome.error, "it was compiled from another program's text; emit and compile it again");
}

TEST(CudaErrors, DeviceCodeWithoutADeviceIsRefused) {
  Outcome outcome = runJepac("build vjepa-tiny --device-code " JEPAC_PROGRAM " -o /dev/null");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.error, "error: --device-code has no meaning for --target cpu; add --target cuda\n");
}

TEST(CudaErrors, WhatBelongsToAnotherTargetIsRefused) {
  for (const char *arguments : {"emit vjepa-tiny -o /tmp/never", "emit vjepa-tiny --stage cuda", "emit vjepa-tiny",
                                "emit vjepa-tiny --target cuda --stage llvm"}) {
    Outcome outcome = runJepac(arguments);
    EXPECT_EQ(outcome.code, 2) << arguments;
    EXPECT_HAS(outcome.error, "error: 'emit' ");
  }
}
