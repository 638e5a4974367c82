//===- DecoderTest.cpp - whole binaries with --decoder --------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "FakeArtifact.h"
#include "runtime/io/JsonLines.h"
#include "test/unit/runtime/video/nvdec/KnownVideos.h"

#include <filesystem>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

/// Two videos that the stand-in for NVDEC decodes, one that it does not take, one that is none.
class Decoder : public testing::Test {
protected:
  void SetUp() override {
    if (std::system("ffmpeg -version >/dev/null 2>&1") != 0)
      GTEST_SKIP() << "the ffmpeg program is absent";
    trainer = makeArtifact(folder, fakePlan("train"), "trainer");
    embedder = makeArtifact(folder, fakePlan("embed"), "embedder");
    std::string lines;
    for (const char *name : {"a.mp4", "b.mp4", "old.avi", "broken.mp4"})
      lines += (folder / name) + " 1\n";
    writeBytes(list, lines);
    writeBytes(folder / "broken.mp4", std::string(2000, 'x'));
    std::string old =
        "ffmpeg -v error -f lavfi -i testsrc2=size=48x32:rate=25:duration=1 -c:v mpeg4 " + (folder / "old.avi");
    ASSERT_EQ(std::system(old.c_str()), 0);
    if (!makeKnownVideo(folder / "a.mp4", {}) || !makeKnownVideo(folder / "b.mp4", {losslessH264(), 80, 64, 50}))
      GTEST_SKIP() << "this ffmpeg has no libx264";
  }

  std::string train(const std::string &name, const std::string &more) {
    return trainer + " train --data " + list + " --steps 6 --seed 5 --checkpoint " + (folder / name) + " --log " +
           (folder / (name + ".log")) + " " + more;
  }
  std::string embed(const std::string &name, const std::string &more) {
    return embedder + " embed --data " + list + " --weights " + (folder / "cpu") + " --output " + (folder / name) +
           " " + more;
  }
  Outcome run(const std::string &command, const std::string &environment = "") {
    return runShell(folder, environment + " exec " + command);
  }
  /// On the driver of the stand-in.
  Outcome runOnDevice(const std::string &command, const std::string &fault = "none") {
    return run(command, "LD_LIBRARY_PATH=" JEPAC_FAKE_NVDEC_FOLDER " JEPAC_FAKE_NVDEC=" + fault);
  }
  /// A folder in which those libraries cannot be opened, before the others.
  std::string without(const std::string &library) {
    std::string libraries = folder / ("without-" + library);
    std::filesystem::create_directory(libraries);
    writeBytes(libraries + "/" + library, "no library");
    return "LD_LIBRARY_PATH=" + libraries + ":" JEPAC_FAKE_NVDEC_FOLDER;
  }
  std::vector<double> losses(const std::string &name) {
    std::vector<double> values;
    for (const Json &object : readJsonLines(folder / (name + ".log/metrics.jsonl")))
      values.push_back(object.at("loss").asReal());
    return values;
  }
  static int count(const std::string &text, const std::string &part) {
    int found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
      ++found;
    return found;
  }

  TempFolder folder;
  std::string list = folder / "list.txt", trainer, embedder;
};

TEST_F(Decoder, WithoutADeviceItIsOneLine) {
  std::string bench = embedder + " bench --seconds 0 --data " + list + " --decoder nvdec";
  for (const std::string &command : {train("none", "--decoder nvdec"), embed("none", "--decoder nvdec"), bench}) {
    Outcome outcome = run(command, without("libcuda.so.1"));
    if (outcome.error.find("built without CUDA") != std::string::npos) {
      expectError(outcome, 1, "or use --decoder cpu");
      continue;
    }
    expectError(outcome, 1, "cannot decode with NVDEC: libcuda.so.1 cannot be opened: install NVIDIA's driver");
    EXPECT_HAS(outcome.error, "or use --decoder cpu");
    outcome = run(command, without("libnvcuvid.so.1"));
    expectError(outcome, 1, "cannot decode with NVDEC: libnvcuvid.so.1 cannot be opened");
    EXPECT_HAS(outcome.error, "or use --decoder cpu");
    outcome = runOnDevice(command, "no-gpu");
    expectError(outcome, 1, "cannot decode with NVDEC: FFmpeg cannot open a GPU");
    EXPECT_HAS(outcome.error, "or use --decoder cpu");
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "none"));
}

TEST_F(Decoder, WrongUse) {
  for (const std::string &program : {trainer + " train", embedder + " embed", trainer + " bench"})
    EXPECT_HAS(run(program + " --help").output, "cpu (default), or nvdec");
  expectError(run(train("none", "--decoder gpu")), 2, "'--decoder' is cpu or nvdec, found 'gpu'");
  expectError(run(embed("none", "--decoder gpu")), 2, "'--decoder' is cpu or nvdec, found 'gpu'");
  expectError(run(trainer + " bench --decoder cpu"), 2, "'--decoder' is of '--data'");
}

TEST_F(Decoder, TrainsAndEmbedsTheSame) {
  ASSERT_EQ(run(train("cpu", "--decoder cpu")).code, 0);
  Outcome outcome = runOnDevice(train("nvdec", "--decoder nvdec --workers 3"));
  if (outcome.error.find("built without CUDA") != std::string::npos)
    GTEST_SKIP() << outcome.error;
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  ASSERT_EQ(losses("cpu").size(), 6U);
  EXPECT_EQ(losses("nvdec"), losses("cpu"));
  EXPECT_EQ(count(outcome.output, "NVDEC does not take mpeg4"), 1) << outcome.output;
  EXPECT_HAS(outcome.output, (folder / "old.avi") + " is decoded on the CPU");
  EXPECT_HAS(outcome.output, "decoded 1 videos on the CPU instead of NVDEC\n");
  EXPECT_HAS(outcome.output, "skipped 1 unusable videos");

  ASSERT_EQ(run(embed("cpu.safetensors", "")).code, 0);
  outcome = runOnDevice(embed("nvdec.safetensors", "--decoder nvdec"));
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(count(outcome.output, "NVDEC does not take mpeg4"), 1) << outcome.output;
  EXPECT_HAS(outcome.output, "decoded 1 videos on the CPU instead of NVDEC\n");
  EXPECT_HAS(outcome.output, "embedded 3 videos");
  EXPECT_EQ(readBytes(folder / "nvdec.safetensors"), readBytes(folder / "cpu.safetensors"));
  // What fails in the middle changes no feature either.
  outcome = runOnDevice(embed("faulty.safetensors", "--decoder nvdec"), "copy");
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_HAS(outcome.output, "frames cannot be copied from NVDEC");
  EXPECT_EQ(readBytes(folder / "faulty.safetensors"), readBytes(folder / "cpu.safetensors"));
}

TEST_F(Decoder, BenchSaysWhatDecoded) {
  std::string bench = embedder + " bench --seconds 0 --data " + list + " --json";
  Outcome outcome = runOnDevice(bench + " --decoder nvdec");
  if (outcome.error.find("built without CUDA") != std::string::npos)
    GTEST_SKIP() << outcome.error;
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  Json result = Json::parse(outcome.output);
  EXPECT_EQ(result.at("decoder").asString(), "nvdec");
  EXPECT_EQ(result.at("decoded_on_cpu").asInteger(), 1);
  EXPECT_GT(result.at("clips_per_second_per_core").asReal(), 0);
  outcome = run(bench);
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  result = Json::parse(outcome.output);
  EXPECT_EQ(result.at("decoder").asString(), "cpu");
  EXPECT_EQ(result.at("decoded_on_cpu").asInteger(), 3);
}

} // namespace
