//===- CudaFp8Test.cpp - a teacher in e4m3, on a stand-in for a GPU --------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What `info` promises of --teacher-dtype fp8, and that it is the teacher's alone.
//
//===----------------------------------------------------------------------===//
#include "Binary.h"

#include "runtime/train/Info.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

const std::string vectors = JEPAC_SHARED_DIR "/vectors/vjepa-tiny.safetensors";
const std::string bf16 = "vjepa-tiny --target cuda --dtype bf16 ", fp8 = bf16 + "--teacher-dtype fp8 ";

class CudaFp8 : public ::testing::Test {
protected:
  void SetUp() override {
    if (!std::filesystem::exists(vectors))
      GTEST_SKIP() << vectors << " is not there";
  }
};

/// Options of a build with taps.
class CudaFp8Builds : public CudaFp8, public ::testing::WithParamInterface<const char *> {};

bool isTarget(std::string_view name) { return name.starts_with("target") || name.ends_with(".target_features"); }
bool isStudent(std::string_view name) { return name.ends_with(".encoded_context") || name.ends_with(".predicted"); }

std::int64_t e4m3Products(const Plan &plan) {
  std::int64_t count = 0;
  for (const GemmUse &use : plan.gemms)
    if (use.desc.inputs == JEPAC_E4M3)
      count += use.count;
  return count;
}

/// Targets within what info says, the rest as far as bf16 goes.
void expectCloseInFp8(const std::string &found, const std::string &expected) {
  expectClose(found, expected, {fp8TeacherTolerance, 0, 0}, isTarget);
  auto cosines = gradientCosines(found, expected);
  ASSERT_FALSE(cosines.empty());
  auto [worst, name] = cosines.front();
  double median = cosines[cosines.size() / 2].first;
  std::printf("gradients: worst cosine %.6f (%s), median %.6f\n", worst, name.c_str(), median);
  EXPECT_GE(worst, 0.985) << name;
  EXPECT_GE(median, 0.992);
}

} // namespace

TEST_P(CudaFp8Builds, TargetsAndGradientsHold) {
  std::string found = Binary(fp8 + "--taps " + GetParam()).replay(vectors);
  expectCloseInFp8(found, vectors);
  expectClose(found, vectors, {3e-2, 0, 0}, isStudent);
}

INSTANTIATE_TEST_SUITE_P(Fp8, CudaFp8Builds,
                         ::testing::Values("", "--masks published", "--masks packed", "--disable-pass prune-tokens",
                                           "--disable-pass outline-layers", "--disable-pass fuse-epilogues"),
                         [](const auto &info) {
                           std::string name =
                               std::string(info.param).substr(std::string_view(info.param).rfind(' ') + 1);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name.empty() ? std::string("plain") : name;
                         });

TEST_F(CudaFp8, OnlyTheTeacherIsAnother) {
  std::string coarse = Binary(fp8 + "--taps").replay(vectors), fine = Binary(bf16 + "--taps").replay(vectors);
  expectClose(coarse, fine, {0, 0, 0}, isStudent);
  expectCloseInFp8(coarse, fine);
  // It is another: nothing above would notice a flag without an effect.
  auto differences = compareFiles(coarse, fine, {}, isTarget);
  EXPECT_TRUE(std::all_of(differences.begin(), differences.end(), [](const auto &d) { return d.error > 1e-3; }))
      << describe(differences);
}

TEST_F(CudaFp8, LossesOfSeveralStepsHold) {
  expectClose(Binary(fp8).replay(vectors, 3), vectors, {1e-2, 0, 0},
              [](std::string_view name) { return name == "losses"; });
}

TEST_F(CudaFp8, EveryProductOfTheTeachersBlocksIsE4m3) {
  // Four in each of three blocks; the patch embedding reads pixels.
  EXPECT_EQ(e4m3Products(Binary(fp8).plan()), 12);
  EXPECT_EQ(e4m3Products(Binary(bf16).plan()), 0);
  EXPECT_EQ(e4m3Products(Binary(bf16 + "--teacher-dtype bf16").plan()), 0);
}

TEST_F(CudaFp8, WithoutThePassTheTeacherIsInBf16) {
  std::string found = Binary(fp8 + "--taps --disable-pass quantize-teacher").replay(vectors);
  expectSame(found, Binary(bf16 + "--taps").replay(vectors));
}

TEST_F(CudaFp8, TheOrderOfThreadsChangesNoBit) {
  Binary binary(fp8 + "--taps"), shuffled(fp8 + "--taps");
  shuffled.environment += "JEPAC_FAKE_CUDA_SEED=1 ";
  expectSame(shuffled.replay(vectors, 2), binary.replay(vectors, 2));
}

TEST(CudaFp8Info, SaysWhatToExpect) {
  Json info = Binary(fp8).info();
  EXPECT_EQ(info.at("dtype").asString(), "bf16");
  EXPECT_EQ(info.at("teacher_dtype").asString(), "fp8");
  EXPECT_EQ(info.at("teacher_tolerance").asReal(), fp8TeacherTolerance);
  EXPECT_HAS(runShell(Binary(fp8).path() + " info").output, "fp8 (e4m3): its targets within ");
  Json other = Binary(bf16).info();
  EXPECT_FALSE(other.find("teacher_dtype"));
  EXPECT_FALSE(other.find("teacher_tolerance"));
}

// 27 rows, and features that 16 does not divide.
TEST(CudaFp8Geometry, SizesThatE4m3HasNoProductsForStayInBf16) {
  const std::string arguments =
      "vjepa --taps --target cuda --dtype bf16 --set crop=48 --set frames=1 --set batch=3 --set embed_dim=120 "
      "--set heads=5 --set depth=1 --set predictor_embed_dim=40 --set predictor_depth=1 --set context_tokens=4 --set "
      "target_tokens=5";
  Binary coarse(arguments + " --teacher-dtype fp8"), fine(arguments);
  EXPECT_EQ(e4m3Products(coarse.plan()), 0);
  std::string inputs = writeInputs(fine.plan(), 1);
  expectSame(coarse.replay(inputs, 2), fine.replay(inputs, 2));
}

TEST(CudaFp8Errors, BuildsThatHaveNoSuchTeacherAreRefused) {
  const std::pair<const char *, const char *> mistakes[] = {
      {"--teacher-dtype fp8 --dtype bf16", "--teacher-dtype fp8 needs --target cuda, found --target cpu"},
      {"--teacher-dtype fp8 --target cuda", "--teacher-dtype fp8 needs --dtype bf16, found --dtype f32"},
      {"--teacher-dtype bf16", "--teacher-dtype bf16 needs --dtype bf16, found --dtype f32"},
      {"--teacher-dtype fp8 --target cuda --dtype bf16 --cuda-arch sm_80",
       "--teacher-dtype fp8 needs --cuda-arch sm_90a, found --cuda-arch sm_80"},
      {"--teacher-dtype fp8 --target cuda --dtype bf16 --task embed",
       "--teacher-dtype fp8 needs --task train, found --task embed"}};
  for (auto [arguments, message] : mistakes)
    for (const char *command :
         {"build vjepa-tiny -o /dev/null ", "emit vjepa-tiny --stage fused ", "check vjepa-tiny "}) {
      Outcome outcome = runJepac(std::string(command) + arguments);
      EXPECT_EQ(outcome.code, 2) << command << arguments;
      EXPECT_EQ(outcome.error, "error: " + std::string(message) + "\n");
    }
}
