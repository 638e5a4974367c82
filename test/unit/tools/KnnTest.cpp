//===- KnnTest.cpp - nearest neighbours of features ------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "runtime/core/Json.h"
#include "runtime/io/Safetensors.h"
#include "test/unit/runtime/main/Shell.h"

#include <functional>

using namespace jepa::rt;
using namespace jepa::rt::test;

namespace {

constexpr std::int64_t tokens = 8, width = 3;

/// The feature `i` of a token of video `video`.
using Feature = std::function<float(int video, std::int64_t token, std::int64_t i)>;

class Knn : public testing::Test {
protected:
  std::string write(const std::string &name, const std::vector<std::int32_t> &labels, const Feature &feature,
                    std::int64_t features = width, bool labelled = true) {
    std::string path = folder / name;
    SafetensorsWriter writer(path, 8192);
    Json names = Json::array();
    for (std::size_t video = 0; video < labels.size(); ++video) {
      std::vector<float> values;
      for (std::int64_t token = 0; token < tokens; ++token)
        for (std::int64_t i = 0; i < features; ++i)
          values.push_back(feature(static_cast<int>(video), token, i));
      names.push("v" + std::to_string(video));
      writer.add("v" + std::to_string(video), DType::F32, {tokens, features}, values.data());
    }
    if (labelled)
      writer.add("labels", DType::I32, {static_cast<std::int64_t>(labels.size())}, labels.data());
    writer.finish({{"videos", names.dump()}});
    return path;
  }
  Outcome run(const std::string &train, const std::string &test, const std::string &more = "") {
    return runShell(folder, JEPA_KNN " --train " + train + " --test " + test + " " + more);
  }
  double accuracy(const Outcome &outcome) {
    EXPECT_EQ(outcome.code, 0) << outcome.error;
    return Json::parse(outcome.output).at("accuracy").asReal();
  }

  TempFolder folder;
  /// Of four videos, two of each class.
  const std::vector<std::int32_t> labels = {0, 1, 0, 1};
};

/// Classes that differ in their mean, and videos that differ a little.
float still(int video, std::int64_t token, std::int64_t i) {
  return (video % 2 ? 1.0F : -1.0F) * static_cast<float>(i + 1) + 0.01F * static_cast<float>((video + token) % 5);
}

/// Classes of one mean: every place of the odd ones changes from the first half of the time to the second. Sums of
/// quarters are exact, so that means are equal where they should be.
float moving(int video, std::int64_t token, std::int64_t i) {
  float noise = 0.25F * static_cast<float>(((video / 2 + 1) * (i + 2)) % 3);
  return noise + (video % 2 ? (token < tokens / 2 ? 1.0F : -1.0F) : 0.0F);
}

} // namespace

TEST_F(Knn, NamesWhatIsNear) {
  std::string train = write("train", labels, still);
  EXPECT_EQ(accuracy(run(train, write("same", labels, still), "--neighbours 1")), 1);
  // Three of the four are of the other class than they are said to be.
  Outcome outcome = run(train, write("other", {1, 0, 1, 1}, still), "--neighbours 2");
  EXPECT_EQ(accuracy(outcome), 0.25);
  EXPECT_EQ(Json::parse(outcome.output).at("chance").asReal(), 0.75);
  EXPECT_EQ(Json::parse(outcome.output).at("videos").asInteger(), 4);
}

TEST_F(Knn, MoreNeighboursThanVideosAreAllOfThem) {
  std::string train = write("train", {0, 0, 0}, still);
  EXPECT_EQ(accuracy(run(train, train, "--neighbours 50")), 1);
}

TEST_F(Knn, SeesMotionInSlicesAlone) {
  std::string train = write("train", labels, moving), test = write("test", labels, moving);
  EXPECT_EQ(accuracy(run(train, test, "--neighbours 2 --slices 2")), 1);
  // Without slices the two videos of equal noise are the same; a label of the pair is right for one of them.
  EXPECT_EQ(accuracy(run(train, test, "--neighbours 2")), 0.5);
}

TEST_F(Knn, RefusesWhatCannotBeCompared) {
  std::string train = write("train", labels, still);
  expectError(run(train, write("bare", labels, still, width, false)), 1, "bare' has no labels: write it with");
  expectError(run(train, write("wide", labels, still, width + 1)), 1, "features of different widths");
  expectError(run(train, train, "--slices 3"), 1, "tensor 'v0' is [8, 3], which cannot be cut into --slices 3");
  expectError(run(train, train, "--neighbours none"), 2, "--neighbours takes a positive number, found 'none'");
  expectError(run(train, folder / "nothing"), 1, "nothing");
  expectError(run(train, train, "--neighbors 3"), 2, "usage: jepa-knn");
}
