//===- Trainer.h - the training loop -------------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A step: take a batch of clips, draw its masks, set the hyper-parameters, run
// the generated code, read the loss. Clips and masks are functions of the seed
// and of the sample or step alone, so neither the number of threads, nor that
// of workers, nor an interruption changes a loss.
//
// On a device the next step's clips and masks are taken and uploaded while a
// step computes; it begins when this step's loss has been read. So no step is
// ever under way that a checkpoint or a refused loss would have to know of, and
// the device waits for no more than a few calls between two steps.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_TRAIN_TRAINER_H
#define JEPA_RUNTIME_TRAIN_TRAINER_H

#include "runtime/train/Program.h"
#include "runtime/train/Schedules.h"
#include "runtime/video/Nvdec.h"

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace jepa::rt {

struct TrainOptions {
  std::string data;       ///< a list or a folder of videos
  std::string checkpoint; ///< folder
  std::string log;        ///< folder; none if empty
  std::string weights;    ///< file to begin from; none if empty
  bool resume = false;
  std::int64_t steps = 0;
  /// Steps between checkpoints; without it, a tenth of the run, at most 300.
  std::optional<std::int64_t> checkpointEvery;
  int keepCheckpoints = 3;
  int workers = 0;
  std::shared_ptr<Nvdec> nvdec; ///< decodes the videos; none for the CPU
  std::optional<std::uint64_t> seed;
  std::optional<std::int64_t> stride;
  OptimizerSettings optimizer;
  std::FILE *output = nullptr; ///< progress and what was done
  std::FILE *errors = nullptr; ///< warnings
};

/// The seed of a run that none was given for.
inline constexpr std::uint64_t defaultSeed = 0;

/// Trains `program`, whose parameters `initialize` sets for a run that does not
/// resume, to `steps` steps; with none it saves what a run begins with. Ends early, with a checkpoint, on SIGINT or SIGTERM.
/// Throws when the loss stops being a number; no checkpoint is written then.
void train(const Program &program, const TrainOptions &options,
           const std::function<void(std::uint64_t seed)> &initialize);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_TRAIN_TRAINER_H
