//===- StateTest.cpp - the arena at step 0 --------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/State.h"
#include "PlanText.h"
#include "runtime/core/Error.h"
#include "runtime/core/ThreadPool.h"
#include "runtime/gemm/Gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace jepa::rt;
using jepa::rt::test::PlanText;

static Plan makePlan(const std::string &dtype) {
  PlanText plan(dtype);
  plan.add("encoder.w", "parameter", {300, 200},
           R"({"trainable":true,"decay":true,"init":"trunc_normal","std":0.02,"teacher":"t.w"})");
  plan.add("encoder.other", "parameter", {300, 200},
           R"({"trainable":true,"init":"trunc_normal","std":0.02})");
  plan.add("encoder.scale", "parameter", {5}, R"({"trainable":true,"init":"ones"})");
  plan.add("encoder.bias", "parameter", {5}, R"({"trainable":true,"init":"zeros"})");
  plan.add("t.w", "parameter", {300, 200}, R"({"init":"zeros","ema_of":"encoder.w"})");
  plan.add("m:encoder.w", "moment", {300, 200});
  plan.add("pos_embed", "table", {1, 8, 12}, R"({"grid":[2,2,2],"width":12,"uniform":true})");
  plan.add("mask0.context", "input", {1, 4}, R"({"dtype":"i32","mask_tokens":8})");
  return Plan::parse(plan.text());
}

template <class T> class StateOf : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(StateOf, Reals);

TYPED_TEST(StateOf, BeginsAsPublished) {
  Plan plan = makePlan(sizeof(TypeParam) == 8 ? "f64" : "f32");
  State state(plan);
  for (std::byte &byte : state.bytes(plan.at("m:encoder.w")))
    byte = std::byte(7);
  state.initialize(1);
  auto weight = state.elements<TypeParam>("encoder.w");
  auto other = state.elements<TypeParam>("encoder.other");
  auto teacher = state.elements<TypeParam>("t.w");
  double square = 0, together = 0;
  for (std::size_t i = 0; i < weight.size(); ++i) {
    square += double(weight[i]) * weight[i];
    together += double(weight[i]) * other[i];
    ASSERT_EQ(weight[i], teacher[i]);
  }
  double count = static_cast<double>(weight.size());
  EXPECT_NEAR(std::sqrt(square / count), 0.02, 3e-4);
  EXPECT_NEAR(together / count, 0, 1e-5) << "two parameters share their numbers";
  for (TypeParam x : state.elements<TypeParam>("encoder.scale"))
    EXPECT_EQ(x, 1);
  for (TypeParam x : state.elements<TypeParam>("encoder.bias"))
    EXPECT_EQ(x, 0);
  for (TypeParam x : state.elements<TypeParam>("m:encoder.w"))
    ASSERT_EQ(x, 0);
  auto table = state.elements<TypeParam>("pos_embed");
  EXPECT_EQ(table[0], 0);
  EXPECT_EQ(table[2], 1);
  EXPECT_EQ(table[4 * 12], static_cast<TypeParam>(std::sin(1.0)));
}

TYPED_TEST(StateOf, IsTheSameOnAnyThreads) {
  Plan plan = makePlan(sizeof(TypeParam) == 8 ? "f64" : "f32");
  State one(plan), many(plan), reseeded(plan);
  ThreadPool::get().setThreads(1);
  one.initialize(5);
  ThreadPool::get().setThreads(3);
  many.initialize(5);
  reseeded.initialize(6);
  ThreadPool::get().setThreads(0);
  auto size = static_cast<std::size_t>(plan.arenaBytes);
  EXPECT_EQ(std::memcmp(one.arena(), many.arena(), size), 0);
  EXPECT_NE(std::memcmp(one.arena(), reseeded.arena(), size), 0);
}

TEST(State, FillsCopiesInLowPrecision) {
  PlanText text("bf16");
  text.add("encoder.w", "parameter", {300, 200},
           R"({"dtype":"f32","trainable":true,"init":"trunc_normal","std":0.02})");
  text.add("copy:encoder.w", "copy", {300, 200}, R"({"dtype":"bf16"})");
  Plan plan = Plan::parse(text.text());
  EXPECT_EQ(plan.at("copy:encoder.w").bytes, 300 * 200 * 2);
  State state(plan);
  state.initialize(1);
  auto master = state.elements<float>("encoder.w");
  auto copy = state.elements<BFloat16>("copy:encoder.w");
  for (std::size_t i = 0; i < master.size(); ++i)
    ASSERT_EQ(float(copy[i]), float(BFloat16(master[i])));
  master[7] = 3.141f;
  fillCopies(plan, static_cast<std::byte *>(state.arena()));
  EXPECT_EQ(float(copy[7]), 3.140625f);
}

TEST(State, PacksWeightsThatProductsReadPacked) {
  PlanText text("bf16");
  text.add("encoder.w", "parameter", {64, 2, 32}, R"({"dtype":"bf16","init":"trunc_normal","std":0.02,"packed":[64,64,1]})");
  text.plan.set("gemms", Json::parse(R"([{"m":40,"n":64,"k":64,"lda":64,"ldb":64,"ldc":64,"transA":false,"transB":true,
      "packed":true,"inputs":"bf16","result":"f32","scratch_bytes":1000000}])"));
  Plan plan = Plan::parse(text.text());
  try {
    checkMachine(plan);
  } catch (const Error &error) {
    GTEST_SKIP() << error.what();
  }
  State state(plan);
  state.initialize(3);
  // The same values, element by element.
  Buffer plain = plan.at("encoder.w");
  plain.packed.reset();
  State other(plan);
  other.initializeParameter(plain, 3);
  jepac_gemm_desc product = plan.gemms[0].desc;
  std::vector<BFloat16> x(40 * 64, BFloat16(1.5f));
  std::vector<float> packed(40 * 64), expected(40 * 64);
  std::vector<char> scratch(1000000);
  jepac_gemm(&product, packed.data(), x.data(), state.bytes(plain).data(), nullptr, scratch.data(), nullptr,
             nullptr);
  product.packedB = false;
  gemmByLoops(product, expected.data(), x.data(), other.bytes(plain).data(), nullptr);
  for (std::size_t i = 0; i < packed.size(); ++i)
    ASSERT_NEAR(packed[i], expected[i], 1e-5);
}

TEST(State, GivesElementsInTheirOwnTypeOnly) {
  Plan plan = makePlan("f32");
  State state(plan);
  EXPECT_EQ(state.elements<std::int32_t>("mask0.context").size(), 4u);
  EXPECT_THROW(state.elements<double>("encoder.w"), Error);
  EXPECT_THROW(state.elements<float>("mask0.context"), Error);
  EXPECT_THROW(state.elements<float>("nothing"), Error);
  state.set(plan.at("encoder.bias"), 2, 0.5);
  EXPECT_EQ(state.get(plan.at("encoder.bias"), 2), 0.5);
}

TEST(State, SaysHowMuchMemoryIsMissing) {
  PlanText text;
  text.plan.set("arena_bytes", std::int64_t(1) << 45);
  Plan plan = Plan::parse(text.text());
  try {
    State state(plan);
    FAIL();
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("35184372088832 bytes"), std::string::npos);
  }
}

TEST(State, OfADeviceTakesMemoryForItsBuffersAlone) {
  PlanText text;
  text.add("encoder.w", "parameter", {300}, R"({"init":"ones"})");
  text.plan.set("arena_bytes", std::int64_t(1) << 42);
  Plan host = Plan::parse(text.text());
  EXPECT_THROW(State{host}, Error);
  text.plan.set("target", "cuda");
  text.plan.set("cuda_arch", "sm_80");
  Plan plan = Plan::parse(text.text());
  State state(plan);
  state.initialize(1);
  EXPECT_EQ(state.elements<float>("encoder.w")[299], 1);
}

TEST(Machine, RefusesMoreThreadsThanPlanned) {
  Plan plan = makePlan("f32"); // planned for four
  ThreadPool::get().setThreads(5);
  EXPECT_THROW(checkMachine(plan), Error);
  ThreadPool::get().setThreads(2);
  EXPECT_NO_THROW(checkMachine(plan));
  ThreadPool::get().setThreads(0);
}

TEST(Machine, RefusesMoreScratchThanPlanned) {
  PlanText text;
  text.plan.set("gemms", Json::parse(R"([{"m":64,"n":64,"k":64,"lda":64,"ldb":64,"ldc":64,
    "transA":0,"transB":1,"inputs":"f32","result":"f32","bias":1,"count":1,"scratch_bytes":0}])"));
  Plan plan = Plan::parse(text.text());
  ThreadPool::get().setThreads(1);
  try {
    checkMachine(plan);
    FAIL();
  } catch (const Error &error) {
    std::string what = error.what();
    EXPECT_TRUE(what.find("scratch") != what.npos || what.find("libdnnl") != what.npos) << what;
  }
  ThreadPool::get().setThreads(0);
}
