//===- VectorsTest.cpp - binaries against the reference vectors ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// vectors/vjepa-tiny.safetensors was computed in f64 by an independent
// implementation and rounded to f32.
//
//===----------------------------------------------------------------------===//
#include "Binary.h"

#include "runtime/io/Safetensors.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

const std::string vectors = JEPAC_SHARED_DIR "/vectors/vjepa-tiny.safetensors";

/// Target and dtype.
class Vectors : public ::testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    if (!std::filesystem::exists(vectors))
      GTEST_SKIP() << vectors << " is not there";
  }
  Binary binary(const std::string &options) const {
    return Binary("vjepa-tiny --target " + GetParam() + " " + options);
  }
  /// Rounding to f32, of inputs and of results, is all that f64 may differ by;
  /// AdamW makes more of it where a gradient is all but zero.
  Tolerances tolerances() const {
    return GetParam().ends_with("f64") ? Tolerances{3e-7, 3e-7, 2e-5} : Tolerances{};
  }
};

bool isDense(std::string_view name) { return name.starts_with("dense."); }

} // namespace

TEST_P(Vectors, PlainStepsGiveLossesAndWeights) {
  std::string found = binary("").replay(vectors, 3);
  expectClose(found, vectors, tolerances(), [](std::string_view name) {
    return name == "losses" || name.starts_with("final.");
  });
  // A plain binary must not keep what pruning and planning remove.
  SafetensorsReader reader(found);
  for (const TensorInfo &info : reader.tensors())
    EXPECT_TRUE(info.name == "losses" || info.name.starts_with("final.")) << info.name;
}

TEST_P(Vectors, TapsGiveEveryIntermediateAndGradient) {
  expectClose(binary("--taps").replay(vectors, 3), vectors, tolerances(),
              [](std::string_view name) { return !isDense(name); });
}

TEST_P(Vectors, PackedBatchesGiveTheSame) {
  expectClose(binary("--taps --masks packed").replay(vectors, 3), vectors, tolerances(),
              [](std::string_view name) { return !isDense(name); });
}

TEST_P(Vectors, EmbedGivesTheFeaturesOfAllTokens) {
  expectClose(binary("--task embed --taps").replay(vectors), vectors, tolerances(), isDense);
}

INSTANTIATE_TEST_SUITE_P(Targets, Vectors,
                         ::testing::Values("cpu", "reference", "reference --dtype f64"),
                         [](const auto &info) {
                           return info.param.ends_with("f64") ? "f64" : info.param;
                         });
