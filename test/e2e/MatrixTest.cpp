//===- MatrixTest.cpp - many binaries from one file ------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "Binary.h"

#include "runtime/core/Payload.h"
#include "test/unit/runtime/io/TempFolder.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace jepa::rt;
using namespace jepa::rt::test;

TEST(Matrix, BuildsTheExampleOnceAndIsThenDone) {
  TempFolder folder;
  std::string arguments = "build --matrix " JEPAC_SOURCE_DIR "/tools/examples/matrix.json --json --cache " +
                          (folder / "cache") + " -o " + (folder / "out");
  Outcome first = runJepac(arguments);
  ASSERT_EQ(first.code, 0) << first.error;
  Json summary = Json::parse(first.output);
  EXPECT_EQ(summary.at("built").asInteger(), 6);
  EXPECT_EQ(summary.at("failed").asInteger(), 0);
  EXPECT_NE(first.error.find("6/6"), std::string::npos) << first.error;
  std::map<std::string, std::string> bytes;
  for (const Json &cell : summary.at("cells").asArray()) {
    std::string path = cell.at("output").asString();
    ASSERT_TRUE(findPayload(path)) << path;
    bytes[path] = readBytes(path);
  }
  EXPECT_TRUE(bytes.count(folder / "out/vjepa-train-64px-4f-0.875"));
  // Outputs and nothing else: no temporary file is left.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "out"), {}), 6);

  Outcome second = runJepac(arguments);
  EXPECT_EQ(Json::parse(second.output).at("cached").asInteger(), 6) << second.output;
  for (const auto &[path, old] : bytes)
    EXPECT_TRUE(readBytes(path) == old) << path;
}

TEST(Matrix, GoesOnAfterACellThatFails) {
  TempFolder folder;
  writeBytes(folder / "m.json", R"({"model": "vjepa-tiny", "options": {"task": "embed", "depth": 1},
    "axes": {"resolution": [70, 64], "frames": [7, 8]}, "output": "{resolution}-{frames}"})");
  Outcome outcome = runJepac("build --matrix " + (folder / "m.json") + " --no-cache -o " + (folder / "out"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_HAS(outcome.output, "1 built, 0 cached, 3 failed");
  EXPECT_HAS(outcome.output, "out/70-8: ");
  EXPECT_HAS(outcome.error, "error: " + (folder / "out/64-7") + ": ");
  EXPECT_TRUE(findPayload(folder / "out/64-8"));
  EXPECT_FALSE(std::filesystem::exists(folder / "out/70-8"));
}

TEST(Matrix, RefusesAFileThatIsWrongBeforeBuilding) {
  TempFolder folder;
  writeBytes(folder / "m.json", R"({"model": "vjepa-tiny", "axes": {"resolutoin": [64]}})");
  Outcome outcome = runJepac("build --matrix " + (folder / "m.json") + " -o " + (folder / "out"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_HAS(outcome.error, "m.json: axes.resolutoin[0]: ");
  EXPECT_EQ(std::count(outcome.error.begin(), outcome.error.end(), '\n'), 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
  Outcome both = runJepac("build --target reference --matrix " + (folder / "m.json"));
  EXPECT_EQ(both.code, 2);
  EXPECT_HAS(both.error, "options");
}

TEST(Matrix, LeavesNothingHalfWrittenWhenInterrupted) {
  TempFolder folder;
  writeBytes(folder / "m.json", R"({"model": "vjepa-tiny", "axes": {"resolution": [64, 96, 128, 160],
    "depth": [3, 4, 5, 6], "predictor_depth": [2, 3, 4]}})");
  Outcome outcome = runShell("timeout --foreground -s INT 5 " JEPAC_PROGRAM " build --no-cache --matrix " + (folder / "m.json") +
                             " -o " + (folder / "out"));
  EXPECT_HAS(outcome.output, "not built");
  for (const auto &entry : std::filesystem::directory_iterator(folder / "out"))
    EXPECT_TRUE(findPayload(entry.path().string())) << entry.path();
}
