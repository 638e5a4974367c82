//===- MatrixTest.cpp - matrix files, and work in processes of its own ----===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/Matrix.h"

#include "compiler/driver/Jobs.h"
#include "test/unit/runtime/io/TempFolder.h"

#include <csignal>
#include <map>
#include <stdexcept>
#include <unistd.h>

using namespace jepa;
using namespace jepa::rt::test;

namespace {

FlagKind lookUp(const std::string &flag) {
  static const std::map<std::string, FlagKind> flags = {
      {"--task", FlagKind::Value},         {"--resolution", FlagKind::Value}, {"--mask-ratio", FlagKind::Value},
      {"--disable-pass", FlagKind::Value}, {"--taps", FlagKind::Switch},      {"--cache", FlagKind::Reserved}};
  auto found = flags.find(flag);
  return found == flags.end() ? FlagKind::Setting : found->second;
}

std::vector<MatrixCell> read(const std::string &text) { return readMatrix("m.json", text, lookUp); }

std::string errorIn(const std::string &text) {
  try {
    read(text);
  } catch (const rt::Error &error) {
    EXPECT_EQ(error.exitCode, 2);
    return error.what();
  }
  return "no error";
}

using Words = std::vector<std::string>;

} // namespace

TEST(Matrix, IsTheProductOfItsAxes) {
  auto cells = read(R"({"model": "vjepa-tiny", "options": {"taps": true, "lr": 0.5, "disable-pass": ["a", "b"]},
                        "axes": {"resolution": [32, 64], "depth": [1, 2]}})");
  ASSERT_EQ(cells.size(), 4U);
  EXPECT_EQ(cells[1].output, "vjepa-tiny-32-2");
  EXPECT_EQ(cells[2].output, "vjepa-tiny-64-1");
  EXPECT_EQ(cells[1].arguments, (Words{"vjepa-tiny", "--taps", "--set", "lr=0.5", "--disable-pass", "a",
                                       "--disable-pass", "b", "--resolution", "32", "--set", "depth=2"}));
}

TEST(Matrix, SetsSeveralThingsAtOnceAndLeavesOut) {
  auto cells = read(R"({"axes": {"model": ["vjepa-tiny", "vjepa"],
                                 "work": [{"task": "train", "mask_ratio": 0.75}, {"task": "embed", "taps": false}]},
                        "exclude": [{"model": "vjepa", "mask-ratio": 0.75}],
                        "include": [{"model": "vjepa", "task": "train", "mask-ratio": null}],
                        "output": "x/{model}-{task}-{mask-ratio}-{depth}"})");
  ASSERT_EQ(cells.size(), 4U);
  EXPECT_EQ(cells[0].output, "x/vjepa-tiny-train-0.75-3");
  EXPECT_EQ(cells[0].arguments, (Words{"vjepa-tiny", "--task", "train", "--mask-ratio", "0.75"}));
  EXPECT_EQ(cells[1].output, "x/vjepa-tiny-embed-none-3");
  EXPECT_EQ(cells[1].arguments, (Words{"vjepa-tiny", "--task", "embed"}));
  EXPECT_EQ(cells[2].output, "x/vjepa-embed-none-24");
  EXPECT_EQ(cells[3].arguments, (Words{"vjepa", "--task", "train"}));
}

TEST(Matrix, SaysWhereItIsWrong) {
  EXPECT_HAS(errorIn("{\"model\": \"vjepa\",\n \"axes\": {,}}"), "m.json:2:11: ");
  EXPECT_HAS(errorIn("[]"), "m.json: file: expected an object");
  EXPECT_HAS(errorIn("{}"), "m.json: model: expected the name of a model");
  EXPECT_HAS(errorIn(R"({"model": "vjepaa"})"), "m.json: model: unknown model 'vjepaa'");
  EXPECT_HAS(errorIn(R"({"model": "vjepa", "axis": {}})"), "m.json: axis: unknown");
  EXPECT_HAS(errorIn(R"({"model": "vjepa", "axes": {"depht": [1, 2]}})"), "m.json: axes.depht[0]: neither a flag");
  EXPECT_HAS(errorIn(R"({"model": "vjepa", "axes": {"depth": 3}})"), "m.json: axes.depth: expected a list");
  EXPECT_HAS(errorIn(R"({"model": "vjepa", "axes": {"depth": []}})"), "m.json: axes.depth: expected a list");
  EXPECT_HAS(errorIn(R"({"model": "vjepa", "options": {"cache": "x"}})"), "m.json: options.cache: a matrix cannot");
  EXPECT_HAS(errorIn(R"({"model": "vjepa", "options": {"taps": 1}})"), "m.json: options.taps: expected true or false");
  EXPECT_HAS(errorIn(R"({"model": "vjepa", "axes": {"depth": [1, 2]}, "output": "x"})"), "two cells are called 'x'");
  EXPECT_HAS(errorIn(R"({"model": "vjepa", "output": "{dept}"})"), "m.json: output: '{dept}' is nothing");
  EXPECT_HAS(errorIn(R"({"model": "vjepa", "axes": {"depth": [1]}, "exclude": [{"depth": 1}]})"), "no cell is left");
}

TEST(Jobs, GoOnWhateverHappensToOne) {
  std::map<std::size_t, JobResult> results;
  auto job = [](std::size_t index) -> int {
    switch (index) {
    case 0:
      throw std::runtime_error("thrown");
    case 1:
      raise(SIGKILL);
      break;
    case 2:
      fprintf(stderr, "%s", std::string(200000, 'x').c_str());
      return 7;
    case 3:
      printf("dropped\n");
      break;
    }
    return 0;
  };
  runJobs(6, 2, job, [&](std::size_t index, const JobResult &result) { results[index] = result; }, [] { return false; });
  ASSERT_EQ(results.size(), 6U);
  EXPECT_EQ(results[0].code, 1);
  EXPECT_EQ(results[0].errors, "error: thrown\n");
  EXPECT_EQ(results[1].signal, SIGKILL);
  EXPECT_EQ(results[2].code, 7);
  EXPECT_EQ(results[2].errors.size(), 200000U);
  for (std::size_t index : {3, 4, 5}) {
    EXPECT_EQ(results[index].code, 0);
    EXPECT_EQ(results[index].signal, 0);
    EXPECT_EQ(results[index].errors, "");
  }
}

TEST(Jobs, EndWhenTold) {
  int ended = 0, asked = 0;
  auto job = [](std::size_t) -> int {
    sleep(100);
    return 0;
  };
  auto done = [&](std::size_t, const JobResult &result) {
    EXPECT_EQ(result.signal, SIGTERM);
    ++ended;
  };
  runJobs(5, 2, job, done, [&] { return ++asked > 1; });
  EXPECT_EQ(ended, 2);
}
