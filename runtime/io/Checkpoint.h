//===- Checkpoint.h - training states that survive crashes ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A checkpoint is a safetensors file: parameters under their published names
// (encoder.*, predictor.*, target_encoder.*), moments as optimizer.m.* and
// optimizer.v.*, everything else as metadata. So it loads wherever weights do.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_IO_CHECKPOINT_H
#define JEPA_RUNTIME_IO_CHECKPOINT_H

#include "runtime/core/Plan.h"
#include "runtime/io/Safetensors.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace jepa::rt {

/// Where a run stands, beside what is in its arena. Every random draw of a run
/// is a function of the seed and of a step or sample, so that these three
/// numbers are the whole random state and the position in the data.
struct TrainingPosition {
  std::int64_t step = 0; ///< optimiser steps done
  std::uint64_t seed = 0;
  std::int64_t sample = 0; ///< first sample that no step has used
};

/// The checkpoints of one folder: step-00000012.safetensors, and a link
/// `latest.safetensors` to the newest.
class CheckpointFolder {
public:
  /// Keeps the newest `keep` files (at least one).
  CheckpointFolder(std::filesystem::path folder, const Plan &plan, int keep);

  /// Makes the folder, proves that it can be written to, and removes what a
  /// killed run left half written. To be called before any work is done.
  void prepare();

  /// The files, newest first.
  std::vector<std::filesystem::path> files() const;

  /// Writes the state; returns its file. On any failure the earlier checkpoints
  /// are as they were. Refuses to write parameters or moments that are not finite.
  std::filesystem::path save(const std::byte *arena, const TrainingPosition &position);

  /// Loads the newest file that is whole into `arena`; tells `warn` about each
  /// newer one that is not. Nothing if the folder holds no checkpoint. Throws
  /// when none of them is whole, and when one was made by another geometry, naming
  /// the first difference.
  std::optional<TrainingPosition> load(std::byte *arena,
                                       const std::function<void(const std::string &)> &warn) const;

private:
  TrainingPosition loadFile(const SafetensorsReader &reader, std::byte *arena) const;
  void requireSameGeometry(const SafetensorsReader &reader) const;

  std::filesystem::path folder;
  const Plan &plan;
  int keep;
};

/// The checkpoint that `path` means: the newest one of a folder, or the file.
std::string resolveWeights(const std::string &path);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_IO_CHECKPOINT_H
