//===- ResumeTest.cpp - a run that was killed goes on ------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What unit.runtime-main shows of the runtime with code of its own, with real
// programs: what computes in bf16 has copies of its weights to bring back.
//
//===----------------------------------------------------------------------===//
#include "Binary.h"

#include "runtime/io/Safetensors.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

const std::string clips = JEPAC_SHARED_DIR "/clips";
constexpr int steps = 30;

/// The options of a build.
class Resume : public ::testing::TestWithParam<std::string> {};

/// The text of each step's loss, which says it to the last bit.
std::vector<std::string> losses(const std::string &log) {
  std::vector<std::string> values;
  std::istringstream lines(readBytes(log + "/metrics.jsonl"));
  for (std::string line; std::getline(lines, line);)
    values.push_back(Json::parse(line).at("loss").dump());
  return values;
}

} // namespace

TEST_P(Resume, GivesTheLossesOfARunThatNeverStopped) {
  if (!std::filesystem::exists(clips))
    GTEST_SKIP() << clips << " is not there";
  Binary binary("vjepa-tiny --set start_lr=0.0002 --set clip_grad=0.5 " + GetParam());
  TempFolder folder;
  auto command = [&](const std::string &name) {
    return binary.path() + " train --data " + clips + " --steps " + std::to_string(steps) +
           " --checkpoint-every 2 --seed 3 " + "--checkpoint " + (folder / name) + " --log " +
           (folder / (name + ".log"));
  };
  ASSERT_EQ(runShell(command("whole")).code, 0);
  // Killed some time after its second checkpoint.
  Outcome killed = runShell(command("cut") + " & pid=$!; while [ ! -e " + (folder / "cut") +
                            "/step-00000004.safetensors ]; do sleep 0.01; done; kill -9 $pid; wait $pid");
  ASSERT_EQ(killed.code, 128 + 9) << killed.error;
  Outcome resumed = runShell(command("cut") + " --resume --threads 1");
  ASSERT_EQ(resumed.code, 0) << resumed.error;
  EXPECT_HAS(resumed.output, "resuming after step ");
  std::vector<std::string> whole = losses(folder / "whole.log");
  EXPECT_EQ(whole.size(), static_cast<std::size_t>(steps));
  EXPECT_EQ(losses(folder / "cut.log"), whole);
  std::string last = "/step-000000" + std::to_string(steps) + ".safetensors";
  EXPECT_EQ(SafetensorsReader((folder / "cut") + last).checksum(),
            SafetensorsReader((folder / "whole") + last).checksum());
}

INSTANTIATE_TEST_SUITE_P(Builds, Resume,
                         ::testing::Values("--dtype f32", "--dtype bf16",
                                           "--masks packed --set context_tokens= --set target_tokens= --dtype bf16"),
                         [](const auto &info) {
                           return info.param.starts_with("--masks") ? "packed" : info.param.substr(8);
                         });
