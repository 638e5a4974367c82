//===- WeightsTest.cpp - loading by published names ----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/io/Weights.h"

#include "TempFolder.h"
#include "test/unit/runtime/core/PlanText.h"

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

/// A tensor for a file: all of its elements are `value`.
struct Constant {
  std::string name;
  std::vector<std::int64_t> shape;
  float value;
};

std::string fileOf(const TempFolder &folder, const std::vector<Constant> &tensors) {
  std::size_t room = 0;
  for (const Constant &tensor : tensors)
    room += SafetensorsWriter::headerBytesFor(tensor.name);
  std::string path = folder / "w.safetensors";
  SafetensorsWriter writer(path, room);
  for (const Constant &tensor : tensors) {
    std::vector<float> values(1, tensor.value);
    for (std::int64_t size : tensor.shape)
      values.resize(values.size() * static_cast<std::size_t>(size), tensor.value);
    writer.add(tensor.name, DType::F32, tensor.shape, values.data());
  }
  writer.finish({});
  return path;
}

/// A plan with these parameters, and a place for them.
struct Loaded {
  explicit Loaded(const std::vector<std::string> &parameters, const char *task = "embed") {
    PlanText text;
    text.plan.set("task", task);
    for (const std::string &name : parameters)
      text.add(name, "parameter", {2}, R"({"init":"zeros"})");
    plan = Plan::parse(text.text());
    arena.resize(static_cast<std::size_t>(plan.arenaBytes));
  }
  std::vector<std::string> load(const std::string &path) {
    SafetensorsReader reader(path);
    return loadWeights(reader, plan, arena.data());
  }
  float first(const std::string &name) {
    return *reinterpret_cast<float *>(arena.data() + plan.at(name).offset);
  }

  Plan plan;
  std::vector<std::byte> arena;
};

} // namespace

TEST(Weights, EmbeddingPrefersTheTeacher) {
  TempFolder folder;
  Loaded loaded({"encoder.a", "encoder.b.c"});
  loaded.load(fileOf(folder, {{"encoder.a", {2}, 1},
                              {"encoder.b.c", {2}, 2},
                              {"target_encoder.a", {2}, 3},
                              {"target_encoder.b.c", {2}, 4},
                              {"predictor.x", {7}, 5}}));
  EXPECT_EQ(loaded.first("encoder.a"), 3);
  EXPECT_EQ(loaded.first("encoder.b.c"), 4);
}

TEST(Weights, WrappersAndBareNamesAreUnderstood) {
  TempFolder folder;
  for (std::string prefix :
       {"", "module.", "backbone.", "module.backbone.", "encoder.", "encoder.module.backbone.",
        "module.encoder.backbone.", "target_encoder.backbone."}) {
    Loaded loaded({"encoder.a", "encoder.b.c"});
    loaded.load(fileOf(folder, {{prefix + "a", {2}, 1},
                                {prefix + "b.c", {2}, 2},
                                {prefix + "pos_embed", {1, 9, 9}, 0},
                                {"optimizer.m.encoder.a", {2}, 9}}));
    EXPECT_EQ(loaded.first("encoder.a"), 1) << prefix;
    EXPECT_EQ(loaded.first("encoder.b.c"), 2) << prefix;
  }
}

TEST(Weights, TrainingTakesEachModule) {
  TempFolder folder;
  Loaded loaded({"encoder.a", "predictor.p", "target_encoder.a"}, "train");
  loaded.load(fileOf(
      folder, {{"encoder.a", {2}, 1}, {"predictor.p", {2}, 2}, {"target_encoder.a", {2}, 3}}));
  EXPECT_EQ(loaded.first("encoder.a"), 1);
  EXPECT_EQ(loaded.first("predictor.p"), 2);
  EXPECT_EQ(loaded.first("target_encoder.a"), 3);
  Loaded fresh({"encoder.a", "predictor.p", "target_encoder.a"}, "train");
  std::vector<std::string> said = fresh.load(fileOf(folder, {{"encoder.a", {2}, 5}}));
  EXPECT_EQ(fresh.first("encoder.a"), 5);
  EXPECT_EQ(fresh.first("predictor.p"), 0);
  EXPECT_EQ(fresh.first("target_encoder.a"), 5);
  ASSERT_EQ(said.size(), 3U);
  EXPECT_EQ(said[1], "predictor: not in the file, left as initialised");
}

TEST(Weights, MissingUnknownAndMisshapedTensorsAreNamed) {
  TempFolder folder;
  auto problem = [&](const std::vector<Constant> &tensors) {
    Loaded loaded({"encoder.a", "encoder.b"});
    std::string path = fileOf(folder, tensors);
    std::string error = errorOf([&] { loaded.load(path); });
    EXPECT_EQ(loaded.first("encoder.a"), 0);
    return error;
  };
  EXPECT_HAS(problem({{"encoder.a", {2}, 1}}), "tensor 'encoder.b' is missing, expected shape [2]");
  EXPECT_HAS(problem({{"encoder.a", {2}, 1}, {"encoder.b", {3, 1}, 1}}),
             "tensor 'encoder.b' has shape [3, 1], expected [2]");
  EXPECT_HAS(problem({{"encoder.a", {2}, 1}, {"encoder.b", {2}, 1}, {"encoder.z", {1}, 1}}),
             "tensor 'encoder.z' [1] is unknown to this model");
  EXPECT_HAS(problem({{"predictor.a", {2}, 1}}), "holds no encoder");
  EXPECT_HAS(problem({{"encoder.a", {2}, 1}, {"encoder.module.a", {2}, 1}}),
             "are the same parameter");
}
