//===- MaskStatistics.cpp - how many tokens a mask rule keeps -------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/masking/MaskStatistics.h"

#include "runtime/core/Error.h"
#include "runtime/masking/MaskSampler.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>

namespace jepa::rt {

namespace {

// Enough that the means' sampling error is below a tenth of a slice's tokens
// at 224 pixels, and fast enough to go unnoticed in a build.
constexpr std::int64_t simulatedBatches = 10000;
constexpr std::int64_t simulatedSamples = 20000;
constexpr std::uint64_t simulationSeed = 0x6a657061; // fixed: every machine must choose the same counts
constexpr int triesPerSample = 1000;
constexpr double packedFits = 0.999; // share of packed batches that fit
constexpr double rarest = 0.05; // share of draws, and percentile of the targets

std::string decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

std::pair<std::int64_t, std::int64_t> countsForRatio(const Grid &grid, const MaskGroup &group, std::size_t index,
                                                     double ratio) {
  auto tokens = static_cast<double>(grid[0] * grid[1] * grid[2]);
  // (1 - 0.9) * 10 is 0.9999...: a ratio that means a whole number gives it.
  auto context = static_cast<std::int64_t>(std::floor((1 - ratio) * tokens + 1e-9 * tokens));
  MaskCounts counts = simulate(grid, group, 1, simulatedSamples, simulationSeed);
  std::vector<std::int64_t> targets;
  for (std::size_t i = 0; i < counts.context.size(); ++i)
    if (context >= 1 && counts.context[i] >= context)
      targets.push_back(counts.target[i]);
  if (context < 1)
    throw usageError("mask ratio " + decimal(ratio) + " leaves no context token of " + decimal(tokens) +
                     ": use a smaller ratio");
  if (static_cast<double>(targets.size()) < rarest * static_cast<double>(counts.context.size())) {
    std::int64_t most = percentile(counts.context, 1 - rarest);
    throw usageError("mask ratio " + decimal(ratio) + " asks for " + std::to_string(context) +
                     " context tokens, which fewer than 5 % of the draws of mask group " + std::to_string(index) +
                     " leave: use a ratio of at least " +
                     decimal(std::ceil((1 - static_cast<double>(most) / tokens) * 1000) / 1000));
  }
  return {context, percentile(std::move(targets), rarest)};
}

} // namespace

CountSummary summarize(const std::vector<std::int64_t> &counts) {
  CountSummary summary;
  if (counts.empty())
    return summary;
  double sum = 0, squares = 0;
  for (std::int64_t count : counts) {
    sum += static_cast<double>(count);
    squares += static_cast<double>(count) * static_cast<double>(count);
  }
  auto size = static_cast<double>(counts.size());
  summary.mean = sum / size;
  summary.std = std::sqrt(std::max(0.0, squares / size - summary.mean * summary.mean));
  auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  summary.min = *least;
  summary.max = *most;
  return summary;
}

std::int64_t percentile(std::vector<std::int64_t> counts, double fraction) {
  auto place = static_cast<std::int64_t>(fraction * static_cast<double>(counts.size() - 1));
  std::nth_element(counts.begin(), counts.begin() + place, counts.end());
  return counts[place];
}

MaskCounts simulate(const Grid &grid, const MaskGroup &group, std::int64_t batch, std::int64_t draws,
                    std::uint64_t seed, BatchCount counted) {
  MaskCounts counts;
  std::vector<std::uint8_t> hidden;
  for (std::int64_t i = 0; i < draws; ++i) {
    RandomStream random{seed, static_cast<std::uint64_t>(i)};
    BlockSize block = blockSize(grid, group, StepUniforms::draw(random));
    // Blocks as deep as the clip hide the same cells of every slice: one will do.
    std::int64_t repeat = block.depth == grid[0] ? grid[0] : 1;
    Grid slice = repeat > 1 ? Grid{1, grid[1], grid[2]} : grid;
    if (repeat > 1)
      block.depth = 1;
    std::int64_t tokens = slice[0] * slice[1] * slice[2];
    bool sums = counted == BatchCount::Sum;
    std::int64_t context = sums ? 0 : tokens, target = context;
    for (std::int64_t b = 0; b < batch; ++b) {
      std::int64_t count = hideBlocks(hidden, slice, group.numBlocks, block, random);
      for (int tries = 1; count == tokens; ++tries) {
        if (tries == triesPerSample)
          throw usageError("the blocks of a mask group (" + std::to_string(group.numBlocks) + " of " +
                           std::to_string(block.height) + "x" + std::to_string(block.width) + " cells) hide all of a " +
                           std::to_string(grid[1]) + "x" + std::to_string(grid[2]) +
                           " grid: use a larger resolution, a smaller patch or smaller blocks");
        count = hideBlocks(hidden, slice, group.numBlocks, block, random);
      }
      target = sums ? target + count : std::min(target, count);
      context = sums ? context + tokens - count : std::min(context, tokens - count);
    }
    counts.context.push_back(context * repeat);
    counts.target.push_back(target * repeat);
  }
  return counts;
}

std::vector<PackedCounts> choosePackedCounts(const Grid &grid, const std::vector<MaskGroup> &groups,
                                             std::int64_t batch) {
  std::vector<PackedCounts> chosen;
  for (const MaskGroup &group : groups) {
    MaskCounts counts = simulate(grid, group, batch, simulatedBatches, simulationSeed, BatchCount::Sum);
    auto perClip = [&](const std::vector<std::int64_t> &sums) {
      return (percentile(sums, packedFits) + batch - 1) / batch;
    };
    auto mean = [&](const std::vector<std::int64_t> &sums) {
      return summarize(sums).mean / static_cast<double>(batch);
    };
    chosen.push_back({perClip(counts.context), perClip(counts.target), mean(counts.context), mean(counts.target)});
  }
  return chosen;
}

std::vector<std::pair<std::int64_t, std::int64_t>> chooseTokenCounts(const Grid &grid,
                                                                     const std::vector<MaskGroup> &groups,
                                                                     std::int64_t slices,
                                                                     std::optional<double> maskRatio,
                                                                     std::int64_t batch) {
  if (maskRatio && !(*maskRatio > 0 && *maskRatio < 1))
    throw usageError("mask ratio " + decimal(*maskRatio) + " is not between 0 and 1: it is the share of hidden tokens");
  if (grid[0] < 1 || grid[1] < 1 || grid[2] < 1 || slices < 1)
    throw usageError("masks need a grid of at least one token");
  std::vector<std::pair<std::int64_t, std::int64_t>> chosen;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (maskRatio) {
      chosen.push_back(countsForRatio(grid, groups[i], i, *maskRatio));
      continue;
    }
    MaskCounts counts = simulate(grid, groups[i], batch, simulatedBatches, simulationSeed);
    auto round = [&](const std::vector<std::int64_t> &list) {
      auto mean = static_cast<std::int64_t>(summarize(list).mean);
      return std::max<std::int64_t>(mean / slices * slices, 1);
    };
    chosen.emplace_back(round(counts.context), round(counts.target));
  }
  return chosen;
}

} // namespace jepa::rt
