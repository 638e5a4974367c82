//===- ArtifactTest.cpp - the command line of whole binaries -------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "FakeArtifact.h"

#include <bit>
#include <cmath>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

/// A file of tensors to replay; tests change one thing each.
struct Inputs {
  std::vector<float> clip = std::vector<float>(BATCH * CLIP_FLOATS, 0.5F);
  std::vector<std::int32_t> context = {0, 2, 5, 1, 3, 7}, target = {1, 4, 0, 6};
  std::vector<std::int64_t> contextShape = {BATCH, CONTEXT};
  std::vector<float> weight = {1, 2, 3, 4};
  bool teacher = true;
  std::string steps = "3";

  std::string write(const TempFolder &folder) const {
    std::string path = folder / "in.safetensors";
    SafetensorsWriter writer(path, 4096);
    std::vector<double> wide(weight.begin(), weight.end()); // F64 for an f32 plan is fine
    float bias = 0;
    writer.add("clip", DType::F32, {BATCH, CHANNELS, FRAMES, SIZE, SIZE}, clip.data());
    writer.add("mask0.context", DType::I32, contextShape, context.data());
    writer.add("mask0.target", DType::I32, {BATCH, TARGET}, target.data());
    writer.add("init.encoder.w", DType::F64, {WIDTH}, wide.data());
    if (teacher)
      writer.add("init.target_encoder.w", DType::F32, {WIDTH}, weight.data());
    writer.add("init.predictor.b", DType::F32, {1}, &bias);
    writer.add("init.encoder.pos_embed", DType::F32, {1}, &bias);
    Metadata metadata;
    if (!steps.empty())
      metadata.emplace_back("steps", steps);
    writer.finish(metadata);
    return path;
  }
};

class Artifact : public testing::Test {
protected:
  Outcome run(const std::string &binary, const std::string &line) {
    return runShell(folder, binary + " " + line);
  }
  Outcome replay(const Inputs &inputs, const std::string &more = "") {
    return run(train(),
               "replay --inputs " + inputs.write(folder) + " --outputs " + out + " " + more);
  }
  const std::string &train(bool taps = false) {
    std::string &path = taps ? trainTaps : trainPlain;
    if (path.empty()) {
      Json plan = fakePlan("train");
      plan.set("taps", taps);
      path = makeArtifact(folder, plan, taps ? "taps" : "plain");
    }
    return path;
  }
  std::vector<float> read(const char *name) {
    SafetensorsReader reader(out);
    const TensorInfo &info = reader.at(name);
    std::vector<float> values(static_cast<std::size_t>(info.elements));
    reader.read(info, DType::F32, values.data());
    return values;
  }

  TempFolder folder;
  std::string out = folder / "out.safetensors";

private:
  std::string trainPlain, trainTaps;
};

} // namespace

TEST_F(Artifact, TheBaseAloneSaysWhatItIs) {
  expectError(run(JEPAC_RUNTIME, "info"), 1, "this program holds no model");
}

TEST_F(Artifact, InfoHasTheKeysThatToolsRead) {
  Outcome outcome = run(train(), "info --json");
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  Json info = Json::parse(outcome.output);
  EXPECT_EQ(info.at("parameters").asInteger(), 5);
  EXPECT_EQ(info.at("flops_per_clip").asInteger(), 1000);
  EXPECT_EQ(info.at("flops_per_clip_unpruned").asInteger(), 3000);
  EXPECT_EQ(info.at("peak_bytes").asInteger(), 4096);
  EXPECT_EQ(info.at("context_tokens").asIntegers(), std::vector<std::int64_t>{3});
  EXPECT_EQ(info.at("target_tokens").asIntegers(), std::vector<std::int64_t>{2});
  EXPECT_EQ(info.at("pipeline").asString(), "none");
  EXPECT_EQ(info.at("masks").asString(), "fixed");
  EXPECT_EQ(info.at("dtype").asString(), "f32");
  EXPECT_TRUE(info.at("cpu_features").asArray().empty());
  Outcome text = run(train(), "info");
  EXPECT_HAS(text.output, "cpu_features              none\n");
  EXPECT_EQ(text.code, 0);
  EXPECT_HAS(text.output, "flops_per_clip            1.00 kFLOP");
}

TEST_F(Artifact, WrongUsageIsOneLineAndTwo) {
  const std::pair<const char *, const char *> cases[] = {
      {"", "no command"},
      {"dance", "no command 'dance'"},
      {"info --jason", "'info' does not take '--jason'"},
      {"info --json=1", "'--json' takes no value"},
      {"train --steps 3", "'train' needs --data LIST"},
      {"train --data a --steps", "'--steps' needs N"},
      {"train --data a --steps 1.5 --checkpoint c", "'--steps' takes a whole number of at least 0"},
      {"train --data a --steps 1 --steps 2 --checkpoint c", "'--steps' is given twice"},
      {"train --data a --steps 1 --checkpoint c --set crop=32", "'crop' is fixed in this binary"},
      {"train --data a --steps 1 --checkpoint c --set wings=2", "'wings' is no optimiser key"},
      {"train --data a --steps 1 --checkpoint c --set lr=fast", "'lr' takes a number"},
      {"train --data a --steps 1 --checkpoint c --set lr", "takes key=value"},
      {"train --data a --steps 1 --checkpoint c --masks published", "built with --masks fixed"},
      {"train --data a --steps 1 --checkpoint c --threads 99", "'--threads' is at most 4"},
      {"embed --input a --weights w --output o", "built for another task than 'embed'"},
      {"embed", "built for another task than 'embed'"}};
  for (const auto &[line, part] : cases)
    expectError(run(train(), line), 2, part);
  EXPECT_HAS(run(train(), "train --help").output, "--checkpoint-every N");
  EXPECT_HAS(run(train(), "--help").output, "replay");
}

TEST_F(Artifact, ReplayRunsTheStepsOfItsInputs) {
  Inputs inputs;
  Outcome outcome = replay(inputs);
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  // The step by hand, in double.
  double w[WIDTH], goal[WIDTH], m[WIDTH] = {}, v[WIDTH] = {}, teacher[WIDTH];
  for (int i = 0; i < WIDTH; ++i) {
    w[i] = teacher[i] = inputs.weight[i];
    goal[i] = 0.5;
  }
  for (int i = 0; i < BATCH * CONTEXT; ++i)
    goal[i % WIDTH] += 0.1 * inputs.context[i];
  for (int i = 0; i < BATCH * TARGET; ++i)
    goal[i % WIDTH] -= 0.1 * inputs.target[i];
  std::vector<float> losses = read("losses");
  ASSERT_EQ(losses.size(), 3U);
  for (int step = 0; step < 3; ++step) {
    double loss = 0;
    for (int i = 0; i < WIDTH; ++i) {
      double g = w[i] - goal[i];
      loss += 0.5 * g * g;
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      w[i] -= 0.05 * (m[i] / (1 - std::pow(0.9, step + 1))) /
              (std::sqrt(v[i] / (1 - std::pow(0.999, step + 1))) + 1e-8);
      teacher[i] = 0.9 * teacher[i] + 0.1 * w[i];
    }
    EXPECT_NEAR(losses[static_cast<std::size_t>(step)], loss, 1e-4 * loss);
  }
  for (std::size_t i = 0; i < WIDTH; ++i) {
    EXPECT_NEAR(read("final.encoder.w")[i], w[i], 1e-4);
    EXPECT_NEAR(read("final.target_encoder.w")[i], teacher[i], 1e-4);
  }
  SafetensorsReader reader(out);
  EXPECT_EQ(reader.find("grad.encoder.w"), nullptr);
  EXPECT_EQ(reader.at("losses").type, ElementType::F32);
}

TEST_F(Artifact, ReplayWithTapsWritesWhatStepZeroSaw) {
  Inputs inputs;
  Outcome outcome = run(train(true), "replay --inputs " + inputs.write(folder) + " --outputs " +
                                         out + " --steps 2");
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(read("losses").size(), 2U);
  EXPECT_FLOAT_EQ(read("grad.encoder.w")[3], 4 - (0.5F + 0.1F * 1 - 0.1F * 6));
  EXPECT_EQ(read("grad_norm_squared.encoder").size(), 1U);
}

TEST_F(Artifact, ReplaySetsLengthsWhereThePlanHasThem) {
  Json plan = fakePlan("train"), buffers = plan.at("buffers"), masks = plan.at("masks");
  addBuffer(buffers, "mask0.context.length", "input", {1}, AT_CONTEXT_LENGTH, R"({"dtype":"i32"})");
  addBuffer(buffers, "mask0.target.length", "input", {1}, AT_TARGET_LENGTH, R"({"dtype":"i32"})");
  // The lengths' bits, seen as a real: only outputs are written.
  addBuffer(buffers, "seen", "output", {1}, AT_CONTEXT_LENGTH);
  masks.set("rule", "published");
  plan.set("masks", masks);
  plan.set("buffers", buffers);
  plan.set("taps", true);
  std::string binary = makeArtifact(folder, plan, "published");
  Inputs inputs;
  inputs.context = {0, 2, 1, 3};
  inputs.contextShape = {BATCH, 2};
  Outcome outcome = run(binary, "replay --inputs " + inputs.write(folder) + " --outputs " + out);
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(std::bit_cast<std::int32_t>(read("seen")[0]), 2);
  EXPECT_EQ(run(binary, "bench --json --steps 1").code, 0);
}

TEST_F(Artifact, ReplayRefusesWhatCannotBe) {
  auto refused = [&](const Inputs &inputs, const char *part) {
    expectError(replay(inputs), 1, part);
  };
  Inputs inputs;
  inputs.context = {0, 2, 2, 1, 3, 7};
  refused(inputs, "'mask0.context' clip 0 position 2: token 2 follows 2");
  inputs = {};
  inputs.context[5] = 8;
  refused(inputs, "'mask0.context' clip 1 position 2: token 8 is not within 0..7");
  inputs = {};
  inputs.contextShape = {3, 2};
  refused(inputs, "tensor 'mask0.context' has shape [3, 2], expected [2, 3]");
  inputs = {};
  inputs.teacher = false;
  refused(inputs, "has no tensor 'init.target_encoder.w'");
  inputs = {};
  inputs.steps = "many";
  refused(inputs, "'steps' is no number of steps");
  expectError(run(train(), "replay --inputs nowhere --outputs " + out), 1, "cannot open 'nowhere'");
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST_F(Artifact, OutputsReplaceFilesOnly) {
  std::string in = Inputs().write(folder);
  expectError(run(train(), "replay --inputs " + in + " --outputs /dev/full"), 1,
              "not a regular file");
  expectError(run(train(), "replay --inputs " + in + " --outputs " + (folder / "no/such")), 1,
              "No such file");
}

TEST_F(Artifact, BenchHasTheKeysThatToolsRead) {
  Outcome outcome = run(train(), "bench --json --steps 3");
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  Json result = Json::parse(outcome.output);
  for (const char *key :
       {"clips_per_second", "achieved_flops", "gemm_ceiling_flops", "share", "peak_resident_bytes"})
    EXPECT_TRUE(result.at(key).isNumber()) << key;
  EXPECT_GT(result.at("clips_per_second").asReal(), 0);
  EXPECT_DOUBLE_EQ(result.at("achieved_flops").asReal(),
                   1000 * result.at("clips_per_second").asReal());
  ASSERT_EQ(result.at("phases").asArray().size(), 1U);
  EXPECT_EQ(result.at("phases").asArray()[0].at("name").asString(), "student");
  EXPECT_EQ(result.find("kernels"), nullptr);
  EXPECT_EQ(result.at("steps").asInteger(), 3);
  outcome = run(train(), "bench --json --seconds 0");
  EXPECT_EQ(Json::parse(outcome.output).at("steps").asInteger(), 5);
}

TEST_F(Artifact, BenchProfilesKernelsAndWritesATrace) {
  Outcome outcome = run(train(), "bench --profile --steps 1 --threads 1");
  EXPECT_HAS(outcome.output, "clips/s");
  EXPECT_HAS(outcome.output, "goal_0");
  std::string path = folder / "trace.json";
  outcome = run(train(), "bench --json --profile --steps 2 --trace " + path);
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  const Json result = Json::parse(outcome.output);
  const Json &kernel = result.at("kernels").asArray().at(0);
  EXPECT_EQ(kernel.at("name").asString(), "goal_0");
  EXPECT_EQ(kernel.at("calls").asInteger(), 1);
  bool found = false;
  const Json trace = Json::parse(readBytes(path));
  for (const Json &event : trace.at("traceEvents").asArray())
    found |= event.at("name").asString() == "goal_0";
  EXPECT_TRUE(found);
}

TEST_F(Artifact, BenchRefusesWhatCannotBe) {
  expectError(run(train(), "bench --steps 0"), 2, "'--steps' takes a whole number of at least 1");
  expectError(run(train(), "bench --steps 1 --seconds 1"), 2, "give one");
  expectError(run(train(), "bench --trace"), 2, "'--trace' needs FILE");
  expectError(run(train(), "bench --steps 1 --trace /no/such/trace.json"), 1, "/no/such/trace.json");
  Json plan = fakePlan("train");
  plan.set("functions", Json::parse(R"([{"name":"jepa_run","calls":[{"kernel":"a_0"},{"kernel":"b_1"}]}])"));
  expectError(run(makeArtifact(folder, plan, "other"), "bench --steps 1"), 1,
              "made 1 calls, the plan tells of 2");
  plan.set("functions", Json::array());
  std::string silent = makeArtifact(folder, plan, "silent");
  EXPECT_EQ(run(silent, "bench --steps 1").code, 0);
  expectError(run(silent, "bench --steps 1 --profile"), 1, "build it again to profile it");
}

TEST_F(Artifact, ReplayOfAnEmbedderWritesItsOutputs) {
  std::string binary = makeArtifact(folder, fakePlan("embed"));
  Outcome outcome = run(binary, "replay --inputs " + Inputs().write(folder) + " --outputs " + out);
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  std::vector<float> features = read("dense.norm");
  ASSERT_EQ(features.size(), std::size_t(BATCH * TOKENS * WIDTH));
  EXPECT_FLOAT_EQ(features[0], 0.5F);
  EXPECT_FLOAT_EQ(features.back(), 4 * 0.5F + 7);
  EXPECT_EQ(SafetensorsReader(out).find("losses"), nullptr);
}
