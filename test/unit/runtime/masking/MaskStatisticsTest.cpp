//===- MaskStatisticsTest.cpp - token counts against the published rule ---===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/masking/MaskStatistics.h"

#include "runtime/core/Error.h"
#include "runtime/core/Json.h"
#include "runtime/masking/MaskSampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

using namespace jepa::rt;

namespace {

std::vector<MaskGroup> publishedGroups() {
  MaskGroup shortRange;
  shortRange.numBlocks = 8;
  shortRange.spatialScale = {0.15, 0.15};
  shortRange.temporalScale = {1, 1};
  shortRange.aspectRatio = {0.75, 1.5};
  MaskGroup longRange = shortRange;
  longRange.numBlocks = 2;
  longRange.spatialScale = {0.7, 0.7};
  return {shortRange, longRange};
}

std::array<double, 2> range(const Json &config, const char *key) {
  const Json::Array &ends = config.at(key).asArray();
  return {ends[0].asReal(), ends[1].asReal()};
}

TEST(MaskStatistics, AgreesWithThePublishedSampler) {
  std::ifstream file(JEPAC_SHARED_DIR "/vectors/mask-statistics.json");
  if (!file)
    GTEST_SKIP() << "no vectors/mask-statistics.json beside the sources";
  std::stringstream text;
  text << file.rdbuf();
  Json statistics = Json::parse(text.str());
  for (const auto &[name, groups] : statistics.asObject())
    for (const Json &entry : groups.asArray()) {
      const Json &config = entry.at("config");
      MaskGroup group;
      group.numBlocks = config.at("num_blocks").asInteger();
      group.spatialScale = range(config, "spatial_scale");
      group.temporalScale = range(config, "temporal_scale");
      group.aspectRatio = range(config, "aspect_ratio");
      std::vector<std::int64_t> sides = entry.at("grid").asIntegers();
      Grid grid{sides[0], sides[1], sides[2]};
      for (std::int64_t batch : {1, 24}) {
        const Json &want = entry.at("statistics").at("batch" + std::to_string(batch));
        MaskCounts counts = simulate(grid, group, batch, 8000, 5);
        for (const char *side : {"context", "target"}) {
          CountSummary got = summarize(side[0] == 'c' ? counts.context : counts.target);
          double mean = want.at(side).at("mean").asReal(), std = want.at(side).at("std").asReal();
          // The file's own means come from a few hundred batches (a few thousand
          // samples): five standard errors of a hundred batches.
          double tolerance = std * (batch == 1 ? 0.12 : 0.5);
          EXPECT_NEAR(got.mean, mean, tolerance) << name << " batch " << batch << " " << side;
          EXPECT_NEAR(got.std, std, 0.25 * std) << name << " batch " << batch << " " << side;
        }
      }
    }
}

TEST(MaskStatistics, SamplerAndSimulationAgree) {
  std::vector<MaskGroup> groups = publishedGroups();
  MaskPlan plan{"published", Grid{8, 14, 14}, groups};
  for (MaskGroup &group : plan.groups)
    group.context = group.target = 1568;
  MaskSampler sampler(plan, 24, 3);
  std::vector<std::vector<std::int64_t>> context(2), target(2);
  for (std::int64_t step = 0; step < 300; ++step) {
    auto draws = sampler.draw(step);
    for (int g = 0; g < 2; ++g) {
      context[g].push_back(draws[g].contextLength);
      target[g].push_back(draws[g].targetLength);
    }
  }
  for (int g = 0; g < 2; ++g) {
    MaskCounts counts = simulate(plan.grid, groups[g], 24, 4000, 9);
    CountSummary c = summarize(counts.context), t = summarize(counts.target);
    EXPECT_NEAR(summarize(context[g]).mean, c.mean, 5 * c.std / std::sqrt(300.0));
    EXPECT_NEAR(summarize(target[g]).mean, t.mean, 5 * t.std / std::sqrt(300.0));
  }
}

using Counts = std::vector<std::pair<std::int64_t, std::int64_t>>;

TEST(MaskStatistics, DefaultCountsOfThePresets) {
  EXPECT_EQ(chooseTokenCounts({8, 14, 14}, publishedGroups(), 8, {}), (Counts{{360, 744}, {96, 1096}}));
  EXPECT_EQ(chooseTokenCounts({4, 4, 4}, publishedGroups(), 4, {}), (Counts{{16, 24}, {12, 44}}));
  EXPECT_EQ(chooseTokenCounts({1, 14, 14}, publishedGroups(), 1, {}), (Counts{{45, 93}, {12, 137}}));
}

TEST(MaskStatistics, ChosenCountsCanBeDrawn) {
  for (Grid grid : {Grid{8, 14, 14}, Grid{4, 4, 4}, Grid{1, 6, 6}, Grid{2, 3, 3}})
    for (std::optional<double> ratio : std::initializer_list<std::optional<double>>{{}, 0.75, 0.9}) {
      MaskPlan plan{"fixed", grid, publishedGroups()};
      auto counts = chooseTokenCounts(grid, plan.groups, grid[0], ratio);
      for (std::size_t g = 0; g < counts.size(); ++g) {
        plan.groups[g].context = counts[g].first;
        plan.groups[g].target = counts[g].second;
      }
      MaskSampler sampler(plan, 8, 1);
      std::int64_t redraws = 0;
      for (std::int64_t step = 0; step < 20; ++step)
        for (const MaskDraw &draw : sampler.draw(step))
          redraws += draw.redraws;
      EXPECT_LT(redraws, 20 * 8 * 2 * 100);
    }
}

TEST(MaskStatistics, PackedBatchesNearlyAlwaysFit) {
  std::vector<MaskGroup> groups = publishedGroups();
  MaskPlan plan{"packed", Grid{8, 14, 14}, groups};
  for (std::int64_t batch : {1, 8, 24}) {
    std::vector<PackedCounts> counts = choosePackedCounts(plan.grid, groups, batch);
    ASSERT_EQ(counts.size(), 2u);
    std::int64_t draws = 0, overflows = 0;
    for (std::size_t g = 0; g < 2; ++g) {
      EXPECT_NEAR(counts[g].meanContext + counts[g].meanTarget, 1568, 1e-6) << "every token is in one of the two";
      EXPECT_GT(counts[g].context, counts[g].meanContext);
      EXPECT_LE(counts[g].context, 1568);
      plan.groups[g].context = counts[g].context;
      plan.groups[g].target = counts[g].target;
    }
    MaskSampler sampler(plan, batch, 17);
    for (std::int64_t step = 0; step < 500; ++step, ++draws)
      for (const MaskDraw &draw : sampler.draw(step))
        overflows += draw.overflows;
    // Two groups with two limits each, a thousandth of the batches beyond each: 2 in 500 expected.
    EXPECT_LE(overflows, 10) << "batch " << batch;
  }
  // Larger batches vary less.
  EXPECT_LT(choosePackedCounts(plan.grid, groups, 24)[0].context, choosePackedCounts(plan.grid, groups, 1)[0].context);
}

TEST(MaskStatistics, MaskRatioSetsTheContext) {
  Counts counts = chooseTokenCounts({8, 14, 14}, publishedGroups(), 8, 0.9);
  EXPECT_EQ(counts[0].first, 156); // floor(0.1 * 1568)
  EXPECT_EQ(counts[1].first, 156);
  EXPECT_GT(counts[0].second, 700);
  EXPECT_LE(counts[1].second, 1568 - 156);
}

void expectUsageError(const Grid &grid, double ratio, const char *part) {
  try {
    chooseTokenCounts(grid, publishedGroups(), grid[0], ratio);
    FAIL() << ratio;
  } catch (const Error &error) {
    EXPECT_EQ(error.exitCode, 2);
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(MaskStatistics, RatiosThatCannotBeAreRefused) {
  expectUsageError({8, 14, 14}, 1.2, "mask ratio 1.2 is not between 0 and 1");
  expectUsageError({8, 14, 14}, 0, "is not between");
  expectUsageError({8, 14, 14}, 1, "is not between");
  expectUsageError({8, 14, 14}, std::nan(""), "is not between");
  expectUsageError({8, 14, 14}, 0.3, "fewer than 5 % of the draws of mask group 0");
  expectUsageError({8, 14, 14}, 0.5, "fewer than 5 % of the draws of mask group 1");
  expectUsageError({8, 14, 14}, 0.9999, "leaves no context token");
  expectUsageError({4, 1, 1}, 0.5, "hide all of a 1x1 grid");
}

TEST(MaskStatistics, Percentile) {
  EXPECT_EQ(percentile({5, 1, 3, 2, 4}, 0), 1);
  EXPECT_EQ(percentile({5, 1, 3, 2, 4}, 0.5), 3);
  EXPECT_EQ(percentile({5, 1, 3, 2, 4}, 1), 5);
}

} // namespace
