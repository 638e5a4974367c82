//===- TrainLog.h - what a training run writes down ----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_TRAIN_TRAINLOG_H
#define JEPA_RUNTIME_TRAIN_TRAINLOG_H

#include "runtime/io/JsonLines.h"
#include "runtime/io/TensorBoard.h"
#include "runtime/train/Program.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace jepa::rt {

/// One step, as it is logged. `step` counts from one.
struct StepRecord {
  std::int64_t step = 0;
  double loss = 0, lr = 0, weightDecay = 0, ema = 0;
  std::vector<std::pair<std::string, double>> gradNorms; ///< per module, where the plan has them
  double seconds = 0;            ///< of this step, waiting included
  double waiting = 0;            ///< share of it spent waiting for clips
  double clipsPerSecond = 0, flops = 0;
  std::int64_t residentBytes = 0, skippedVideos = 0;
  std::int64_t redrawnBatches = 0; ///< so far: packed batches of masks that did not fit
};

/// The files of a log folder: metrics.jsonl, an event file, loss.png, masks.png.
/// Without a folder it does nothing.
class TrainLog {
public:
  /// A run that resumes after `firstStep` steps keeps the lines up to there.
  TrainLog(const std::string &folder, std::int64_t firstStep);

  void add(const StepRecord &record);
  /// Draws the first clip of the batch in the arena with its masks, once.
  void drawMasks(const Program &program, const float *clip, const std::vector<MaskDraw> &draws);
  /// Draws the whole log's losses.
  void drawLoss(const std::string &title);

private:
  std::filesystem::path folder;
  std::optional<JsonLinesWriter> lines;
  std::optional<TensorBoardWriter> events;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_TRAIN_TRAINLOG_H
