//===- RooflineTest.cpp - how fast a program could be ----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/Roofline.h"

#include "runtime/train/Info.h"
#include "test/unit/runtime/core/PlanText.h"

#include <gtest/gtest.h>

using namespace jepa::rt;
using jepa::rt::test::PlanText;

namespace {

/// A layer called twice and within another layer that is called three times: five in all.
const char *layered = R"json([
  {"name":"jepa_run","calls":[{"function":1},{"function":1},{"function":2},{"function":2},{"function":2},
                              {"kernel":"adamw_3","bytes":9600000}]},
  {"name":"never","calls":[{"function":3}]},
  {"name":"outer","calls":[{"function":3},{"kernel":"attention_2","flops":1000000000,"bytes":1}]},
  {"name":"inner","calls":[{"kernel":"product 2x3x4 nt bf16","flops":9895000000,"bytes":48000},
                           {"kernel":"product 2x3x4 nt bf16 + gelu","flops":4947500000,"bytes":1},
                           {"kernel":"product 2x3x4 nt f32","flops":67000000,"bytes":48000},
                           {"kernel":"product 2x3x4 nt f8E4M3FN","flops":1979000000,"bytes":48000000}]}])json";

Plan planOf(const char *arch, const char *dtype = "f32") {
  PlanText text;
  text.plan.set("dtype", dtype);
  if (*arch) {
    text.plan.set("target", "cuda");
    text.plan.set("cuda_arch", arch);
  }
  text.plan.set("functions", Json::parse(layered));
  return Plan::parse(text.text());
}

} // namespace

TEST(Roofline, TakesTheLongerOfFlopsAndBytes) {
  Plan plan = planOf("sm_90a");
  std::vector<KernelBound> rows = roofline(plan, ceilingsOf("sm_90a").at(0));
  ASSERT_EQ(rows.size(), 6U);
  auto expect = [&](std::size_t place, const char *kernel, double count, double seconds, bool compute) {
    EXPECT_EQ(rows[place].kernel, kernel);
    EXPECT_EQ(rows[place].count, count) << kernel;
    EXPECT_NEAR(rows[place].seconds, seconds, 1e-9 * seconds) << kernel;
    EXPECT_EQ(rows[place].compute, compute) << kernel;
  };
  // 4.8 TB/s, 67, 989.5 and 1979 TFLOP/s.
  expect(0, "product 2x3x4 nt bf16", 5, 5 * 1e-5, true);
  expect(1, "product 2x3x4 nt f8E4M3FN", 5, 5 * 1e-5, false);
  expect(2, "attention_2", 3, 3 * 1e9 / 67e12, true);
  expect(3, "product 2x3x4 nt bf16 + gelu", 5, 5 * 5e-6, true);
  expect(4, "product 2x3x4 nt f32", 5, 5 * 1e-6, true);
  expect(5, "adamw_3", 1, 2e-6, false);
  EXPECT_EQ(rows[1].flops, 5 * 1979e6);
  EXPECT_EQ(rows[1].bytes, 5 * 48e6);
}

TEST(Roofline, KernelsComputeInTheProgramsType) {
  Plan plan = planOf("sm_80", "bf16");
  for (const KernelBound &row : roofline(plan, ceilingsOf("sm_80").at(0)))
    if (row.kernel == "attention_2") {
      EXPECT_NEAR(row.seconds, 3 * 1e9 / 312e12, 1e-12);
    }
}

TEST(Roofline, IsInTheInfoOfProgramsForAGpu) {
  Json info = infoJson(planOf("sm_90a"));
  const Json &found = info.at("roofline");
  EXPECT_EQ(found.at("gpu").asString(), "H200 SXM");
  EXPECT_NE(found.at("source").asString().find("data sheet"), std::string::npos);
  double sum = 0;
  for (const Json &kernel : found.at("kernels").asArray()) {
    EXPECT_LE(kernel.at("seconds").asReal(), found.at("kernels").asArray()[0].at("seconds").asReal());
    sum += kernel.at("seconds").asReal();
  }
  EXPECT_NEAR(found.at("seconds").asReal(), sum, 1e-12);
  EXPECT_EQ(found.at("kernels").asArray()[1].at("bound").asString(), "memory");
  EXPECT_EQ(found.at("kernels").asArray()[0].at("bound").asString(), "compute");
  // The same FLOPs, but slower memory.
  const Json &gpus = found.at("seconds_by_gpu");
  EXPECT_EQ(gpus.at("H200 SXM").asReal(), found.at("seconds").asReal());
  EXPECT_NEAR(gpus.at("H100 SXM").asReal() - sum, (5 * 48e6 + 9.6e6) * (1 / 3.35e12 - 1 / 4.8e12), 1e-9);

  EXPECT_NE(infoText(planOf("sm_90a")).find("ms on H200 SXM, "), std::string::npos);
  EXPECT_NE(infoText(planOf("sm_80")).find("ms on A100 SXM 80GB\n"), std::string::npos);
  EXPECT_EQ(infoJson(planOf("")).find("roofline"), nullptr);
  EXPECT_EQ(infoText(planOf("")).find("roofline"), std::string::npos);
}
