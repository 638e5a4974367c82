//===- MaskSampler.h - multi-block masks over space and time --------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_MASKING_MASKSAMPLER_H
#define JEPA_RUNTIME_MASKING_MASKSAMPLER_H

#include "runtime/core/Plan.h"
#include "runtime/masking/RandomStream.h"

#include <cstdint>
#include <vector>

namespace jepa::rt {

/// The masks of one group for one batch: ascending token indices, row by row.
/// Under the rule "published" only the first `contextLength` (`targetLength`)
/// entries of a row count; the others repeat the last of them. Under "packed"
/// the rows stand one after the other in one list, as long as each of them is:
/// row b from bounds[b] to bounds[b + 1], its token t as b * tokens + t, and the
/// rest repeats the last; the lengths are those of the first row.
struct MaskDraw {
  std::vector<std::int32_t> context;                     ///< [batch, K], or [batch * K]
  std::vector<std::int32_t> target;                      ///< [batch, M], or [batch * M]
  std::vector<std::int32_t> contextBounds, targetBounds; ///< [batch + 1] where packed
  std::int64_t contextLength = 0, targetLength = 0;
  std::int64_t overflows = 0; ///< packed batches with more tokens than there is room for, drawn again
  std::int64_t redraws = 0; ///< draws with too few tokens (or no context at all) that were drawn again
};

/// The blocks of one step: the published generator draws one size per step,
/// for all blocks, samples and groups with the same three uniforms.
struct BlockSize {
  std::int64_t depth = 0, height = 0, width = 0;
};

/// The three uniforms of one step.
struct StepUniforms {
  double temporal = 0, spatial = 0, aspect = 0;
  static StepUniforms draw(RandomStream &random);
};

/// The size of a group's blocks; at least one cell, at most the grid.
BlockSize blockSize(const Grid &grid, const MaskGroup &group, const StepUniforms &uniforms);

/// Hides numBlocks blocks at uniform places: sets `hidden` (one byte per token,
/// t outermost, then row, then column) to 1 there and to 0 elsewhere. Returns
/// the number of hidden tokens.
std::int64_t hideBlocks(std::vector<std::uint8_t> &hidden, const Grid &grid, std::int64_t numBlocks,
                        const BlockSize &block, RandomStream &random);

/// Draws the masks of each step as a function of (seed, step) alone.
///
/// "fixed": exactly K context and M target tokens; a draw with more is thinned
/// at random, one with fewer is drawn again. "published": every sample keeps
/// all that it drew, then every row is cut to the batch's smallest length, at
/// most to the capacity, by dropping its tail. "packed": every sample keeps all
/// that it drew; a batch with more than batch * K context or batch * M target
/// tokens together is drawn again.
class MaskSampler {
public:
  /// Throws a usage error when a group can never have its counts.
  MaskSampler(MaskPlan plan, std::int64_t batch, std::uint64_t seed);

  /// One draw per group. Throws Error, naming the group, when the bound on
  /// redraws is reached.
  std::vector<MaskDraw> draw(std::int64_t step) const;

  const MaskPlan &getPlan() const { return plan; }

private:
  enum class Rule { Fixed, Published, Packed };
  bool drawGroup(MaskDraw &draw, std::size_t group, std::int64_t step, std::int64_t attempt) const;

  MaskPlan plan;
  std::int64_t batch;
  std::uint64_t seed;
  Rule rule;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_MASKING_MASKSAMPLER_H
