//===- PassesTest.cpp - what passes and threads must not change -----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "Binary.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

// Two groups of unequal counts and the regulariser, so that every loss is there.
const std::string model = "vjepa-tiny --taps --set reg_coeff=0.1 --set depth=2 ";
const std::string cpu = model + "--target cpu ";
const std::string f64 = model + "--target reference --dtype f64 ";

std::int64_t flops(const Json &info, const char *key) { return info.at(key).asInteger(); }

} // namespace

TEST(Pruning, ChangesNoNumberInF64) {
  Binary pruned(f64), dense(f64 + "--disable-pass prune-tokens");
  std::string inputs = writeInputs(dense.plan(), 2);
  expectClose(pruned.replay(inputs, 3), dense.replay(inputs, 3), {1e-12, 1e-12, 1e-9});
}

TEST(Pruning, ChangesNoNumberInF32) {
  Binary pruned(cpu), dense(cpu + "--disable-pass prune-tokens");
  std::string inputs = writeInputs(dense.plan(), 3);
  std::string found = pruned.replay(inputs, 3), expected = dense.replay(inputs, 3);
  expectClose(found, expected, {1e-6, 1e-5, 2e-3}, [](std::string_view name) {
    return name == "losses" || name.starts_with("grad.") || name.starts_with("final.");
  });
}

TEST(Pruning, IsCountedInFlops) {
  Json pruned = Binary(cpu).info(), dense = Binary(cpu + "--disable-pass prune-tokens").info();
  EXPECT_EQ(flops(pruned, "flops_per_clip_unpruned"), flops(dense, "flops_per_clip_unpruned"));
  EXPECT_LT(flops(pruned, "flops_per_clip"), flops(dense, "flops_per_clip"));
  // The dense step may share what two mask groups have in common.
  EXPECT_LE(flops(dense, "flops_per_clip"), flops(dense, "flops_per_clip_unpruned"));
}

TEST(Merging, ChangesNoNumberInF64) {
  Binary merged(f64), apart(f64 + "--disable-pass merge-masks");
  std::string inputs = writeInputs(merged.plan(), 7);
  expectClose(merged.replay(inputs, 3), apart.replay(inputs, 3), {1e-12, 1e-12, 1e-9});
}

TEST(Merging, ChangesNoNumberInF32) {
  Binary merged(cpu), apart(cpu + "--disable-pass merge-masks");
  std::string inputs = writeInputs(merged.plan(), 8);
  expectClose(merged.replay(inputs, 3), apart.replay(inputs, 3), {1e-6, 1e-5, 2e-3});
  EXPECT_EQ(flops(merged.info(), "flops_per_clip"), flops(apart.info(), "flops_per_clip"));
}

// Hidden layers of 384: what follows a product works on some columns at a time. The products of bf16 are those of AMX where
// there is one, then oneDNN's, then those in f32.
TEST(Fusing, ChangesNoBit) {
  const std::string wide = cpu + "--set embed_dim=96 --max-threads 3 ";
  for (const char *options : {"", "--dtype bf16", "--dtype bf16 --masks packed", "--dtype bf16 --cpu-features cooperlake",
                              "--dtype bf16 --cpu-features x86-64-v3"}) {
    SCOPED_TRACE(options);
    Binary fused(wide + options), alone(wide + options + " --disable-pass fuse-epilogues");
    std::string inputs = writeInputs(alone.plan(), 9), expected;
    try {
      expected = alone.replay(inputs, 3, 1);
    } catch (const Error &error) {
      EXPECT_NE(std::string(error.what()).find("this processor lacks"), std::string::npos) << error.what();
      continue;
    }
    for (int threads : {1, 2, 3})
      expectSame(fused.replay(inputs, 3, threads), expected);
  }
}

TEST(Outlining, ChangesNoBitOnTheCpu) {
  Binary outlined(cpu), flat(cpu + "--disable-pass outline-layers");
  std::string inputs = writeInputs(flat.plan(), 4);
  expectSame(outlined.replay(inputs, 2), flat.replay(inputs, 2));
}

TEST(Outlining, ChangesNoBitInF64) {
  Binary outlined(f64), flat(f64 + "--disable-pass outline-layers");
  std::string inputs = writeInputs(flat.plan(), 5);
  expectSame(outlined.replay(inputs, 2), flat.replay(inputs, 2));
}

// Enough clips that the step's activations, not its weights, are most of its memory.
const std::string large = "vjepa-tiny --target cpu --set depth=4 --batch 16 ";

static std::int64_t peak(const Binary &binary) { return binary.info().at("peak_bytes").asInteger(); }

TEST(Rematerialization, ChangesNoBitInLessMemory) {
  Binary whole(large);
  std::int64_t limit = peak(whole) * 7 / 10;
  Binary small(large + "--memory-limit " + std::to_string(limit));
  EXPECT_LE(peak(small), limit);
  EXPECT_EQ(small.info().at("flops_per_clip").asInteger(), whole.info().at("flops_per_clip").asInteger());
  std::string inputs = writeInputs(whole.plan(), 7);
  expectSame(small.replay(inputs, 3), whole.replay(inputs, 3));
  auto resident = [](const Binary &binary) {
    Outcome outcome = runShell(binary.path() + " bench --json");
    return Json::parse(outcome.output).at("peak_resident_bytes").asInteger();
  };
  EXPECT_LT(resident(small), resident(whole) - (peak(whole) - limit) / 2);
}

TEST(Rematerialization, NamesASmallestPlanThatCanBeHad) {
  Outcome outcome = runJepac("build " + large + "--max-threads 2 --memory-limit 1MiB -o " + temporaryPath(".binary"));
  ASSERT_EQ(outcome.code, 1) << outcome.output;
  EXPECT_EQ(std::count(outcome.error.begin(), outcome.error.end(), '\n'), 1) << outcome.error;
  const std::string before = "the plan needs ";
  std::size_t place = outcome.error.find(before);
  ASSERT_NE(place, std::string::npos) << outcome.error;
  std::int64_t smallest = std::stoll(outcome.error.substr(place + before.size()));
  Binary binary(large + "--memory-limit " + std::to_string(smallest));
  EXPECT_LE(peak(binary), smallest);
}

TEST(Threads, ChangeNoBit) {
  for (const std::string &arguments : {cpu, f64, cpu + "--dtype bf16 ", cpu + "--masks packed ",
                                       cpu + "--masks packed --dtype bf16 "}) {
    Binary binary(arguments + "--max-threads 3");
    std::string inputs = writeInputs(binary.plan(), 6);
    std::string alone = binary.replay(inputs, 3, 1);
    for (int threads : {2, 2, 3})
      expectSame(binary.replay(inputs, 3, threads), alone);
  }
}
