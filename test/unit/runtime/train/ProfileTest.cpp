//===- ProfileTest.cpp - where a step's time goes --------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/Profile.h"

#include "runtime/core/Error.h"
#include "runtime/core/ThreadPool.h"
#include "test/unit/runtime/core/PlanText.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

using namespace jepa::rt;
using jepa::rt::test::PlanText;

namespace {

/// A layer called twice, forward and backward, between two calls of the step's own.
const char *layered = R"json([
  {"name":"jepa_run","calls":[
    {"kernel":"patchify_0","scope":"teacher_net.patches","line":"M.h:3","bytes":10},
    {"function":2,"scope":"net.blocks.0"},
    {"kernel":"loss_3","flops":5},
    {"function":1,"scope":"net.blocks.0/adjoint"},
    {"kernel":"adamw_4","scope":"optimizer"}]},
  {"name":"layer_adjoint","calls":[{"kernel":"gelu_grad_2","scope":"mlp"},
                                   {"function":2,"scope":"again"}]},
  {"name":"layer","calls":[{"kernel":"product 2x3x4 nt f32","scope":"mlp.fc1","flops":48},
                           {"kernel":"gelu_1"}]}])json";
constexpr int layeredCalls = 8;

Plan planOf(const char *functions) {
  PlanText text;
  text.add("net.w", "parameter", {2},
           R"({"init":"zeros","trainable":true,"teacher":"teacher_net.w"})");
  text.add("teacher_net.w", "parameter", {2}, R"({"init":"zeros","ema_of":"net.w"})");
  text.plan.set("functions", Json::parse(functions));
  return Plan::parse(text.text());
}

void sleepy(void *const *args, std::int64_t begin, std::int64_t end, std::int64_t) {
  std::this_thread::sleep_for(
      std::chrono::microseconds(*static_cast<int *>(args[0]) * (end - begin)));
}

/// As generated code does: one loop of eight chunks per call.
void makeCalls(int count, int microseconds = 50) {
  void *args[] = {&microseconds};
  for (int i = 0; i < count; ++i)
    jepac_parallel_for(sleepy, args, 8, 1);
}

std::string errorOf(Profile &profile, int calls) {
  Profiler run(false);
  makeCalls(calls, 0);
  try {
    profile.add(run, 1);
  } catch (const Error &error) {
    return error.what();
  }
  return "";
}

double sum(const Json &rows, const char *key) {
  double total = 0;
  for (const Json &row : rows.asArray())
    total += row.at(key).asReal();
  return total;
}

} // namespace

TEST(Profile, NamesPhasesByModules) {
  Plan plan = planOf(layered);
  Profile profile(plan);
  for (int step = 0; step < 3; ++step) {
    Profiler run(false);
    makeCalls(layeredCalls);
    profile.add(run, run.now());
  }
  std::vector<std::string> names;
  Json phases = profile.phases();
  for (const Json &phase : phases.asArray())
    names.push_back(phase.at("name").asString());
  EXPECT_EQ(names,
            (std::vector<std::string>{"teacher", "student", "other", "backward", "optimiser"}));
  EXPECT_EQ(phases.asArray()[3].at("calls").asInteger(),
            3); // what a backward layer calls is backward
  EXPECT_DOUBLE_EQ(phases.asArray()[1].at("flops").asReal(), 48);
  EXPECT_DOUBLE_EQ(sum(phases, "flops"), 101);
  EXPECT_NEAR(sum(phases, "share"), 1, 0.05);
  EXPECT_GE(sum(phases, "seconds"), layeredCalls * 8 * 50e-6 / ThreadPool::get().threads());
}

TEST(Profile, AddsUpCallsOfOneKernel) {
  Plan plan = planOf(layered);
  Profile profile(plan);
  Profiler run(true);
  makeCalls(layeredCalls);
  profile.add(run, run.now());
  profile.addThreads(run);
  Json kernels = profile.kernels(), kinds = profile.kinds();
  EXPECT_EQ(kernels.asArray().size(), 8U); // gelu_1 and the product in two phases each
  EXPECT_EQ(kinds.asArray().size(), 6U);
  EXPECT_DOUBLE_EQ(sum(kernels, "calls"), layeredCalls);
  EXPECT_NEAR(sum(kernels, "seconds"), sum(profile.phases(), "seconds"), 1e-9);
  double previous = 1e9;
  for (const Json &kernel : kernels.asArray()) {
    EXPECT_LE(kernel.at("seconds").asReal(), previous);
    previous = kernel.at("seconds").asReal();
    EXPECT_GT(kernel.at("busy").asReal(), 0);
    EXPECT_LE(kernel.at("busy").asReal(), 1.01);
    EXPECT_EQ(kernel.at("achieved_flops").isNull(), kernel.at("flops").asReal() == 0);
  }
}

TEST(Profile, TracesEachThread) {
  Plan plan = planOf(layered);
  Profile profile(plan);
  Profiler run(true);
  makeCalls(layeredCalls);
  Json trace = Json::parse(profile.trace(run).dump());
  int phases = 0, slices = 0;
  double end = 0;
  for (const Json &event : trace.at("traceEvents").asArray()) {
    if (event.at("ph").asString() != "X")
      continue;
    EXPECT_GE(event.at("dur").asReal(), 0);
    if (event.at("tid").asInteger() == 0) {
      EXPECT_GE(event.at("ts").asReal(), end) << "phases follow one another";
      end = event.at("ts").asReal() + event.at("dur").asReal();
      ++phases;
    } else {
      EXPECT_LE(event.at("args").at("busy_us").asReal(), event.at("dur").asReal() + 1e-3);
      ++slices;
    }
  }
  EXPECT_EQ(phases, 5);
  EXPECT_GE(slices, layeredCalls);
  EXPECT_LE(slices, layeredCalls * ThreadPool::get().threads());
}

TEST(Profile, RefusesARunOfOtherCalls) {
  Plan plan = planOf(layered);
  Profile profile(plan);
  EXPECT_EQ(errorOf(profile, layeredCalls), "");
  EXPECT_NE(errorOf(profile, layeredCalls - 1).find("made 7 calls, the plan tells of 8"),
            std::string::npos);
}

TEST(Profile, RefusesAPlanThatGrowsWithoutBound) {
  Json functions = Json::array();
  for (int i = 0; i < 30; ++i) {
    Json function = Json::object(), calls = Json::array(), call = Json::object();
    i < 29 ? call.set("function", i + 1) : call.set("kernel", "k_0");
    calls.push(call);
    calls.push(call);
    function.set("name", "f" + std::to_string(i));
    function.set("calls", calls);
    functions.push(function);
  }
  Plan plan = planOf(functions.dump().c_str());
  EXPECT_THROW(Profile profile(plan), Error);
}

TEST(Profile, RecordsNothingOutsideOfCalls) {
  Profiler run(true);
  parallelFor(8, 1, [](std::int64_t, std::int64_t, std::int64_t) {});
  EXPECT_TRUE(run.calls().empty());
  for (const auto &slices : run.threads())
    EXPECT_TRUE(slices.empty());
}
