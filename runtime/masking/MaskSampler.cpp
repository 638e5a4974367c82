//===- MaskSampler.cpp - multi-block masks over space and time ------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/masking/MaskSampler.h"

#include "runtime/core/Error.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace jepa::rt {

namespace {

// Tries for one sample with the step's block size, and block sizes for one
// step: a small grid can have sizes that no placement satisfies.
constexpr int triesPerSample = 1000;
constexpr int sizesPerStep = 64;

// What a stream of random numbers is for; part of its key.
enum Purpose : std::uint64_t { SizePurpose = 1, PlacePurpose = 2 };

std::int64_t tokensOf(const Grid &grid) { return grid[0] * grid[1] * grid[2]; }

double between(const std::array<double, 2> &range, double u) { return range[0] + (range[1] - range[0]) * u; }

/// Removes all but `count` ascending entries, each subset with the same
/// probability (selection sampling, which keeps the order).
void thin(std::vector<std::int32_t> &indices, std::int64_t count, RandomStream &random) {
  auto left = static_cast<std::int64_t>(indices.size());
  std::int64_t kept = 0;
  for (std::int32_t index : indices) {
    if (random.below(left) < count - kept)
      indices[kept++] = index;
    --left;
  }
  indices.resize(count);
}

/// Puts the rows one after the other, and repeats the last entry in what is left of `capacity` per row. False where
/// they are more than that.
bool pack(std::vector<std::int32_t> &out, std::vector<std::int32_t> &bounds,
          const std::vector<std::vector<std::int32_t>> &rows, std::int64_t capacity, std::int64_t tokens) {
  out.clear();
  bounds.assign(1, 0);
  for (std::size_t b = 0; b < rows.size(); ++b) {
    for (std::int32_t token : rows[b])
      out.push_back(static_cast<std::int32_t>(static_cast<std::int64_t>(b) * tokens) + token);
    bounds.push_back(static_cast<std::int32_t>(out.size()));
  }
  std::size_t room = rows.size() * static_cast<std::size_t>(capacity);
  bool fits = out.size() <= room;
  out.resize(room, out.back());
  return fits;
}

std::string groupName(std::size_t group, const MaskGroup &settings) {
  return "mask group " + std::to_string(group) + " (" + std::to_string(settings.context) + " context, " +
         std::to_string(settings.target) + " target tokens)";
}

} // namespace

StepUniforms StepUniforms::draw(RandomStream &random) {
  StepUniforms uniforms;
  uniforms.temporal = random.uniform();
  uniforms.spatial = random.uniform();
  uniforms.aspect = random.uniform();
  return uniforms;
}

BlockSize blockSize(const Grid &grid, const MaskGroup &group, const StepUniforms &uniforms) {
  double keep = between(group.temporalScale, uniforms.temporal);
  double share = between(group.spatialScale, uniforms.spatial);
  double aspect = between(group.aspectRatio, uniforms.aspect);
  auto cells = static_cast<double>(
      static_cast<std::int64_t>(static_cast<double>(grid[1] * grid[2]) * share));
  // nearbyint rounds halves to even, as the published generator does. Below one
  // cell, where that one would hide nothing, a block is one cell.
  auto side = [](double length, std::int64_t limit) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::nearbyint(length)), 1, limit);
  };
  BlockSize block;
  block.depth = std::clamp<std::int64_t>(static_cast<std::int64_t>(static_cast<double>(grid[0]) * keep), 1, grid[0]);
  block.height = side(std::sqrt(cells * aspect), grid[1]);
  block.width = side(std::sqrt(cells / aspect), grid[2]);
  return block;
}

std::int64_t hideBlocks(std::vector<std::uint8_t> &hidden, const Grid &grid, std::int64_t numBlocks,
                        const BlockSize &block, RandomStream &random) {
  hidden.assign(tokensOf(grid), 0);
  for (std::int64_t i = 0; i < numBlocks; ++i) {
    std::int64_t top = random.below(grid[1] - block.height + 1);
    std::int64_t left = random.below(grid[2] - block.width + 1);
    std::int64_t start = random.below(grid[0] - block.depth + 1);
    for (std::int64_t t = start; t < start + block.depth; ++t)
      for (std::int64_t y = top; y < top + block.height; ++y)
        std::fill_n(hidden.begin() + (t * grid[1] + y) * grid[2] + left, block.width, std::uint8_t(1));
  }
  return std::accumulate(hidden.begin(), hidden.end(), std::int64_t(0));
}

MaskSampler::MaskSampler(MaskPlan givenPlan, std::int64_t batch, std::uint64_t seed)
    : plan(std::move(givenPlan)), batch(batch), seed(seed), rule(plan.rule == "packed"      ? Rule::Packed
                                                                 : plan.rule == "published" ? Rule::Published
                                                                                            : Rule::Fixed) {
  if (plan.rule != "fixed" && plan.rule != "published" && plan.rule != "packed")
    throw usageError("unknown mask rule '" + plan.rule + "': use fixed, published or packed");
  std::int64_t tokens = tokensOf(plan.grid);
  if (batch < 1 || plan.grid[0] < 1 || plan.grid[1] < 1 || plan.grid[2] < 1 || tokens > INT32_MAX ||
      (rule == Rule::Packed && tokens > INT32_MAX / batch))
    throw usageError("masks need a batch of at least one clip and a grid of 1 to 2^31-1 tokens");
  for (std::size_t i = 0; i < plan.groups.size(); ++i) {
    const MaskGroup &group = plan.groups[i];
    bool fits = group.context >= 1 && group.target >= 1 && group.numBlocks >= 1 && group.context <= tokens &&
                group.target <= tokens && (rule != Rule::Fixed || group.context + group.target <= tokens);
    if (!fits)
      throw usageError(groupName(i, group) + " does not fit into a grid of " + std::to_string(tokens) +
                       " tokens: build with fewer context or target tokens");
  }
}

bool MaskSampler::drawGroup(MaskDraw &draw, std::size_t index, std::int64_t step, std::int64_t attempt) const {
  const MaskGroup &group = plan.groups[index];
  auto stepKey = static_cast<std::uint64_t>(step), attemptKey = static_cast<std::uint64_t>(attempt);
  RandomStream sizes{seed, SizePurpose, stepKey, attemptKey};
  BlockSize block = blockSize(plan.grid, group, StepUniforms::draw(sizes));
  std::int64_t tokens = tokensOf(plan.grid);
  bool fixed = rule == Rule::Fixed;
  std::int64_t needContext = fixed ? group.context : 1, needTarget = fixed ? group.target : 1;

  std::vector<std::uint8_t> hidden;
  std::vector<std::vector<std::int32_t>> contexts(batch), targets(batch);
  draw.contextLength = group.context;
  draw.targetLength = group.target;
  for (std::int64_t b = 0; b < batch; ++b) {
    RandomStream random{seed, PlacePurpose, stepKey, attemptKey, index, static_cast<std::uint64_t>(b)};
    std::int64_t target = hideBlocks(hidden, plan.grid, group.numBlocks, block, random);
    for (int tries = 1; target < needTarget || tokens - target < needContext; ++tries) {
      if (tries == triesPerSample)
        return false;
      ++draw.redraws;
      target = hideBlocks(hidden, plan.grid, group.numBlocks, block, random);
    }
    for (std::int64_t token = 0; token < tokens; ++token)
      (hidden[token] ? targets : contexts)[b].push_back(static_cast<std::int32_t>(token));
    if (rule == Rule::Published) {
      draw.contextLength = std::min(draw.contextLength, tokens - target);
      draw.targetLength = std::min(draw.targetLength, target);
    } else if (fixed) {
      thin(contexts[b], group.context, random);
      thin(targets[b], group.target, random);
    }
  }

  if (rule == Rule::Packed) {
    bool fits = pack(draw.context, draw.contextBounds, contexts, group.context, tokens) &&
                pack(draw.target, draw.targetBounds, targets, group.target, tokens);
    draw.overflows += !fits;
    draw.contextLength = draw.contextBounds[1];
    draw.targetLength = fits ? draw.targetBounds[1] : 0;
    return fits;
  }
  auto emit = [&](std::vector<std::int32_t> &out, const std::vector<std::vector<std::int32_t>> &lists,
                  std::int64_t length, std::int64_t capacity) {
    out.resize(batch * capacity);
    for (std::int64_t b = 0; b < batch; ++b) {
      auto row = out.begin() + b * capacity;
      std::copy_n(lists[b].begin(), length, row);
      std::fill(row + length, row + capacity, lists[b][length - 1]);
    }
  };
  emit(draw.context, contexts, draw.contextLength, group.context);
  emit(draw.target, targets, draw.targetLength, group.target);
  return true;
}

std::vector<MaskDraw> MaskSampler::draw(std::int64_t step) const {
  std::vector<MaskDraw> draws(plan.groups.size());
  for (std::int64_t attempt = 0; attempt < sizesPerStep; ++attempt) {
    // All groups take the same attempt: they share the step's aspect ratio.
    std::size_t group = 0;
    while (group < draws.size() && drawGroup(draws[group], group, step, attempt))
      ++group;
    if (group == draws.size())
      return draws;
    if (attempt + 1 == sizesPerStep)
      throw Error(groupName(group, plan.groups[group]) +
                  (rule == Rule::Packed
                       ? " found no batch that fits in " + std::to_string(sizesPerStep) +
                             " draws: build with more context or target tokens"
                       : " found no mask with enough tokens in " + std::to_string(sizesPerStep) + " times " +
                             std::to_string(triesPerSample) + " draws: build with fewer context or target tokens"));
  }
  return draws;
}

} // namespace jepa::rt
