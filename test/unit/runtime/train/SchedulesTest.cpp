//===- SchedulesTest.cpp - the published schedules -----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/Schedules.h"

#include "runtime/io/AtomicFile.h"
#include "test/unit/runtime/io/TempFolder.h"

#include <cmath>

using namespace jepa::rt;
using namespace jepa::rt::test;

TEST(Schedules, FollowThePublishedRecipe) {
  std::string path = JEPAC_SHARED_DIR "/vectors/schedules.json";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << path << " is absent";
  Json vectors = Json::parse(readTextFile(path));
  OptimizerSettings settings = OptimizerSettings::fromConfig({{"lr", "6.25e-4"},
                                                              {"start_lr", "2e-4"},
                                                              {"final_lr", "1e-6"},
                                                              {"warmup_steps", "12000"},
                                                              {"weight_decay", "0.04"},
                                                              {"final_weight_decay", "0.4"},
                                                              {"ema", "0.998"},
                                                              {"final_ema", "1.0"},
                                                              {"crop", "224"}});
  settings.check();
  Schedules schedules(settings, 90000);
  for (const Json &row : vectors.at("rows").asArray()) {
    std::int64_t step = row.at("iteration").asInteger();
    auto expectClose = [&](double value, const char *key) {
      double expected = row.at(key).asReal();
      EXPECT_LE(std::abs(value - expected), 1e-12 * std::abs(expected))
          << key << " of step " << step;
    };
    expectClose(schedules.learningRate(step), "lr");
    expectClose(schedules.weightDecay(step), "weight_decay");
    expectClose(schedules.momentum(step), "ema_momentum");
  }
}

TEST(Schedules, PlainKeysAreConstants) {
  Schedules schedules(
      OptimizerSettings::fromConfig({{"lr", "0.001"}, {"weight_decay", "0.05"}, {"ema", "0.99"}}),
      3);
  for (std::int64_t step : {0, 2, 1000}) {
    HyperVector values = schedules.at(step);
    EXPECT_EQ(values[hyper::LearningRate], 0.001);
    EXPECT_EQ(values[hyper::WeightDecay], 0.05);
    EXPECT_EQ(values[hyper::Ema], 0.99);
    EXPECT_EQ(values[hyper::ClipGrad], 0);
    EXPECT_DOUBLE_EQ(values[hyper::Correction1], 1 - std::pow(0.9, step + 1));
    EXPECT_DOUBLE_EQ(values[hyper::Correction2], 1 - std::pow(0.999, step + 1));
    EXPECT_EQ(values[hyper::Epsilon], 1e-8);
  }
}

TEST(Schedules, KeepTheirLastValue) {
  Schedules schedules(OptimizerSettings::fromConfig({{"lr", "1"},
                                                     {"final_lr", "0.5"},
                                                     {"ema", "0.5"},
                                                     {"final_ema", "1"},
                                                     {"final_weight_decay", "0.25"},
                                                     {"schedule_steps", "10"}}),
                      100);
  EXPECT_DOUBLE_EQ(schedules.learningRate(9), 0.5);
  EXPECT_DOUBLE_EQ(schedules.learningRate(15), 0.5);
  EXPECT_DOUBLE_EQ(schedules.momentum(20), 1);
  EXPECT_DOUBLE_EQ(schedules.weightDecay(99), 0.25);
}

TEST(Schedules, WarmUpAloneEndsInAConstant) {
  Schedules schedules(OptimizerSettings::fromConfig({{"lr", "1"}, {"warmup_steps", "4"}}), 100);
  EXPECT_DOUBLE_EQ(schedules.learningRate(0), 0.25);
  EXPECT_DOUBLE_EQ(schedules.learningRate(3), 1);
  EXPECT_DOUBLE_EQ(schedules.learningRate(99), 1);
}

TEST(Schedules, AStartingRateWarmsUpForThePublishedPart) {
  Schedules schedules(OptimizerSettings::fromConfig({{"lr", "1"}, {"start_lr", "0.5"}}), 300);
  EXPECT_DOUBLE_EQ(schedules.learningRate(19), 0.75);
  EXPECT_DOUBLE_EQ(schedules.learningRate(39), 1);
}

TEST(Schedules, RefuseNonsense) {
  OptimizerSettings settings;
  EXPECT_HAS(errorOf([&] { settings.set("lr", "fast"); }), "'lr' takes a number, found 'fast'");
  EXPECT_HAS(errorOf([&] { settings.set("lr", "nan"); }), "'lr' takes a number");
  EXPECT_HAS(errorOf([&] { settings.set("ema", "1.5"); }), "'ema' must be between 0 and 1");
  EXPECT_HAS(errorOf([&] { settings.set("warmup_steps", "1.5"); }), "whole number");
  EXPECT_HAS(errorOf([&] { settings.set("betas", "0.9"); }), "two numbers");
  EXPECT_HAS(errorOf([&] { settings.set("betas", "0.9,1"); }), "less than 1");
  EXPECT_HAS(errorOf([&] { settings.set("crop", "3"); }), "no optimiser key");
  settings.set("start_lr", "0.1");
  settings.set("warmup_steps", "0");
  EXPECT_HAS(errorOf([&] { settings.check(); }), "'start_lr' does nothing without a warm-up");
  settings.set("warmup_steps", "10");
  settings.set("schedule_steps", "5");
  EXPECT_HAS(errorOf([&] { settings.check(); }),
             "'schedule_steps' (5) must be at least 'warmup_steps' (10)");
  try {
    settings.set("lr", "-1");
    ADD_FAILURE();
  } catch (const Error &error) {
    EXPECT_EQ(error.exitCode, 2);
  }
}
