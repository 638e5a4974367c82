//===- CheckpointTest.cpp - training states that survive crashes ---------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/io/Checkpoint.h"

#include "TempFolder.h"
#include "test/unit/runtime/core/PlanText.h"

#include <cmath>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

Plan planOf(std::int64_t width, const char *lr = "0.1", const char *crop = "64") {
  PlanText text;
  Json config = Json::object();
  config.set("crop", crop);
  config.set("lr", lr);
  text.plan.set("config", config);
  text.add("encoder.w", "parameter", {width}, R"({"init":"zeros","trainable":true})");
  text.add("m:encoder.w", "moment", {width});
  text.add("v:encoder.w", "moment", {width});
  text.add("target_encoder.w", "parameter", {width}, R"({"init":"zeros","ema_of":"encoder.w"})");
  text.add("loss", "output", {1});
  return Plan::parse(text.text());
}

/// A folder of checkpoints and an arena to save and load.
struct SavedRun {
  explicit SavedRun(const TempFolder &folder, Plan planned = planOf(3), int keep = 3)
      : plan(std::move(planned)), arena(static_cast<std::size_t>(plan.arenaBytes)),
        checkpoints(folder.path / "run", plan, keep) {
    checkpoints.prepare();
  }
  float &value(const char *name, std::size_t i = 0) {
    return reinterpret_cast<float *>(arena.data() + plan.at(name).offset)[i];
  }
  std::filesystem::path save(std::int64_t step) {
    value("encoder.w") = static_cast<float>(step);
    value("m:encoder.w", 2) = static_cast<float>(10 * step);
    value("target_encoder.w", 1) = 0.1F;
    return checkpoints.save(arena.data(), {step, 42, 2 * step});
  }
  std::optional<TrainingPosition> load() {
    return checkpoints.load(arena.data(),
                            [&](const std::string &line) { warnings.push_back(line); });
  }

  Plan plan;
  std::vector<std::byte> arena;
  CheckpointFolder checkpoints;
  std::vector<std::string> warnings;
};

} // namespace

TEST(Checkpoint, BringsEverythingBack) {
  TempFolder folder;
  SavedRun first(folder);
  EXPECT_FALSE(first.load());
  std::filesystem::path path = first.save(7);
  SavedRun second(folder);
  std::optional<TrainingPosition> position = second.load();
  ASSERT_TRUE(position);
  EXPECT_EQ(position->step, 7);
  EXPECT_EQ(position->seed, 42U);
  EXPECT_EQ(position->sample, 14);
  for (const char *name : {"encoder.w", "m:encoder.w", "v:encoder.w", "target_encoder.w"})
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_EQ(second.value(name, i), first.value(name, i)) << name;
  SafetensorsReader reader(path.string());
  EXPECT_NE(reader.find("optimizer.m.encoder.w"), nullptr);
  EXPECT_NE(reader.find("optimizer.v.encoder.w"), nullptr);
  EXPECT_EQ(reader.find("loss"), nullptr);
}

TEST(Checkpoint, KeepsTheNewestAndLinksTheLast) {
  TempFolder folder;
  SavedRun run(folder, planOf(3), 2);
  for (std::int64_t step : {9, 10, 11})
    run.save(step);
  std::vector<std::filesystem::path> files = run.checkpoints.files();
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].filename(), "step-00000011.safetensors");
  EXPECT_EQ(std::filesystem::read_symlink(folder / "run/latest.safetensors"), files[0].filename());
  EXPECT_EQ(resolveWeights(folder / "run"), files[0].string());
  EXPECT_EQ(resolveWeights(files[1].string()), files[1].string());
  EXPECT_HAS(errorOf([&] { resolveWeights(folder.path.string()); }), "holds no checkpoint");
}

TEST(Checkpoint, ADamagedOneFallsBackToTheOneBefore) {
  TempFolder folder;
  SavedRun run(folder);
  run.save(1);
  run.save(2);
  std::string newest = run.save(3).string(), bytes = readBytes(newest);
  writeBytes(newest, bytes.substr(0, bytes.size() - 5));
  ASSERT_EQ(run.load()->step, 2);
  ASSERT_EQ(run.warnings.size(), 1U);
  EXPECT_HAS(run.warnings[0], "step-00000003.safetensors");
  // One flipped bit, which no size gives away.
  bytes[bytes.size() - 3] ^= 4;
  writeBytes(newest, bytes);
  ASSERT_EQ(run.load()->step, 2);
  EXPECT_HAS(run.warnings[1], "its checksum does not match");
  EXPECT_EQ(run.value("encoder.w"), 2);
  for (const std::filesystem::path &path : run.checkpoints.files())
    writeBytes(path.string(), "");
  EXPECT_HAS(errorOf([&] { run.load(); }), "none of the 3 checkpoints");
}

TEST(Checkpoint, AnotherGeometryIsNamed) {
  TempFolder folder;
  SavedRun(folder).save(1);
  SavedRun other(folder, planOf(3, "0.1", "128"));
  EXPECT_HAS(errorOf([&] { other.load(); }), "has 'crop' 64, this binary has 128");
  SavedRun wider(folder, planOf(5));
  EXPECT_HAS(errorOf([&] { wider.load(); }),
             "tensor 'encoder.w' of shape [3], this binary has [5]");
  SavedRun faster(folder, planOf(3, "0.5"));
  EXPECT_EQ(faster.load()->step, 1);
}

TEST(Checkpoint, NoNumbersNoCheckpoint) {
  TempFolder folder;
  SavedRun run(folder);
  run.save(1);
  run.value("target_encoder.w", 2) = std::nanf("");
  EXPECT_HAS(errorOf([&] { run.save(2); }), "'target_encoder.w' is not finite after step 2");
  EXPECT_EQ(run.checkpoints.files().size(), 1U);
}

TEST(Checkpoint, LeftoversOfAKilledRunAreRemoved) {
  TempFolder folder;
  SavedRun run(folder);
  run.save(1);
  writeBytes(folder / "run/step-00000002.safetensors.tmp.123", "half");
  writeBytes(folder / "run/notes.txt", "mine");
  run.checkpoints.prepare();
  EXPECT_FALSE(std::filesystem::exists(folder / "run/step-00000002.safetensors.tmp.123"));
  EXPECT_TRUE(std::filesystem::exists(folder / "run/notes.txt"));
  EXPECT_EQ(run.load()->step, 1);
}
