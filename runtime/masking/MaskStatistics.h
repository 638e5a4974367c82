//===- MaskStatistics.h - how many tokens a mask rule keeps ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_MASKING_MASKSTATISTICS_H
#define JEPA_RUNTIME_MASKING_MASKSTATISTICS_H

#include "runtime/core/Plan.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace jepa::rt {

/// How many tokens a batch has: as many as its smallest sample, or those of all samples together.
enum class BatchCount { Smallest, Sum };

/// Context and target counts of simulated draws: of single samples, or of
/// batches. Entry i of both lists is the same draw.
struct MaskCounts {
  std::vector<std::int64_t> context, target;
};

struct CountSummary {
  double mean = 0, std = 0; ///< std of the population
  std::int64_t min = 0, max = 0;
};
CountSummary summarize(const std::vector<std::int64_t> &counts);

/// The value below which `fraction` of the counts lie, rounded down to a count
/// that occurs.
std::int64_t percentile(std::vector<std::int64_t> counts, double fraction);

/// Simulates the published generator: `draws` batches of `batch` samples, a
/// step each. Only a group's block settings are read. Throws Error when the
/// blocks leave no context on this grid.
MaskCounts simulate(const Grid &grid, const MaskGroup &group, std::int64_t batch, std::int64_t draws,
                    std::uint64_t seed, BatchCount count = BatchCount::Smallest);

/// What packed batches of one group need.
struct PackedCounts {
  std::int64_t context = 0, target = 0;   ///< per clip: a batch has room for batch times as many
  double meanContext = 0, meanTarget = 0; ///< of a clip
};

/// The room that packed batches of `batch` samples need: per group the 99.9th percentile of what a batch draws, from a
/// seeded simulation (the same on every machine), rounded up to a multiple of the batch. Throws Error as `simulate`
/// does.
std::vector<PackedCounts> choosePackedCounts(const Grid &grid, const std::vector<MaskGroup> &groups,
                                             std::int64_t batch);

/// The token counts that a binary is specialised to, {context, target} per
/// group, from a seeded simulation: the same on every machine.
///
/// With a mask ratio R: K = floor((1-R) N), and M is the 5th percentile of the
/// targets among the draws that have K context tokens. A usage error when R
/// lies outside (0, 1) or fewer than 5 % of the draws have K context tokens.
/// Without: the means of the published rule at `batch`, rounded down to a
/// multiple of `slices` (frames / tubelet), or to one token if that is none.
std::vector<std::pair<std::int64_t, std::int64_t>> chooseTokenCounts(const Grid &grid,
                                                                     const std::vector<MaskGroup> &groups,
                                                                     std::int64_t slices,
                                                                     std::optional<double> maskRatio,
                                                                     std::int64_t batch = 24);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_MASKING_MASKSTATISTICS_H
