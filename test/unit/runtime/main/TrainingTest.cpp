//===- TrainingTest.cpp - training and embedding with whole binaries -----===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "FakeArtifact.h"
#include "runtime/io/JsonLines.h"

#include <algorithm>
#include <chrono>
#include <thread>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

/// Three small videos, one that is none, and a list of them.
class Training : public testing::Test {
protected:
  void SetUp() override {
    if (std::system("ffmpeg -version >/dev/null 2>&1") != 0)
      GTEST_SKIP() << "the ffmpeg program is absent";
    std::string lines;
    for (int i = 0; i < 3; ++i) {
      std::string video = folder / ("v" + std::to_string(i) + ".mp4");
      std::string make = "ffmpeg -v error -f lavfi -i testsrc2=size=48x32:rate=25:duration=" +
                         std::to_string(1 + i) + " -pix_fmt yuv420p " + video;
      ASSERT_EQ(std::system(make.c_str()), 0);
      lines += video + " " + std::to_string(i) + "\n";
    }
    writeBytes(folder / "broken.mp4", std::string(2000, 'x'));
    lines += (folder / "broken.mp4") + " 7\n";
    writeBytes(list, lines);
    binary = makeArtifact(folder, fakePlan("train"));
  }

  /// Trains in the folder `name`, logging there too.
  Outcome train(const std::string &name, int steps, const std::string &more = "",
                const std::string &environment = "") {
    return runShell(folder, environment + " exec " + command(name, steps, more));
  }
  std::string command(const std::string &name, int steps, const std::string &more = "") {
    return binary + " train --data " + list + " --steps " + std::to_string(steps) +
           " --checkpoint " + (folder / name) + " --log " + (folder / (name + ".log")) +
           " --seed 5 " + more;
  }
  std::vector<double> losses(const std::string &name) {
    std::vector<double> values;
    for (const Json &object : readJsonLines(folder / (name + ".log/metrics.jsonl"))) {
      EXPECT_EQ(object.at("step").asInteger(), static_cast<std::int64_t>(values.size()) + 1);
      values.push_back(object.at("loss").asReal());
    }
    return values;
  }
  std::string checkpoint(const std::string &name, int step) {
    char file[64];
    std::snprintf(file, sizeof(file), "/step-%08d.safetensors", step);
    return (folder / name) + file;
  }
  /// The data of two checkpoints, bit for bit.
  void expectSameState(const std::string &a, const std::string &b) {
    SafetensorsReader one(a), two(b);
    EXPECT_EQ(one.checksum(), two.checksum());
    EXPECT_EQ(*one.metadata("sample"), *two.metadata("sample"));
  }

  TempFolder folder;
  std::string list = folder / "list.txt", binary;
};

} // namespace

TEST_F(Training, NeitherThreadsNorWorkersChangeALoss) {
  Outcome outcome = train("one", 8, "--threads 1 --workers 1");
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_HAS(outcome.output, "done: step 8 of 8");
  EXPECT_HAS(outcome.output, "skipped 1 unusable videos");
  ASSERT_EQ(train("two", 8, "--threads 2 --workers 3").code, 0);
  ASSERT_EQ(losses("one").size(), 8U);
  EXPECT_EQ(losses("one"), losses("two"));
  expectSameState(checkpoint("one", 8), checkpoint("two", 8));
  EXPECT_LT(losses("one").back(), losses("one").front());
  for (const char *file : {"one.log/loss.png", "one.log/masks.png"})
    EXPECT_EQ(readBytes(folder / file).substr(0, 4), "\x89PNG") << file;
}

TEST_F(Training, AKilledRunGoesOnAsIfNothingHadHappened) {
  ASSERT_EQ(train("whole", 12, "--checkpoint-every 4").code, 0);
  // Killed some time after its first checkpoint.
  std::string line = "JEPAC_FAKE_DELAY=50 " + command("cut", 12, "--checkpoint-every 4") +
                     " & pid=$!; while [ ! -e " + checkpoint("cut", 4) +
                     " ]; do sleep 0.02; done; sleep 0.08; kill -9 $pid; wait $pid";
  EXPECT_EQ(runShell(folder, line).code, 128 + 9);
  EXPECT_FALSE(std::filesystem::exists(checkpoint("cut", 12)));
  Outcome outcome = train("cut", 12, "--checkpoint-every 4 --resume");
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_HAS(outcome.output, "resuming after step ");
  EXPECT_EQ(losses("cut"), losses("whole"));
  expectSameState(checkpoint("cut", 12), checkpoint("whole", 12));
  EXPECT_HAS(train("cut", 12, "--resume").output, "nothing to do: already at step 12");
}

TEST_F(Training, NoStepSavesWhatARunBeginsWith) {
  Outcome outcome = train("first", 0);
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_HAS(outcome.output, "the first weights are in ");
  ASSERT_EQ(train("whole", 4).code, 0);
  EXPECT_HAS(train("first", 4, "--resume").output, "resuming after step 0");
  expectSameState(checkpoint("first", 4), checkpoint("whole", 4));
}

TEST_F(Training, ASignalEndsCleanlyWithACheckpoint) {
  for (const char *signal : {"INT", "TERM"}) {
    std::string name = std::string("stopped") + signal;
    // A shell makes background jobs ignore SIGINT; env takes that back.
    std::string line = "JEPAC_FAKE_DELAY=30 env --default-signal=INT " + command(name, 1000, "") +
                       " & pid=$!; while [ ! -s " + (folder / (name + ".log/metrics.jsonl")) +
                       " ]; do sleep 0.02; done; kill -" + signal + " $pid; wait $pid";
    Outcome outcome = runShell(folder, line);
    EXPECT_EQ(outcome.code, 0) << outcome.error;
    EXPECT_HAS(outcome.output, "stopped at step ");
    int steps = static_cast<int>(losses(name).size());
    EXPECT_TRUE(std::filesystem::exists(checkpoint(name, steps)));
  }
}

TEST_F(Training, ADamagedCheckpointFallsBack) {
  ASSERT_EQ(train("run", 6, "--checkpoint-every 2").code, 0);
  std::vector<double> before = losses("run");
  std::string bytes = readBytes(checkpoint("run", 6));
  writeBytes(checkpoint("run", 6), bytes.substr(0, bytes.size() / 2));
  Outcome outcome = train("run", 6, "--resume");
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_HAS(outcome.error, "warning: ");
  EXPECT_HAS(outcome.output, "resuming after step 4");
  EXPECT_EQ(losses("run"), before);
  EXPECT_EQ(readBytes(checkpoint("run", 6)), bytes);
}

TEST_F(Training, ALossThatIsNoNumberEndsTheRun) {
  Outcome outcome = train("nan", 8, "--checkpoint-every 2", "JEPAC_FAKE_NAN=5");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_HAS(outcome.error, "error: the loss of step 6 is not a finite number");
  EXPECT_TRUE(std::filesystem::exists(checkpoint("nan", 4)));
  EXPECT_FALSE(std::filesystem::exists(checkpoint("nan", 6)));
}

TEST_F(Training, RefusesBeforeAnyWork) {
  ASSERT_EQ(train("run", 2).code, 0);
  expectError(train("run", 4), 2, "already holds step-00000002.safetensors");
  Json other = fakePlan("train");
  Json config = other.at("config");
  config.set("crop", "32");
  other.set("config", config);
  std::string plain = binary;
  binary = makeArtifact(folder, other, "larger");
  expectError(train("run", 4, "--resume"), 1, "has 'crop' 16, this binary has 32");
  binary = plain;
  writeBytes(folder / "file", "");
  expectError(train("file", 4), 1, "cannot make the checkpoint folder");
  expectError(runShell(folder, binary + " train --steps 1 --data " + (folder / "none") +
                                   " --checkpoint " + (folder / "c")),
              2, "none");
  expectError(train("fresh", 4, "--weights " + list), 1, "list.txt");
}

TEST_F(Training, AFullDiskKeepsTheCheckpointBefore) {
  // A parameter that no code uses makes checkpoints of a mebibyte; a limit of
  // half of that on file sizes acts as a full disk.
  Json plan = fakePlan("train"), buffers = plan.at("buffers");
  addBuffer(buffers, "encoder.large", "parameter", {1 << 18}, ARENA_BYTES, R"({"init":"zeros"})");
  plan.set("buffers", buffers);
  plan.set("arena_bytes", ARENA_BYTES + (1 << 20));
  binary = makeArtifact(folder, plan, "large");
  ASSERT_EQ(train("run", 2).code, 0);
  std::string before = readBytes(checkpoint("run", 2));
  Outcome outcome = runShell(folder, "ulimit -f 1024; " + command("run", 4, "--resume"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_HAS(outcome.error, "error: cannot write '" + checkpoint("run", 3));
  EXPECT_EQ(readBytes(checkpoint("run", 2)), before);
  EXPECT_EQ(train("run", 4, "--resume").code, 0);
}

TEST_F(Training, CheckpointsEmbedVideos) {
  ASSERT_EQ(train("run", 2).code, 0);
  std::string embedder = makeArtifact(folder, fakePlan("embed"), "embedder"),
              out = folder / "f.safetensors";
  Outcome outcome = runShell(folder, embedder + " embed --data " + list + " --weights " +
                                         (folder / "run") + " --output " + out);
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_HAS(outcome.output, "broken.mp4");
  EXPECT_HAS(outcome.output, "embedded 3 videos");
  SafetensorsReader reader(out);
  EXPECT_EQ(reader.at(folder / "v1.mp4").shape, (std::vector<std::int64_t>{TOKENS, WIDTH}));
  std::int32_t labels[3];
  reader.readShaped("labels", {3}, DType::I32, labels);
  EXPECT_EQ(labels[2], 2);
  EXPECT_EQ(Json::parse(*reader.metadata("videos")).asArray().size(), 3U);

  // One clip alone gives what it gave in a batch.
  std::string alone = folder / "alone.safetensors";
  outcome = runShell(folder, embedder + " embed --input " + (folder / "v1.mp4") + " " +
                                 (folder / "v1.mp4") + " --weights " + checkpoint("run", 2) +
                                 " --output " + alone);
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  SafetensorsReader second(alone);
  std::vector<float> a(TOKENS * WIDTH), b(a);
  reader.read(reader.at(folder / "v1.mp4"), DType::F32, a.data());
  second.read(second.at((folder / "v1.mp4") + "#2"), DType::F32, b.data());
  EXPECT_EQ(a, b);
  EXPECT_EQ(second.find("labels"), nullptr);

  outcome =
      runShell(folder, embedder + " embed --input " + (folder / "broken.mp4") + " --weights " +
                           (folder / "run") + " --output " + (folder / "none.safetensors"));
  expectError(outcome, 1, "none of the 1 videos could be used");
  EXPECT_FALSE(std::filesystem::exists(folder / "none.safetensors"));
  expectError(runShell(folder, embedder + " embed --weights w --output o"), 2,
              "either --input VIDEO... or --data LIST");
}
