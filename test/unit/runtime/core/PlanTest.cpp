//===- PlanTest.cpp - reading and checking plans --------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/Plan.h"
#include "PlanText.h"
#include "runtime/core/Error.h"

#include <gtest/gtest.h>

using namespace jepa::rt;
using jepa::rt::test::PlanText;

static PlanText small() {
  PlanText plan;
  plan.add("encoder.w", "parameter", {2, 3},
           R"({"trainable":true,"decay":true,"init":"trunc_normal","std":0.02,"teacher":"t.w"})");
  plan.add("t.w", "parameter", {2, 3},
           R"({"trainable":false,"init":"zeros","ema_of":"encoder.w"})");
  plan.add("m:encoder.w", "moment", {2, 3});
  plan.add("v:encoder.w", "moment", {2, 3});
  plan.add("pos_embed", "table", {1, 8, 12}, R"({"grid":[2,2,2],"width":12,"uniform":true})");
  plan.add("mask0.context", "input", {1, 4}, R"({"dtype":"i32","mask_tokens":8})");
  plan.add("loss", "output", {1});
  return plan;
}

static std::string errorOf(const std::string &text) {
  try {
    Plan::parse(text);
    return "";
  } catch (const Error &error) {
    return error.what();
  }
}

/// The small plan with one member of one buffer replaced.
static std::string altered(std::size_t buffer, const char *key, Json value) {
  PlanText plan = small();
  Json::Array buffers = plan.buffers.asArray();
  buffers[buffer].set(key, std::move(value));
  plan.plan.set("arena_bytes", plan.end);
  plan.buffers = buffers;
  return plan.text();
}

TEST(Plan, ReadsWhatTheCompilerWrites) {
  PlanText text = small();
  text.plan.set("masks", Json::parse(R"({"rule":"fixed","grid":[4,4,4],"groups":[{"context":24,
    "target":32,"num_blocks":8,"spatial_scale":[0.15,0.15],"temporal_scale":[1,1],
    "aspect_ratio":[0.75,1.5]}]})"));
  text.plan.set("gemms", Json::parse(R"([{"m":1,"n":2,"k":3,"lda":3,"ldb":3,"ldc":2,"transA":0,
    "transB":1,"inputs":"bf16","result":"f32","bias":1,"count":24,"scratch_bytes":64}])"));
  Plan plan = Plan::parse(text.text());
  EXPECT_EQ(plan.task, Task::Train);
  EXPECT_EQ(plan.dtype, DType::F32);
  EXPECT_EQ(*plan.setting("crop"), "64");
  EXPECT_EQ(plan.setting("frames"), nullptr);
  const Buffer &weight = plan.at("encoder.w");
  EXPECT_TRUE(weight.trainable && weight.decay);
  EXPECT_EQ(weight.elements, 6);
  EXPECT_EQ(weight.teacher, "t.w");
  EXPECT_EQ(plan.at("t.w").emaOf, "encoder.w");
  EXPECT_EQ(plan.at("mask0.context").maskTokens, 8);
  EXPECT_EQ(plan.at("mask0.context").dtype, DType::I32);
  EXPECT_EQ(plan.at("pos_embed").grid, (Grid{2, 2, 2}));
  ASSERT_TRUE(plan.masks);
  EXPECT_EQ(plan.masks->groups.at(0).numBlocks, 8);
  EXPECT_EQ(plan.masks->groups.at(0).aspectRatio[1], 1.5);
  ASSERT_EQ(plan.gemms.size(), 1u);
  EXPECT_EQ(plan.gemms[0].desc.transB, 1);
  EXPECT_EQ(plan.gemms[0].desc.inputs, JEPAC_BF16);
  EXPECT_EQ(plan.gemms[0].desc.result, JEPAC_F32);
  EXPECT_TRUE(plan.gemms[0].bias);
  EXPECT_THROW(plan.at("nothing"), Error);
}

TEST(Plan, RefusesBuffersOutsideTheArena) {
  EXPECT_NE(errorOf(altered(0, "offset", -64)), "");
  EXPECT_NE(errorOf(altered(0, "offset", INT64_MAX - 3)), "");
  EXPECT_NE(errorOf(altered(6, "offset", 1 << 20)), "");
  EXPECT_NE(errorOf(altered(0, "shape", std::vector<std::int64_t>{INT64_MAX, INT64_MAX})), "");
  EXPECT_NE(errorOf(altered(0, "shape", std::vector<std::int64_t>{-1, -6})), "");
  EXPECT_NE(errorOf(altered(0, "offset", 2)), "");
}

TEST(Plan, RefusesUnknownWordsAndPartners) {
  EXPECT_NE(errorOf(altered(0, "kind", "gadget")), "");
  EXPECT_NE(errorOf(altered(0, "dtype", "f16")), "");
  EXPECT_NE(errorOf(altered(0, "init", "ones ")), "");
  EXPECT_NE(errorOf(altered(0, "teacher", "gone")), "");
  EXPECT_NE(errorOf(altered(1, "ema_of", "loss")), "");
  EXPECT_NE(errorOf(altered(2, "name", "x:encoder.w")), "");
  EXPECT_NE(errorOf(altered(2, "shape", std::vector<std::int64_t>{6})), "");
  EXPECT_NE(errorOf(altered(2, "kind", "copy")), "") << "its name is a moment's";
  EXPECT_NE(errorOf(altered(4, "grid", std::vector<std::int64_t>{2, 2, 3})), "");
  EXPECT_NE(errorOf(altered(4, "grid", std::vector<std::int64_t>{2, 2})), "");
  EXPECT_NE(errorOf(altered(6, "dtype", "i32")), "");
  EXPECT_NE(errorOf(altered(0, "packed", std::vector<std::int64_t>{7, 1, 0})), "");
  EXPECT_NE(errorOf(altered(0, "packed", std::vector<std::int64_t>{2, 3, 0})), "") << "no product reads it so";
}

TEST(Plan, NamesTheProblem) {
  EXPECT_EQ(errorOf(altered(1, "name", "encoder.w")),
            "invalid plan: buffers[1].name: 'encoder.w' occurs twice; build the binary again with "
            "a jepac of the runtime's version");
  EXPECT_EQ(errorOf(altered(1, "offset", 0)), "invalid plan: buffer 't.w' overlaps 'encoder.w'");
  EXPECT_NE(errorOf("{}").find("missing key 'format'"), std::string::npos);
  EXPECT_NE(errorOf("[]"), "");
  EXPECT_NE(errorOf("{"), "");
  PlanText later = small();
  later.plan.set("format", 2);
  EXPECT_NE(errorOf(later.text()).find("reads format 1"), std::string::npos);
}

TEST(Plan, ReadsTheCallsOfEachFunction) {
  auto parsed = [](const char *functions) {
    PlanText text = small();
    text.plan.set("functions", Json::parse(functions));
    return text.text();
  };
  Plan plan = Plan::parse(parsed(R"([{"name":"jepa_run","calls":[{"function":1,"scope":"a.0"}]},
    {"name":"layer","calls":[{"kernel":"gelu_0","line":"M.h:3","flops":2,"bytes":8}]}])"));
  ASSERT_EQ(plan.functions.size(), 2U);
  EXPECT_EQ(plan.functions[0].calls[0].function, 1);
  EXPECT_EQ(plan.functions[0].calls[0].scope, "a.0");
  const Call &call = plan.functions[1].calls[0];
  EXPECT_EQ(call.kernel + call.line, "gelu_0M.h:3");
  EXPECT_EQ(call.flops + call.bytes, 10);
  auto refused = [&](const char *functions, const char *part) {
    std::string error = errorOf(parsed(functions));
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  refused(R"([{"name":"f","calls":[{"function":0}]}])", "functions.calls[0].function");
  refused(R"([{"name":"f","calls":[{"function":1}]}])", "out of range");
  refused(R"([{"name":"f","calls":[{"scope":"a"}]}])", "expected a kernel or a function");
  refused(R"([{"name":"f","calls":[{"kernel":"k","flops":-1}]}])", "functions.calls[0].flops");
  refused(R"([{"calls":[]}])", "functions[0].name");
}

TEST(Plan, OfADeviceTellsItsProducts) {
  PlanText text = small();
  text.plan.set("target", "cuda");
  EXPECT_NE(errorOf(text.text()).find("cuda_arch"), std::string::npos);
  text.plan.set("cuda_arch", "sm_90a");
  text.plan.set("gemms", Json::parse(R"([{"m":2,"n":16,"k":32,"lda":32,"ldb":32,"ldc":16,"transA":0,"transB":1,
    "inputs":"e4m3","result":"bf16","epilogue":"gelu","auxiliary":24,"workspace_bytes":64,"bias_type":"bf16"}])"));
  Plan plan = Plan::parse(text.text());
  EXPECT_TRUE(plan.onDevice());
  EXPECT_EQ(plan.cudaVersion, 12000);
  const GemmUse &use = plan.gemms.at(0);
  EXPECT_EQ(use.count, 1);
  EXPECT_EQ(use.device.n, 16);
  EXPECT_EQ(use.device.transB, 1);
  EXPECT_EQ(use.device.inputs, JEPAC_E4M3);
  EXPECT_EQ(use.device.result, JEPAC_BF16);
  EXPECT_EQ(use.device.biasType, JEPAC_BF16);
  EXPECT_EQ(use.device.epilogue, JEPAC_EPILOGUE_GELU);
  EXPECT_EQ(use.device.auxiliary, 24);
  EXPECT_EQ(use.device.workspaceBytes, 64);
  text.plan.set("target", "cpu");
  EXPECT_NE(errorOf(text.text()).find("e4m3 is for devices"), std::string::npos);
}
