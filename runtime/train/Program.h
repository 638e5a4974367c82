//===- Program.h - generated code with its plan and its memory -----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_TRAIN_PROGRAM_H
#define JEPA_RUNTIME_TRAIN_PROGRAM_H

#include "runtime/core/Executor.h"
#include "runtime/core/Plan.h"
#include "runtime/masking/MaskSampler.h"
#include "runtime/train/Schedules.h"

#include <cstddef>
#include <string>
#include <vector>

namespace jepa::rt {

/// What a command works with: it owns nothing. The tables in the host's memory are
/// filled and its parameters initialised; upload() brings them to where the
/// program runs.
struct Program {
  const Plan &plan;
  std::byte *arena;   ///< as the host sees it
  Executor *executor; ///< null where nothing is run: inputs are then written to the arena

  /// A buffer in the host's memory.
  std::byte *data(const Buffer &buffer) const { return arena + buffer.offset; }
  /// Where an input of the next step is written.
  std::byte *input(const Buffer &buffer) const { return executor ? executor->input(buffer) : data(buffer); }

  /// Everything that outlives a step, after it was written on the host.
  void upload() const;
  /// What a checkpoint holds: parameters and moments.
  void downloadState() const;
  /// Runs a step on the inputs that were written; returns the seconds that it took.
  double run() const;

  /// [batch, channels, frames, height, width] of the clip input.
  const Buffer &clip() const { return plan.at("clip"); }
  std::int64_t batch() const { return clip().shape.at(0); }
  /// Source frames per frame of a clip: the `--set` key `stride`, or 4.
  std::int64_t stride() const;

  /// The first element of a buffer of reals.
  double scalar(const Buffer &buffer) const;
  /// Writes the clip's floats.
  void writeClip(const float *values) const;
  /// Whether the clip may be bytes, [clip, frame, row, column, 3], and where they are then written.
  bool takesBytes() const { return plan.find(clipBytesName) != nullptr; }
  std::uint8_t *clipBytes() const;
  void writeHyper(const HyperVector &values) const;
  /// Writes the masks of each group, and their lengths or bounds where the plan has them.
  void writeMasks(const std::vector<MaskDraw> &draws) const;
};

/// "mask0.context" and "mask0.target".
std::string maskName(std::size_t group, const char *side);

/// Throws unless each row of `indices` [rows, columns] is strictly increasing
/// within [0, tokens) and not empty; names the tensor, the clip and the position.
/// The first row is that of clip `firstClip`.
void checkMask(const std::string &where, const std::int32_t *indices, std::int64_t rows, std::int64_t columns,
               std::int64_t tokens, std::int64_t firstClip = 0);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_TRAIN_PROGRAM_H
