//===- ProgramTest.cpp - whole binaries on the stand-in GPU ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/Json.h"
#include "runtime/core/Payload.h"
#include "runtime/core/Plan.h"
#include "runtime/cuda/DeviceExecutor.h"
#include "runtime/io/JsonLines.h"
#include "runtime/io/Safetensors.h"
#include "simt/driver/program/Layout.h"
#include "test/unit/runtime/main/Shell.h"

#include <cmath>
#include <dlfcn.h>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

void addBuffer(Json &buffers, const char *name, const char *kind, const std::vector<std::int64_t> &shape, int offset,
               const char *extra = "{}") {
  Json buffer = Json::parse(extra);
  buffer.set("name", name);
  buffer.set("kind", kind);
  buffer.set("shape", shape);
  buffer.set("offset", offset);
  buffers.push(buffer);
}

Json planOf(const char *task) {
  bool training = std::string(task) == "train";
  Json plan = Json::parse(R"json({"format":1,"model":"small","target":"cuda","cuda_arch":"sm_90a","dtype":"f32",
    "version":"0.1.0","config":{"crop":"16","frames":"4","batch":"2","lr":"0.0005","weight_decay":"0.1",
    "ema":"0.9"},"taps":true,"max_threads":4,"pipeline":"none","libraries":["libcuda.so.1","libcublasLt.so.13"],
    "parameters":24584,"flops_per_clip":98304,"flops_per_clip_unpruned":98304,"provenance":{"by":"a test"}})json");
  plan.set("task", task);
  plan.set("arena_bytes", int(ARENA_BYTES));
  Json buffers = Json::array();
  addBuffer(buffers, "encoder.w", "parameter", {WIDTH, PIXELS}, AT_WEIGHT,
            training
                ? R"({"init":"trunc_normal","std":0.02,"trainable":true,"decay":true,"teacher":"target_encoder.w"})"
                : R"({"init":"trunc_normal","std":0.02})");
  addBuffer(buffers, "encoder.b", "parameter", {WIDTH}, AT_BIAS,
            training ? R"({"init":"ones","trainable":true,"teacher":"target_encoder.b"})" : R"({"init":"ones"})");
  addBuffer(buffers, "clip", "input", {BATCH, CHANNELS, FRAMES, SIZE, SIZE}, AT_CLIP);
  const char *products = R"([{"m":2,"n":8,"k":3072,"lda":3072,"ldb":3072,"ldc":8,"transA":0,"transB":1,"inputs":"f32",
    "result":"f32","epilogue":"bias","workspace_bytes":98304},{"m":8,"n":3072,"k":2,"lda":8,"ldb":3072,"ldc":3072,
    "transA":1,"transB":0,"inputs":"f32","result":"f32","epilogue":"bias_grad","workspace_bytes":98304}])";
  plan.set("gemms", Json::parse(products));
  if (training) {
    addBuffer(buffers, "target_encoder.w", "parameter", {WIDTH, PIXELS}, AT_TEACHER,
              R"({"init":"zeros","ema_of":"encoder.w"})");
    addBuffer(buffers, "target_encoder.b", "parameter", {WIDTH}, AT_TEACHER_BIAS,
              R"({"init":"zeros","ema_of":"encoder.b"})");
    addBuffer(buffers, "m:encoder.w", "moment", {WIDTH, PIXELS}, AT_M_WEIGHT);
    addBuffer(buffers, "v:encoder.w", "moment", {WIDTH, PIXELS}, AT_V_WEIGHT);
    addBuffer(buffers, "m:encoder.b", "moment", {WIDTH}, AT_M_BIAS);
    addBuffer(buffers, "v:encoder.b", "moment", {WIDTH}, AT_V_BIAS);
    addBuffer(buffers, "hyper", "input", {9}, AT_HYPER);
    addBuffer(buffers, "mask0.context", "input", {BATCH, CONTEXT}, AT_CONTEXT, R"({"dtype":"i32","mask_tokens":8})");
    addBuffer(buffers, "mask0.target", "input", {BATCH, TARGET}, AT_TARGET, R"({"dtype":"i32","mask_tokens":8})");
    addBuffer(buffers, "loss", "output", {1}, AT_LOSS);
    addBuffer(buffers, "grad_norm_squared.encoder", "output", {1}, AT_NORM);
    addBuffer(buffers, "grad.encoder.w", "output", {WIDTH, PIXELS}, AT_WEIGHT_GRAD);
    plan.set("masks", Json::parse(R"({"rule":"fixed","grid":[2,2,2],"groups":[{"context":3,"target":2,
      "num_blocks":2,"spatial_scale":[0.5,0.5],"temporal_scale":[1,1],"aspect_ratio":[1,1]}]})"));
    plan.set("functions", Json::parse(R"([{"name":"jepa_run","calls":[{"kernel":"make_goal","scope":""},
      {"kernel":"read_clip","scope":"encoder"},{"kernel":"product","scope":"encoder","flops":98304},{"kernel":"loss_partial"},
      {"kernel":"loss"},{"kernel":"loss_grad"},{"kernel":"product","scope":"encoder/adjoint","flops":98304},
      {"kernel":"squared_norm","scope":"optimizer"},{"kernel":"gradient_norm","scope":"optimizer"},
      {"kernel":"adamw","scope":"optimizer"},{"kernel":"overwrite_clip"}]}])"));
  } else {
    addBuffer(buffers, "dense.norm", "output", {BATCH, 1, WIDTH}, AT_FEATURES);
  }
  plan.set("buffers", buffers);
  plan.set("peak_bytes", 0);
  plan.set("peak_bytes", deviceBytes(Plan::parse(plan.dump())));
  return plan;
}

/// The same plan for a program that also takes clips of bytes.
Json withBytes(Json plan) {
  Json buffers = plan.at("buffers");
  addBuffer(buffers, "clip.bytes", "input", {1}, AT_CLIP_BYTES, R"({"dtype":"i32"})");
  plan.set("buffers", buffers);
  plan.set("peak_bytes", deviceBytes(Plan::parse(plan.dump())));
  return plan;
}

class OnDevice : public testing::Test {
protected:
  std::string make(const Json &plan, const std::string &name, const char *code = nullptr) {
    bool training = plan.at("task").asString() == "train";
    std::string path = folder / name;
    appendPayload(JEPAC_RUNTIME,
                  readBytes(code       ? code
                            : training ? JEPAC_TRAIN_CODE
                                       : JEPAC_EMBED_CODE),
                  plan.dump(), path);
    return path;
  }
  const std::string &trainer() {
    if (binary.empty())
      binary = make(planOf("train"), "trainer");
    return binary;
  }
  /// With the stand-in libraries, and a cache of one's own. Leaks are not looked for: g++ 12's sanitizer crashes at it.
  Outcome run(const std::string &line, const std::string &environment = "",
              const std::string &libraries = JEPAC_DRIVERS) {
    return runShell(folder, "env ASAN_OPTIONS=detect_leaks=0 JEPAC_CACHE=" + (folder / "cache") +
                                " LD_LIBRARY_PATH=" + libraries + " " + environment + " " + line);
  }

  /// A file to replay.
  std::string inputs() {
    std::string path = folder / "in.safetensors";
    SafetensorsWriter writer(path, 4096);
    clip.resize(BATCH * PIXELS);
    weight.resize(WEIGHTS);
    for (std::size_t i = 0; i < clip.size(); ++i)
      clip[i] = std::sin(0.37F * static_cast<float>(i));
    for (std::size_t i = 0; i < weight.size(); ++i)
      weight[i] = 0.02F * std::cos(0.11F * static_cast<float>(i));
    std::vector<float> bias(WIDTH, 0.5F);
    writer.add("clip", DType::F32, {BATCH, CHANNELS, FRAMES, SIZE, SIZE}, clip.data());
    writer.add("mask0.context", DType::I32, {BATCH, CONTEXT}, context);
    writer.add("mask0.target", DType::I32, {BATCH, TARGET}, target);
    writer.add("init.encoder.w", DType::F32, {WIDTH, PIXELS}, weight.data());
    writer.add("init.encoder.b", DType::F32, {WIDTH}, bias.data());
    writer.add("init.target_encoder.w", DType::F32, {WIDTH, PIXELS}, weight.data());
    writer.add("init.target_encoder.b", DType::F32, {WIDTH}, bias.data());
    writer.finish({{"steps", "5"}});
    return path;
  }
  std::vector<float> read(const std::string &file, const std::string &name) {
    SafetensorsReader reader(file);
    std::vector<float> values(static_cast<std::size_t>(reader.at(name).elements));
    reader.read(reader.at(name), DType::F32, values.data());
    return values;
  }

  TempFolder folder;
  std::vector<float> clip, weight;
  std::int32_t context[BATCH * CONTEXT] = {0, 2, 5, 1, 3, 7}, target[BATCH * TARGET] = {1, 4, 0, 6};

private:
  std::string binary;
};

} // namespace

TEST_F(OnDevice, ReplayIsWhatTheLoopsSay) {
  std::string in = inputs(), out = folder / "out.safetensors";
  Outcome outcome = run(trainer() + " replay --inputs " + in + " --outputs " + out);
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  std::vector<double> w(weight.begin(), weight.end()), m(WEIGHTS), v(WEIGHTS), teacher = w;
  std::vector<double> b(WIDTH, 0.5), mb(WIDTH), vb(WIDTH);
  std::vector<float> losses = read(out, "losses");
  ASSERT_EQ(losses.size(), 5U);
  for (int step = 0; step < 5; ++step) {
    double loss = 0, grad[BATCH * WIDTH], squared = 0;
    for (int clipAt = 0; clipAt < BATCH; ++clipAt)
      for (int i = 0; i < WIDTH; ++i) {
        double feature = b[static_cast<std::size_t>(i)], goal = 0;
        for (int p = 0; p < PIXELS; ++p)
          feature +=
              double(clip[static_cast<std::size_t>(clipAt * PIXELS + p)]) * w[static_cast<std::size_t>(i * PIXELS + p)];
        for (int c = 0; c < CONTEXT; ++c)
          goal += 0.1 * context[clipAt * CONTEXT + c] * (i + 1);
        for (int t = 0; t < TARGET; ++t)
          goal -= 0.1 * target[clipAt * TARGET + t];
        grad[clipAt * WIDTH + i] = (feature - goal) / (BATCH * WIDTH);
        loss += 0.5 * (feature - goal) * (feature - goal) / (BATCH * WIDTH);
      }
    EXPECT_NEAR(losses[static_cast<std::size_t>(step)], loss, 1e-4 * loss) << step;
    auto update = [&](double &value, double &first, double &second, double g, double decay) {
      first = 0.9 * first + 0.1 * g;
      second = 0.999 * second + 0.001 * g * g;
      value -= 0.0005 * (decay * value + first / (1 - std::pow(0.9, step + 1)) /
                                             (std::sqrt(second / (1 - std::pow(0.999, step + 1))) + 1e-8));
    };
    for (std::size_t i = 0; i < w.size(); ++i) {
      double g = 0;
      for (std::size_t clipAt = 0; clipAt < BATCH; ++clipAt)
        g += grad[clipAt * WIDTH + i / PIXELS] * double(clip[clipAt * PIXELS + i % PIXELS]);
      squared += g * g;
      update(w[i], m[i], v[i], g, 0.1);
      teacher[i] = 0.9 * teacher[i] + 0.1 * w[i];
    }
    for (std::size_t i = 0; i < WIDTH; ++i) {
      double g = grad[i] + grad[WIDTH + i];
      squared += g * g;
      update(b[i], mb[i], vb[i], g, 0);
    }
    if (step == 0) {
      EXPECT_NEAR(read(out, "grad_norm_squared.encoder").at(0), squared, 1e-4 * squared);
    }
  }
  std::vector<float> finalWeight = read(out, "final.encoder.w"), finalTeacher = read(out, "final.target_encoder.w");
  for (std::size_t i = 0; i < w.size(); ++i) {
    ASSERT_NEAR(finalWeight[i], w[i], 1e-4) << i;
    ASSERT_NEAR(finalTeacher[i], teacher[i], 1e-4) << i;
  }
  for (std::size_t i = 0; i < WIDTH; ++i)
    EXPECT_NEAR(read(out, "final.encoder.b")[i], b[i], 1e-4);
  EXPECT_TRUE(std::filesystem::exists(folder / "cache/cublaslt-algorithms"));
}

TEST_F(OnDevice, NothingDependsOnWhenWorkIsDone) {
  std::string in = inputs();
  auto outputs = [&](const std::string &environment) {
    std::string out = folder / "out.safetensors";
    Outcome outcome = run(trainer() + " replay --inputs " + in + " --outputs " + out, environment);
    EXPECT_EQ(outcome.code, 0) << outcome.error;
    return readBytes(out);
  };
  std::string first = outputs("");
  for (int seed = 1; seed <= 6; ++seed)
    EXPECT_TRUE(outputs("JEPAC_FAKE_CUDA_SEED=" + std::to_string(seed)) == first) << seed;
  EXPECT_TRUE(outputs("JEPAC_CUDA_SYNC=1") == first);
  // The library's first proposal, where nothing can be kept, is one of the two algorithms of the fake.
  EXPECT_EQ(outputs("JEPAC_CACHE=/proc/none JEPAC_FAKE_CUDA_SEED=9"), outputs("JEPAC_CACHE=/proc/none"));
}

TEST_F(OnDevice, StepsAreOneGraph) {
  std::string counts = folder / "counts.txt", in = inputs();
  auto counted = [&](const std::string &environment) {
    Outcome outcome = run(trainer() + " replay --inputs " + in + " --outputs " + (folder / "out.safetensors"),
                          "JEPAC_FAKE_CUDA_COUNTS=" + counts + " " + environment);
    EXPECT_EQ(outcome.code, 0) << outcome.error;
    return readBytes(counts);
  };
  // Ten kernels to a step: the first one runs them, the second captures them, and replays as the other three do.
  EXPECT_EQ(counted(""), "kernels 18 graphs 4\n");
  EXPECT_EQ(counted("JEPAC_CUDA_SYNC=1"), "kernels 45 graphs 0\n");
}

TEST_F(OnDevice, WhatCannotRunIsOneLine) {
  std::string line = " replay --inputs " + inputs() + " --outputs " + (folder / "out.safetensors");
  auto refused = [&](const std::string &environment, const std::string &part) {
    expectError(run(trainer() + line, environment), 1, part);
  };
  refused("JEPAC_FAKE_CUDA_DEVICES=0",
          "the CUDA driver finds none (CUDA_ERROR_NO_DEVICE (no CUDA-capable device is detected))");
  refused("JEPAC_FAKE_CUDA_DRIVER=11040", "needs one for CUDA 12.0, found one for CUDA 11.4; update NVIDIA's driver");
  refused("JEPAC_FAKE_CUDA_CAPABILITY=8.0",
          "built for sm_90a, the GPU 'fake GPU' has compute capability 8.0: build it again with --cuda-arch sm_80");
  refused("JEPAC_FAKE_CUDA_CAPABILITY=10.0", "has compute capability 10.0: run it on another GPU");
  std::string needed = std::to_string(planOf("train").at("peak_bytes").asInteger());
  refused("JEPAC_FAKE_CUDA_MEMORY=100000",
          "needs " + needed +
              " bytes of device memory, 100000 of 100000 are free on 'fake GPU'; end what else runs there");
  EXPECT_EQ(run(trainer() + line, "JEPAC_FAKE_CUDA_MEMORY=" + needed).code, 0) << "more than the plan says";
  for (const char *command : {"info", "info --json"})
    EXPECT_EQ(run(trainer() + " " + command, "JEPAC_FAKE_CUDA_DEVICES=0").code, 0);
  EXPECT_HAS(run(trainer() + " info").output, "cuda (sm_90a), f32");
  EXPECT_HAS(run(trainer() + " info").output, "of device memory)");

  Json older = planOf("train");
  older.set("cuda_arch", "sm_80");
  older.set("cuda_version", 12040);
  std::string portable = make(older, "portable");
  EXPECT_EQ(run(portable + line, "JEPAC_FAKE_CUDA_CAPABILITY=8.6").code, 0);
  expectError(run(portable + line), 1,
              "built for sm_80, the GPU 'fake GPU' has compute capability 9.0: build it again with --cuda-arch sm_90a");
  expectError(run(portable + line, "JEPAC_FAKE_CUDA_DRIVER=12000"), 1,
              "needs one for CUDA 12.4, found one for CUDA 12.0");
}

TEST_F(OnDevice, MissingLibrariesAreNamed) {
  std::string line = trainer() + " replay --inputs " + inputs() + " --outputs " + (folder / "out.safetensors");
  if (!dlopen("libcublasLt.so.13", RTLD_LAZY) && !dlopen("libcublasLt.so.12", RTLD_LAZY)) {
    std::filesystem::create_symlink(std::string(JEPAC_DRIVERS) + "/libcuda.so.1", folder / "libcuda.so.1");
    expectError(run(line, "", folder.path.string()), 1, "cuBLASLt (libcublasLt.so.13 or .12) could not be opened");
  }
  if (dlopen("libcuda.so.1", RTLD_LAZY))
    GTEST_SKIP() << "this machine has a CUDA driver";
  expectError(run(line, "", "/nowhere"), 1, "NVIDIA GPU, and its driver (libcuda.so.1) could not be opened");
  EXPECT_EQ(run(trainer() + " info", "", "/nowhere").code, 0);
}

TEST_F(OnDevice, AFaultNamesItsKernelWhenAskedTo) {
  std::string line = trainer() + " replay --inputs " + inputs() + " --outputs " + (folder / "out.safetensors");
  // Ten kernels to a step: the fault is in the third.
  expectError(run(line, "JEPAC_FAKE_CUDA_FAIL_LAUNCH=20 JEPAC_FAKE_CUDA_SEED=1"), 1,
              "JEPAC_CUDA_SYNC=1 names the kernel");
  expectError(run(line, "JEPAC_FAKE_CUDA_FAIL_LAUNCH=20 JEPAC_CUDA_SYNC=1"), 1,
              "kernel 'read_clip' failed on the GPU: CUDA_ERROR_LAUNCH_FAILED (unspecified launch failure)");
}

TEST_F(OnDevice, BenchHasTheKeysThatToolsRead) {
  std::string trace = folder / "trace.json";
  Outcome outcome = run(trainer() + " bench --json --profile --steps 4 --trace " + trace, "JEPAC_FAKE_CUDA_SEED=2");
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  const Json result = Json::parse(outcome.output);
  EXPECT_EQ(result.at("device_bytes").asInteger(), planOf("train").at("peak_bytes").asInteger());
  EXPECT_EQ(result.at("device").asString(), "fake GPU");
  EXPECT_GT(result.at("clips_per_second").asReal(), 0);
  EXPECT_GT(result.at("gemm_ceiling_flops").asReal(), 0);
  EXPECT_EQ(result.at("gemms").asArray().size(), 2U);
  std::vector<std::string> phases;
  for (const Json &phase : result.at("phases").asArray())
    phases.push_back(phase.at("name").asString());
  EXPECT_EQ(phases, (std::vector<std::string>{"other", "student", "backward", "optimiser"}));
  bool found = false;
  for (const Json &kernel : result.at("kernels").asArray())
    found |= kernel.at("name").asString() == "adamw" && kernel.at("seconds").asReal() > 0;
  EXPECT_TRUE(found) << outcome.output;
  found = false;
  const Json events = Json::parse(readBytes(trace));
  for (const Json &event : events.at("traceEvents").asArray())
    found |= event.at("name").asString() == "adamw";
  EXPECT_TRUE(found);
  outcome = run(trainer() + " bench --profile --steps 2");
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_HAS(outcome.output, " allocated on fake GPU");
}

//===----------------------------------------------------------------------===//
// Videos
//===----------------------------------------------------------------------===//

namespace {

class TrainingOnDevice : public OnDevice {
protected:
  void SetUp() override {
    if (std::system("ffmpeg -version >/dev/null 2>&1") != 0)
      GTEST_SKIP() << "the ffmpeg program is absent";
    std::string lines;
    for (int i = 0; i < 3; ++i) {
      std::string video = folder / ("v" + std::to_string(i) + ".mp4");
      ASSERT_EQ(std::system(("ffmpeg -v error -f lavfi -i testsrc2=size=48x32:rate=25:duration=" +
                             std::to_string(1 + i) + " -pix_fmt yuv420p " + video)
                                .c_str()),
                0);
      lines += video + " " + std::to_string(i) + "\n";
    }
    writeBytes(list, lines);
  }
  Outcome train(const std::string &name, int steps, const std::string &more = "", const std::string &environment = "",
                const std::string &binary = "") {
    return run((binary.empty() ? trainer() : binary) + " train --data " + list + " --steps " + std::to_string(steps) +
                   " --checkpoint " + (folder / name) + " --log " + (folder / (name + ".log")) +
                   " --seed 5 --checkpoint-every 4 " + more,
               environment);
  }
  std::vector<double> losses(const std::string &name) {
    std::vector<double> values;
    for (const Json &object : readJsonLines(folder / (name + ".log/metrics.jsonl")))
      values.push_back(object.at("loss").asReal());
    return values;
  }
  std::string checkpoint(const std::string &name, int step) {
    char file[64];
    std::snprintf(file, sizeof(file), "/step-%08d.safetensors", step);
    return (folder / name) + file;
  }
  void expectSameState(const std::string &a, const std::string &b) {
    SafetensorsReader one(a), two(b);
    EXPECT_EQ(one.checksum(), two.checksum());
    EXPECT_EQ(*one.metadata("sample"), *two.metadata("sample"));
  }

  std::string list = folder / "list.txt";
};

} // namespace

TEST_F(TrainingOnDevice, GoesOnAfterAFaultAsIfNothingHadHappened) {
  Outcome outcome = train("whole", 12);
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  ASSERT_EQ(losses("whole").size(), 12U);
  EXPECT_LT(losses("whole").back(), losses("whole").front());
  // Ten kernels to a step: in the seventh.
  outcome = train("cut", 12, "", "JEPAC_FAKE_CUDA_FAIL_LAUNCH=59");
  expectError(outcome, 1, "CUDA_ERROR_LAUNCH_FAILED");
  EXPECT_HAS(outcome.error, "the last checkpoint is whole, go on from it with --resume: " + checkpoint("cut", 4));
  outcome = train("cut", 12, "--resume");
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_HAS(outcome.output, "resuming after step 4");
  EXPECT_EQ(losses("cut"), losses("whole"));
  expectSameState(checkpoint("cut", 12), checkpoint("whole", 12));
  expectError(train("early", 12, "", "JEPAC_FAKE_CUDA_FAIL_LAUNCH=3"), 1, "no checkpoint was written yet");
}

TEST_F(TrainingOnDevice, UploadsTheNextStepWithoutTouchingThisOne) {
  ASSERT_EQ(train("whole", 9).code, 0);
  for (int seed = 1; seed <= 5; ++seed) {
    std::string name = "seed" + std::to_string(seed);
    Outcome outcome = train(name, 9, "", "JEPAC_FAKE_CUDA_SEED=" + std::to_string(seed));
    ASSERT_EQ(outcome.code, 0) << outcome.error;
    EXPECT_EQ(losses(name), losses("whole")) << seed;
    expectSameState(checkpoint(name, 9), checkpoint("whole", 9));
  }
}

TEST_F(TrainingOnDevice, CheckpointsEmbedVideos) {
  ASSERT_EQ(train("run", 2).code, 0);
  std::string embedder = make(planOf("embed"), "embedder"), out = folder / "f.safetensors";
  auto features = [&](const std::string &environment) {
    Outcome outcome =
        run(embedder + " embed --data " + list + " --weights " + (folder / "run") + " --output " + out, environment);
    EXPECT_EQ(outcome.code, 0) << outcome.error;
    EXPECT_HAS(outcome.output, "embedded 3 videos");
    return readBytes(out);
  };
  // Three clips in batches of two: one in flight while the next is gathered.
  std::string first = features("");
  EXPECT_EQ(read(out, folder / "v1.mp4").size(), std::size_t(WIDTH));
  std::string alone = folder / "alone.safetensors";
  EXPECT_EQ(
      run(embedder + " embed --input " + (folder / "v1.mp4") + " --weights " + (folder / "run") + " --output " + alone)
          .code,
      0);
  EXPECT_EQ(read(alone, folder / "v1.mp4"), read(out, folder / "v1.mp4"));
  for (int seed = 1; seed <= 3; ++seed)
    EXPECT_EQ(features("JEPAC_FAKE_CUDA_SEED=" + std::to_string(seed)), first) << seed;
}

TEST_F(TrainingOnDevice, ClipsMayTravelAsBytes) {
  std::string bytes = make(withBytes(planOf("train")), "trainer-bytes");
  ASSERT_EQ(train("floats", 6).code, 0);
  Outcome outcome = train("bytes", 6, "", "", bytes);
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  std::vector<double> expected = losses("floats"), found = losses("bytes");
  ASSERT_EQ(found.size(), 6U);
  EXPECT_NE(found, expected);
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 0.02 * expected[i]) << i;
  for (const char *file : {"floats.log/masks.png", "bytes.log/masks.png"})
    EXPECT_EQ(readBytes(folder / file).substr(0, 4), "\x89PNG") << file;
  for (int seed = 1; seed <= 3; ++seed) {
    std::string name = "seed" + std::to_string(seed);
    ASSERT_EQ(train(name, 6, "", "JEPAC_FAKE_CUDA_SEED=" + std::to_string(seed), bytes).code, 0);
    EXPECT_EQ(losses(name), found) << seed;
  }
  EXPECT_EQ(run(bytes + " bench --json --steps 2").code, 0);

  // The device has room for the clip that travels, beside the one in the arena, and for no more.
  auto rounded = [](std::int64_t size) { return (size + 255) / 256 * 256; };
  std::int64_t numbers = BATCH * PIXELS, wide = planOf("train").at("peak_bytes").asInteger(),
               narrow = withBytes(planOf("train")).at("peak_bytes").asInteger();
  EXPECT_EQ(narrow, wide - rounded(4 * numbers) + rounded(numbers) + rounded(4));
  auto withMemory = [&](std::int64_t size) { return "JEPAC_FAKE_CUDA_MEMORY=" + std::to_string(size); };
  EXPECT_EQ(train("exact", 2, "", withMemory(narrow), bytes).code, 0);
  expectError(train("less", 2, "", withMemory(narrow - 1), bytes), 1,
              "needs " + std::to_string(narrow) + " bytes of device memory");

  // Given tensors stay floats.
  std::string in = inputs(), one = folder / "one.safetensors", two = folder / "two.safetensors";
  ASSERT_EQ(run(trainer() + " replay --inputs " + in + " --outputs " + one).code, 0);
  ASSERT_EQ(run(bytes + " replay --inputs " + in + " --outputs " + two, withMemory(narrow)).code, 0);
  for (const char *name : {"losses", "final.encoder.w", "final.encoder.b", "grad.encoder.w"})
    EXPECT_EQ(read(one, name), read(two, name)) << name;

  std::string embedder = make(planOf("embed"), "embedder"), other = make(withBytes(planOf("embed")), "embedder-bytes");
  std::string line = " embed --data " + list + " --weights " + (folder / "floats") + " --output ";
  ASSERT_EQ(run(embedder + line + one).code, 0);
  ASSERT_EQ(run(other + line + two).code, 0);
  for (const char *video : {"v0.mp4", "v1.mp4", "v2.mp4"}) {
    std::vector<float> a = read(one, folder / video), b = read(two, folder / video);
    for (std::size_t i = 0; i < a.size(); ++i)
      EXPECT_NEAR(a[i], b[i], 0.02) << video;
  }
}
