//===- MaskSamplerTest.cpp - what every draw must hold --------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/masking/MaskSampler.h"

#include "runtime/core/Error.h"
#include "runtime/masking/MaskStatistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

using namespace jepa::rt;

namespace {

MaskGroup group(std::int64_t context, std::int64_t target, std::int64_t blocks, double scale) {
  MaskGroup g;
  g.context = context;
  g.target = target;
  g.numBlocks = blocks;
  g.spatialScale = {scale, scale};
  g.temporalScale = {1, 1};
  g.aspectRatio = {0.75, 1.5};
  return g;
}

MaskPlan vitl(const char *rule) {
  return {rule, Grid{8, 14, 14}, {group(360, 744, 8, 0.15), group(96, 1096, 2, 0.7)}};
}

void expectRow(const std::int32_t *row, std::int64_t length, std::int64_t tokens, std::set<std::int32_t> &seen) {
  for (std::int64_t i = 0; i < length; ++i) {
    EXPECT_GE(row[i], 0);
    EXPECT_LT(row[i], tokens);
    if (i > 0) {
      EXPECT_LT(row[i - 1], row[i]) << "at " << i;
    }
    EXPECT_TRUE(seen.insert(row[i]).second) << "token " << row[i] << " twice";
  }
}

/// Ascending, in range, context and target disjoint, padding repeats the last.
void expectValid(const MaskPlan &plan, const std::vector<MaskDraw> &draws, std::int64_t batch) {
  std::int64_t tokens = plan.grid[0] * plan.grid[1] * plan.grid[2];
  ASSERT_EQ(draws.size(), plan.groups.size());
  for (std::size_t g = 0; g < draws.size(); ++g) {
    std::int64_t k = plan.groups[g].context, m = plan.groups[g].target;
    ASSERT_EQ(static_cast<std::int64_t>(draws[g].context.size()), batch * k);
    ASSERT_EQ(static_cast<std::int64_t>(draws[g].target.size()), batch * m);
    ASSERT_TRUE(draws[g].contextLength >= 1 && draws[g].contextLength <= k);
    ASSERT_TRUE(draws[g].targetLength >= 1 && draws[g].targetLength <= m);
    for (std::int64_t b = 0; b < batch; ++b) {
      std::set<std::int32_t> seen;
      const std::int32_t *context = draws[g].context.data() + b * k, *target = draws[g].target.data() + b * m;
      expectRow(context, draws[g].contextLength, tokens, seen);
      expectRow(target, draws[g].targetLength, tokens, seen);
      for (std::int64_t i = draws[g].contextLength; i < k; ++i)
        EXPECT_EQ(context[i], context[draws[g].contextLength - 1]);
      for (std::int64_t i = draws[g].targetLength; i < m; ++i)
        EXPECT_EQ(target[i], target[draws[g].targetLength - 1]);
    }
  }
}

TEST(MaskSampler, FixedGivesExactCounts) {
  MaskPlan plan = vitl("fixed");
  MaskSampler sampler(plan, 4, 1);
  for (std::int64_t step = 0; step < 20; ++step) {
    auto draws = sampler.draw(step);
    expectValid(plan, draws, 4);
    EXPECT_EQ(draws[0].contextLength, 360);
    EXPECT_EQ(draws[1].targetLength, 1096);
  }
}

TEST(MaskSampler, PublishedCutsToTheBatchMinimum) {
  MaskPlan plan = vitl("published");
  plan.groups[0].context = 1000;
  plan.groups[0].target = 1400;
  MaskSampler sampler(plan, 6, 2);
  bool shorter = false;
  for (std::int64_t step = 0; step < 20; ++step) {
    auto draws = sampler.draw(step);
    expectValid(plan, draws, 6);
    EXPECT_EQ(draws[0].contextLength % 8, 0) << "tubes keep whole columns of time";
    EXPECT_EQ(draws[0].redraws, 0);
    shorter |= draws[0].contextLength < 1000 && draws[0].targetLength < 1400;
    // Prefix truncation: what is kept is dense in the first slice.
    EXPECT_LT(draws[0].context[0], 196);
  }
  EXPECT_TRUE(shorter);
}

/// Each clip's tokens, without the padding.
void expectPacked(const MaskPlan &plan, const MaskDraw &draw, std::int64_t batch, const MaskGroup &group) {
  std::int64_t tokens = plan.grid[0] * plan.grid[1] * plan.grid[2];
  ASSERT_EQ(static_cast<std::int64_t>(draw.context.size()), batch * group.context);
  ASSERT_EQ(static_cast<std::int64_t>(draw.target.size()), batch * group.target);
  ASSERT_EQ(static_cast<std::int64_t>(draw.contextBounds.size()), batch + 1);
  ASSERT_EQ(static_cast<std::int64_t>(draw.targetBounds.size()), batch + 1);
  std::set<std::int32_t> seen;
  for (std::int64_t b = 0; b < batch; ++b) {
    auto expectClip = [&](const std::vector<std::int32_t> &list, const std::vector<std::int32_t> &bounds) {
      ASSERT_LT(bounds[b], bounds[b + 1]) << "clip " << b << " is empty";
      for (std::int32_t i = bounds[b]; i < bounds[b + 1]; ++i) {
        EXPECT_EQ(list[i] / tokens, b) << "at " << i;
        EXPECT_TRUE(i == bounds[b] || list[i - 1] < list[i]) << "at " << i;
        EXPECT_TRUE(seen.insert(list[i]).second) << "token " << list[i] << " twice";
      }
    };
    expectClip(draw.context, draw.contextBounds);
    expectClip(draw.target, draw.targetBounds);
  }
  EXPECT_EQ(static_cast<std::int64_t>(seen.size()), batch * tokens) << "a token was left out";
  EXPECT_EQ(draw.contextLength, draw.contextBounds[1]);
  EXPECT_EQ(draw.targetLength, draw.targetBounds[1]);
  for (std::size_t i = draw.contextBounds.back(); i < draw.context.size(); ++i)
    EXPECT_EQ(draw.context[i], draw.context[draw.contextBounds.back() - 1]);
  for (std::size_t i = draw.targetBounds.back(); i < draw.target.size(); ++i)
    EXPECT_EQ(draw.target[i], draw.target[draw.targetBounds.back() - 1]);
}

TEST(MaskSampler, PackedKeepsEveryToken) {
  MaskPlan plan = vitl("packed");
  auto counts = choosePackedCounts(plan.grid, plan.groups, 6);
  for (std::size_t g = 0; g < 2; ++g) {
    plan.groups[g].context = counts[g].context;
    plan.groups[g].target = counts[g].target;
  }
  MaskSampler sampler(plan, 6, 2);
  std::set<std::int32_t> lengths;
  for (std::int64_t step = 0; step < 20; ++step) {
    auto draws = sampler.draw(step);
    for (std::size_t g = 0; g < 2; ++g)
      expectPacked(plan, draws[g], 6, plan.groups[g]);
    for (std::size_t b = 0; b < 6; ++b)
      lengths.insert(draws[0].contextBounds[b + 1] - draws[0].contextBounds[b]);
  }
  EXPECT_GT(lengths.size(), 10u) << "samples differ in length";
}

TEST(MaskSampler, PackedBatchesThatOverflowAreDrawnAgain) {
  MaskPlan plan = vitl("packed");
  // About half of the batches have more context tokens than that.
  plan.groups[0].context = 584;
  plan.groups[0].target = 1568;
  plan.groups[1].context = plan.groups[1].target = 1568;
  MaskSampler sampler(plan, 4, 5);
  std::int64_t overflows = 0, redrawn = 0;
  for (std::int64_t step = 0; step < 100; ++step) {
    auto draws = sampler.draw(step);
    expectPacked(plan, draws[0], 4, plan.groups[0]);
    overflows += draws[0].overflows;
    redrawn += draws[0].overflows > 0;
    EXPECT_EQ(draws[1].overflows, 0);
  }
  EXPECT_GT(redrawn, 20);
  EXPECT_LT(redrawn, 80);
  EXPECT_GE(overflows, redrawn);
  plan.groups[0].context = 10;
  try {
    MaskSampler(plan, 4, 5).draw(0);
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.exitCode, 1);
    EXPECT_NE(std::string(error.what()).find("found no batch that fits in 64 draws: build with more"),
              std::string::npos)
        << error.what();
  }
}

TEST(MaskSampler, IsAFunctionOfSeedAndStep) {
  MaskSampler a(vitl("fixed"), 2, 7), b(vitl("fixed"), 2, 7), c(vitl("fixed"), 2, 8);
  a.draw(0);
  EXPECT_EQ(a.draw(5)[0].context, b.draw(5)[0].context);
  EXPECT_EQ(a.draw(5)[1].target, b.draw(5)[1].target);
  EXPECT_NE(a.draw(5)[0].context, a.draw(6)[0].context);
  EXPECT_NE(a.draw(5)[0].context, c.draw(5)[0].context);
}

TEST(MaskSampler, SmallGridsAndImages) {
  for (Grid grid : {Grid{4, 4, 4}, Grid{1, 14, 14}, Grid{1, 3, 5}, Grid{2, 2, 3}})
    for (const char *rule : {"fixed", "published"}) {
      MaskPlan plan{rule, grid, {group(1, 2, 8, 0.15), group(1, 2, 2, 0.7)}};
      MaskSampler sampler(plan, 3, 3);
      for (std::int64_t step = 0; step < 30; ++step)
        expectValid(plan, sampler.draw(step), 3);
    }
}

TEST(MaskSampler, ThinningReachesEveryToken) {
  MaskPlan plan{"fixed", Grid{2, 6, 6}, {group(10, 10, 2, 0.3)}};
  MaskSampler sampler(plan, 2, 11);
  std::set<std::int32_t> context, target;
  for (std::int64_t step = 0; step < 400; ++step) {
    MaskDraw draw = sampler.draw(step)[0];
    context.insert(draw.context.begin(), draw.context.end());
    target.insert(draw.target.begin(), draw.target.end());
  }
  EXPECT_EQ(context.size(), 72u);
  EXPECT_EQ(target.size(), 72u);
}

TEST(MaskSampler, BlockSizesOfThePublishedTable) {
  MaskGroup shortRange = group(1, 1, 8, 0.15), longRange = group(1, 1, 2, 0.7);
  std::set<std::pair<std::int64_t, std::int64_t>> small, large;
  for (int i = 0; i <= 10000; ++i) {
    StepUniforms uniforms{0.5, 0.5, i / 10000.0};
    BlockSize a = blockSize({8, 14, 14}, shortRange, uniforms), b = blockSize({8, 14, 14}, longRange, uniforms);
    EXPECT_EQ(a.depth, 8);
    small.emplace(a.height, a.width);
    large.emplace(b.height, b.width);
  }
  using Sizes = std::set<std::pair<std::int64_t, std::int64_t>>;
  EXPECT_EQ(small, (Sizes{{5, 6}, {5, 5}, {6, 5}, {6, 4}, {7, 4}}));
  EXPECT_EQ(large, (Sizes{{10, 14}, {10, 13}, {11, 13}, {11, 12}, {12, 12}, {12, 11}, {13, 11}, {13, 10}, {14, 10}}));
}

TEST(MaskSampler, CountsThatCannotBeAreErrors) {
  MaskPlan plan = vitl("fixed");
  plan.groups[1].context = 1000;
  try {
    MaskSampler(plan, 1, 0);
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.exitCode, 2);
    EXPECT_NE(std::string(error.what()).find("mask group 1"), std::string::npos) << error.what();
  }
  plan.rule = "loose";
  EXPECT_THROW(MaskSampler(plan, 1, 0), Error);
}

TEST(MaskSampler, RedrawsAreBounded) {
  // Two blocks of 70 % cannot leave two thirds of the cells as context.
  MaskPlan plan{"fixed", Grid{2, 6, 6}, {group(1, 1, 8, 0.15), group(48, 2, 2, 0.7)}};
  MaskSampler sampler(plan, 1, 0);
  try {
    sampler.draw(0);
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.exitCode, 1);
    EXPECT_NE(std::string(error.what()).find("mask group 1 (48 context"), std::string::npos) << error.what();
  }
}

} // namespace
