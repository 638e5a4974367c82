//===- PackedTest.cpp - batches in which every sample keeps all its tokens -===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// With `--masks packed` the samples of a batch stand one after the other, each
// with as many tokens as it has. A binary for single clips says what is right:
// loss and gradients of the batch are the means of those of each sample alone.
//
//===----------------------------------------------------------------------===//
#include "Binary.h"

#include "runtime/io/Safetensors.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

const std::string model = "vjepa-tiny --taps --set depth=2 --set reg_coeff=0.1 ";
const std::string packed = "--masks packed --set batch=3 --context-tokens 24,17 --target-tokens 32,34 ";
const std::string alone = "--masks published --set batch=1 --context-tokens 62,62 --target-tokens 62,62 ";
const std::string f64 = "--target reference --dtype f64 ";

bool isLossOrGradient(std::string_view name) { return name == "losses" || name.starts_with("grad."); }

Binary build(const std::string &target) { return Binary(model + packed + target); }

/// The inputs of a packed batch, and what they give sample by sample, in f64.
std::pair<std::string, std::string> batchAndMeans(const Plan &plan, unsigned seed) {
  std::string inputs = writeInputs(plan, seed);
  Binary single(model + alone + f64);
  std::vector<std::string> outputs;
  for (std::int64_t clip = 0; clip < 3; ++clip)
    outputs.push_back(single.replay(takeClip(inputs, clip)));
  return {inputs, meanOf(outputs)};
}

} // namespace

TEST(Packed, EqualsEachSampleAloneInF64) {
  Binary binary = build(f64);
  auto [inputs, expected] = batchAndMeans(binary.plan(), 31);
  expectClose(binary.replay(inputs), expected, {1e-12, 1e-11, 1e-9}, isLossOrGradient);
}

TEST(Packed, EqualsEachSampleAloneOnTheCpu) {
  Binary binary = build("--target cpu ");
  auto [inputs, expected] = batchAndMeans(binary.plan(), 32);
  expectClose(binary.replay(inputs), expected, {}, isLossOrGradient);
}

TEST(Packed, ThreadsAndGroupsApartChangeNothing) {
  Binary binary = build("--target cpu "), apart = build("--target cpu --disable-pass merge-masks ");
  std::string inputs = writeInputs(binary.plan(), 33);
  std::string one = binary.replay(inputs, 3, 1);
  expectSame(binary.replay(inputs, 3, 2), one);
  expectClose(apart.replay(inputs, 3), one, {1e-6, 1e-5, 2e-3});
}

TEST(Packed, InfoSaysTheRoomAndWhatIsExpected) {
  Json info = build("--target cpu ").info();
  EXPECT_EQ(info.at("masks").asString(), "packed");
  EXPECT_EQ(info.at("context_tokens").asIntegers(), (std::vector<std::int64_t>{24, 17}));
  double context = info.at("expected_context_tokens").asArray()[0].asReal();
  double target = info.at("expected_target_tokens").asArray()[0].asReal();
  EXPECT_NEAR(context + target, 64, 1e-6);
}

TEST(Packed, ListsThatCannotBeAreRefused) {
  Binary binary = build("--target cpu ");
  std::string good = writeInputs(binary.plan(), 34);
  auto expectRefused = [&](std::vector<std::int32_t> list, std::vector<std::int32_t> bounds, const std::string &part) {
    SafetensorsReader reader(good);
    std::string path = temporaryPath(".safetensors");
    std::size_t room = 256;
    for (const TensorInfo &info : reader.tensors())
      room += SafetensorsWriter::headerBytesFor(info.name, 5);
    SafetensorsWriter writer(path, room);
    for (const TensorInfo &info : reader.tensors()) {
      DType dtype = info.type == ElementType::I32 ? DType::I32 : DType::F32;
      std::vector<std::int32_t> values(static_cast<std::size_t>(info.elements)); // or floats: either has four bytes
      reader.read(info, dtype, values.data());
      std::vector<std::int64_t> shape = info.shape;
      if (info.name.starts_with("mask1.target")) {
        values = info.name == "mask1.target" ? list : bounds;
        shape = {static_cast<std::int64_t>(values.size())};
      }
      writer.add(info.name, dtype, shape, values.data());
    }
    writer.finish({});
    Outcome outcome =
        runShell(binary.path() + " replay --inputs " + path + " --outputs " + temporaryPath(".safetensors"));
    EXPECT_EQ(outcome.code, 1);
    EXPECT_NE(outcome.error.find(part), std::string::npos) << outcome.error;
  };
  expectRefused({1, 2, 3, 4}, {0, 2, 2, 4}, "'mask1.target' is empty: a mask needs at least one token");
  expectRefused({1, 2, 4, 3}, {0, 1, 2, 4}, "'mask1.target' clip 2 position 1: token 3 follows 4");
  expectRefused({1, 2, 64, 3}, {0, 1, 3, 4}, "'mask1.target' clip 1 position 1: token 64 is not within 0..63");
  expectRefused({1, 2, 3}, {0, 1, 2, 4}, "must rise from 0 to the length of the list");
  std::vector<std::int32_t> many;
  for (int i = 0; i < 103; ++i)
    many.push_back(i % 40);
  expectRefused(many, {0, 40, 80, 103}, "lists 103 tokens, more than the 102 that this binary has room for");
}

TEST(Packed, TrainsOnClips) {
  std::string clips = JEPAC_SHARED_DIR "/clips";
  if (!std::filesystem::exists(clips))
    GTEST_SKIP() << clips << " is not there";
  Binary binary("vjepa-tiny --target cpu --masks packed --set batch=3 --set context_tokens= --set target_tokens=");
  std::string folder = temporaryPath("");
  Outcome outcome = runShell(binary.path() + " train --data " + clips + " --steps 4 --checkpoint " + folder +
                             "/checkpoint --log " + folder + "/log");
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_NE(outcome.output.find("done: step 4 of 4, loss "), std::string::npos) << outcome.output;
}
