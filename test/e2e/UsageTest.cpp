//===- UsageTest.cpp - what jepac refuses, in one line ---------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "Binary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

struct Mistake {
  const char *name, *arguments;
  int code;
  /// Two parts that the message must have: what is wrong, and what to do or where.
  const char *what, *hint;
  friend std::ostream &operator<<(std::ostream &os, const Mistake &mistake) {
    return os << "jepac " << mistake.arguments;
  }
};

const Mistake mistakes[] = {
    {"NoCommand", "", 2, "subcommand", "--help"},
    {"UnknownCommand", "bild vjepa-tiny", 2, "'bild'", "build"},
    {"NoModel", "build", 2, "model", "--help"},
    {"UnknownPreset", "build vjepa-tinny", 2, "vjepa-tinny", "jepac list"},
    {"UnknownOption", "build vjepa-tiny --resolutoin 64", 2, "--resolutoin", "--help"},
    {"UnknownTarget", "build vjepa-tiny --target rocm", 2, "rocm", "reference"},
    {"UnknownTask", "build vjepa-tiny --task probe", 2, "probe", "embed"},
    {"SettingWithTypo", "build vjepa-tiny --set embed_dimm=48", 2, "embed_dimm", "embed_dim"},
    {"SettingWithoutValue", "build vjepa-tiny --set crop", 2, "crop", "key=value"},
    {"SettingNotANumber", "build vjepa-tiny --set depth=three", 2, "depth", "three"},
    {"PatchDoesNotDivide", "build vjepa-tiny --resolution 70", 2, "16", "70"},
    {"TubeletDoesNotDivide", "build vjepa-tiny --frames 7", 2, "tubelet", "7"},
    {"HeadsDoNotDivide", "build vjepa-tiny --set heads=5", 2, "heads", "48"},
    {"RatioAboveOne", "build vjepa-tiny --mask-ratio 1.2", 2, "1.2", "ratio"},
    {"RatioOfZero", "build vjepa-tiny --mask-ratio 0", 2, "0", "ratio"},
    {"RatioThatNoDrawGives", "build vjepa-tiny --mask-ratio 0.999", 2, "0.999", "ratio"},
    {"RatioThatFewDrawsGive", "build vjepa --set crop=64 --set frames=8 --mask-ratio 0.05", 2, "0.05", "ratio"},
    {"RatioAndCounts", "build vjepa-tiny --mask-ratio 0.5 --context-tokens 8,8", 2, "--mask-ratio", "--context-tokens"},
    {"RatioWithoutMasks", "build vjepa-tiny --task embed --mask-ratio 0.5", 2, "--mask-ratio", "embed"},
    {"CountsOfOneKind", "build vjepa --context-tokens 8", 2, "context", "target"},
    {"CountsThatDoNotPair", "build vjepa-tiny --context-tokens 8,8,8", 2, "target_tokens", "8,8,8"},
    {"MoreThanAllTokens", "build vjepa-tiny --context-tokens 65,8", 2, "context_tokens", "64"},
    {"FlagAgainstSetting", "build vjepa-tiny --resolution 64 --set crop=96", 2, "--resolution", "crop=96"},
    {"DoubleOnTheCpu", "build vjepa-tiny --dtype f64 --target cpu", 2, "f64", "reference"},
    {"UnknownPass", "build vjepa-tiny --disable-pass prune-tokenz", 2, "prune-tokenz", "jepa-prune-tokens"},
    {"PassOfEveryBuild", "build vjepa-tiny --disable-pass plan-memory", 2, "plan-memory: the pass is in every build",
     "jepa-prune-tokens"},
    {"PassOfUpstream", "build vjepa-tiny --disable-pass symbol-dce", 2, "symbol-dce", "jepa-prune-tokens"},
    {"WithoutGradients", "build vjepa-tiny --disable-pass differentiate", 2, "jepa-differentiate", "--task embed"},
    {"WithoutUpdates", "build vjepa-tiny --disable-pass jepa-insert-optimizer", 2, "jepa-insert-optimizer",
     "--task embed"},
    {"PublishedWithoutLengths", "build vjepa-tiny --masks published --disable-pass bind-lengths", 2,
     "jepa-bind-lengths", "fixed"},
    {"PackedWithoutPruning", "build vjepa-tiny --masks packed --disable-pass prune-tokens", 2, "jepa-prune-tokens",
     "fixed"},
    {"LimitWithoutRecomputing", "build vjepa-tiny --memory-limit 1MiB --disable-pass rematerialize", 1,
     "--memory-limit", "batch"},
    {"BadPipeline", "build vjepa-tiny --pipeline 'func.func(jepa-prun)'", 2, "jepa-prun", ""},
    {"BadExtensionPoint", "build vjepa-tiny --extend before-all=cse", 2, "before-all", "after-prune"},
    {"CacheAndNoCache", "build vjepa-tiny --cache . --no-cache", 2, "--no-cache", "--cache"},
    {"PackedAndRatio", "build vjepa-tiny --set context_tokens= --set target_tokens= --masks packed --mask-ratio 0.9", 2,
     "--mask-ratio", "--masks packed"},
    {"PackedWithoutPacking", "build vjepa-tiny --masks packed --disable-pass pack-masks", 2, "jepa-pack-masks",
     "fixed"},
    {"PackedWithoutMasks", "build vjepa-tiny --task embed --masks packed", 2, "--masks packed", "embed"},
    {"NoProcessor", "build vjepa-tiny --cpu-features ''", 2, "--cpu-features", "native"},
    {"PassBesidePipeline", "build vjepa-tiny --pipeline 'func.func(jepa-differentiate)' --disable-pass prune-tokens", 2,
     "--disable-pass prune-tokens", "--pipeline"},
    {"UnknownStage", "emit vjepa-tiny --stage mlir", 2, "mlir", "kernels"},
    {"BadMemoryLimit", "build vjepa-tiny --memory-limit lots", 2, "lots", "16GiB"},
    {"MemoryLimitTooSmall", "build vjepa-tiny --memory-limit 1KiB", 1, "--memory-limit", "batch"},
    {"MissingPlugin", "build vjepa-tiny --plugin /no/such.so", 2, "/no/such.so", ""},
    {"UnwritableOutput", "build vjepa-tiny -o /no/such/folder/binary", 1, "/no/such/folder", ""},
    {"OutputIsAFolder", "build vjepa-tiny -o /", 1, "/", ""},
};

class Usage : public ::testing::TestWithParam<Mistake> {};

} // namespace

TEST_P(Usage, IsRefusedInOneLine) {
  std::string arguments = GetParam().arguments;
  // Parentheses are the shell's too.
  for (std::size_t at = 0; (at = arguments.find_first_of("()", at)) != std::string::npos; at += 2)
    arguments.insert(at, "\\");
  std::string output = temporaryPath(".binary");
  if (arguments.starts_with("build") && arguments.find(" -o ") == std::string::npos)
    arguments += " -o " + output;
  Outcome outcome = runJepac(arguments);
  EXPECT_EQ(outcome.code, GetParam().code) << outcome.error;
  EXPECT_TRUE(outcome.output.empty()) << outcome.output;
  EXPECT_EQ(outcome.error.rfind("error: ", 0), 0U) << outcome.error;
  EXPECT_EQ(std::count(outcome.error.begin(), outcome.error.end(), '\n'), 1) << outcome.error;
  EXPECT_NE(outcome.error.find(GetParam().what), std::string::npos) << outcome.error;
  EXPECT_NE(outcome.error.find(GetParam().hint), std::string::npos) << outcome.error;
  EXPECT_FALSE(std::filesystem::exists(output));
}

INSTANTIATE_TEST_SUITE_P(Mistakes, Usage, ::testing::ValuesIn(mistakes),
                         [](const auto &info) { return info.param.name; });

TEST(Jepac, SaysSoWhereItsTextIsLost) {
  for (const char *arguments : {"list", "emit vjepa-tiny --task embed --set depth=1 --stage jepa"}) {
    Outcome outcome = runJepac(std::string(arguments) + " > /dev/full");
    EXPECT_EQ(outcome.code, 1) << arguments;
    EXPECT_EQ(outcome.error, "error: cannot write to standard output\n");
  }
}

TEST(Jepac, ListsPresetsAndSettings) {
  Outcome outcome = runJepac("list");
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  for (const char *part : {"vjepa-tiny", "vjepa-vitl16", "vjepa-vith16-384", "predictor_embed_dim",
                           "loss_exp", "final_ema"})
    EXPECT_NE(outcome.output.find(part), std::string::npos) << part;
}
