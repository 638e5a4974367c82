//===- BenchTest.cpp - what a bench of a real binary says -------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "Binary.h"

#include "runtime/io/AtomicFile.h"

#include <gtest/gtest.h>

#include <set>

using namespace jepa::rt;
using namespace jepa::rt::test;

static double sum(const Json &rows, const char *key) {
  double total = 0;
  for (const Json &row : rows.asArray())
    total += row.at(key).asReal();
  return total;
}

TEST(Bench, AccountsForAStep) {
  Binary binary("vjepa-tiny --target cpu");
  std::string trace = temporaryPath(".json");
  Outcome outcome =
      runShell(binary.path() + " bench --json --profile --steps 20 --threads 2 --trace " + trace);
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  Json result = Json::parse(outcome.output);
  for (const char *key :
       {"clips_per_second", "achieved_flops", "gemm_ceiling_flops", "share", "peak_resident_bytes"})
    EXPECT_GT(result.at(key).asReal(), 0) << key;

  std::set<std::string> phases;
  for (const Json &phase : result.at("phases").asArray())
    phases.insert(phase.at("name").asString());
  EXPECT_EQ(phases, (std::set<std::string>{"teacher", "student", "predictor", "other", "backward",
                                           "optimiser"}));
  // Calls and what is between them are the step; each view of the calls adds up to the same. The step's time is a median,
  // the calls' is of other steps: on a busy machine they differ.
  double step = result.at("seconds_per_step").asReal();
  double inside = sum(result.at("phases"), "seconds");
  EXPECT_GT(inside + result.at("outside_seconds").asReal(), 0.2 * step);
  EXPECT_LT(inside + result.at("outside_seconds").asReal(), 5 * step);
  EXPECT_NEAR(sum(result.at("kinds"), "seconds"), inside, 1e-6 * inside);
  EXPECT_NEAR(sum(result.at("kernels"), "seconds"), inside, 1e-6 * inside);

  // The products that the plan lists for the ceiling are those that the code calls.
  double listed = 0;
  for (const GemmUse &use : binary.plan().gemms)
    listed += 2.0 * static_cast<double>(use.desc.m * use.desc.n * use.desc.k * use.count);
  double called = 0;
  std::set<std::string> kinds;
  for (const Json &kind : result.at("kinds").asArray()) {
    std::string name = kind.at("name").asString();
    kinds.insert(name);
    if (name.starts_with("product"))
      called += kind.at("flops").asReal();
  }
  EXPECT_DOUBLE_EQ(called, listed);
  // What runs inside a product is named beside it.
  EXPECT_EQ(kinds.count("product"), 1U);
  EXPECT_EQ(kinds.count("product + gelu"), 1U);
  // And what calls say they compute is within what the step costs.
  double cost = static_cast<double>(binary.plan().flopsPerClip) * result.at("batch").asReal();
  EXPECT_LE(sum(result.at("phases"), "flops"), 1.0001 * cost);
  EXPECT_GE(sum(result.at("phases"), "flops"), listed);

  std::set<std::string> lines;
  for (const Json &kernel : result.at("kernels").asArray())
    lines.insert(kernel.at("line").asString().substr(0, 8));
  EXPECT_EQ(lines.count("VJepa.h:"), 1U);
  Json events = Json::parse(readTextFile(trace)).at("traceEvents");
  EXPECT_GT(events.asArray().size(), result.at("kernels").asArray().size());
}
