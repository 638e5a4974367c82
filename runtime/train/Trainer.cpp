//===- Trainer.cpp - the training loop -----------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/Trainer.h"

#include "runtime/core/Error.h"
#include "runtime/io/Checkpoint.h"
#include "runtime/io/Progress.h"
#include "runtime/io/Weights.h"
#include "runtime/train/StopSignal.h"
#include "runtime/train/TrainLog.h"
#include "runtime/video/ClipLoader.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

using namespace jepa::rt;

/// Outputs that hold a module's squared gradient norm begin so.
static constexpr std::string_view squaredNormPrefix = "grad_norm_squared.";

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// How much the last step counts in the rates that are shown.
constexpr double smoothing = 0.1;

/// A step whose inputs are staged.
struct PreparedStep {
  HyperVector values;
  std::int64_t sample; ///< the first that no step has used, after it
  std::int64_t redrawnBatches;
};

class TrainingRun {
public:
  TrainingRun(const Program &program, const TrainOptions &options)
      : program(program), options(options), schedules(options.optimizer, options.steps),
        checkpoints(options.checkpoint, program.plan, options.keepCheckpoints) {}

  void run(const std::function<void(std::uint64_t)> &initialize);

private:
  void begin(const std::function<void(std::uint64_t)> &initialize);
  ClipLoader makeLoader(std::vector<VideoEntry> videos, Progress &progress) const;
  void prepare(std::int64_t step, ClipLoader &loader, const MaskSampler &sampler, TrainLog &log);
  void step(ClipLoader &loader, const MaskSampler &sampler, TrainLog &log);
  template <class Work> void onProgram(Work &&work) const;
  void drawMasks(TrainLog &log, const std::vector<MaskDraw> &draws);
  std::string details() const;
  void warn(const std::string &line) const {
    std::fprintf(options.errors, "warning: %s\n", oneLine(line).c_str());
  }

  const Program &program;
  const TrainOptions &options;
  Schedules schedules;
  CheckpointFolder checkpoints;
  TrainingPosition position;
  std::vector<float> clips;
  std::optional<PreparedStep> prepared;
  StepRecord record;
  double secondsPerStep = 0, waitingShare = 0; ///< smoothed
  bool masksDrawn = false;
};

} // namespace

/// Loads the checkpoint to go on from, or begins anew.
void TrainingRun::begin(const std::function<void(std::uint64_t)> &initialize) {
  checkpoints.prepare();
  if (!options.resume && !checkpoints.files().empty())
    throw usageError("'" + options.checkpoint + "' already holds " +
                     checkpoints.files().front().filename().string() +
                     ": add --resume to go on from it, or choose another folder");
  position.seed = options.seed.value_or(defaultSeed);
  std::optional<TrainingPosition> found;
  if (options.resume)
    found = checkpoints.load(program.arena, [&](const std::string &line) { warn(line); });
  if (found) {
    if (options.seed && *options.seed != found->seed)
      throw usageError("the checkpoint was begun with --seed " + std::to_string(found->seed) +
                       ", found --seed " + std::to_string(*options.seed) + ": leave it away");
    position = *found;
    std::fprintf(options.output, "resuming after step %lld\n",
                 static_cast<long long>(position.step));
    program.upload();
    return;
  }
  if (options.resume)
    std::fprintf(options.output, "no checkpoint in '%s' yet: beginning at step 0\n",
                 options.checkpoint.c_str());
  initialize(position.seed);
  if (!options.weights.empty()) {
    SafetensorsReader reader(resolveWeights(options.weights));
    for (const std::string &line : loadWeights(reader, program.plan, program.arena))
      std::fprintf(options.output, "weights of %s\n", line.c_str());
  }
  program.upload();
}

ClipLoader TrainingRun::makeLoader(std::vector<VideoEntry> videos, Progress &progress) const {
  const std::vector<std::int64_t> &shape = program.clip().shape;
  LoaderOptions loader;
  loader.batch = program.batch();
  loader.frames = shape.at(2);
  loader.size = shape.at(3);
  loader.stride = options.stride.value_or(program.stride());
  loader.seed = position.seed;
  loader.firstSample = position.sample;
  loader.bytes = program.takesBytes();
  loader.workers = options.workers;
  loader.nvdec = options.nvdec;
  loader.report = [&progress](std::string_view line) { progress.note(oneLine(line)); };
  return ClipLoader(std::move(videos), std::move(loader));
}

void TrainingRun::run(const std::function<void(std::uint64_t)> &initialize) {
  if (!program.plan.masks)
    throw Error("internal error: the plan to train has no masks; please report it");
  // What is wrong with the list is said before anything is made.
  std::vector<VideoEntry> videos = readDataset(options.data);
  begin(initialize);
  if (options.steps == 0 && position.step == 0) {
    // What a run with this seed begins with, to be compared with what it ends with.
    std::filesystem::path first = checkpoints.save(program.arena, position);
    std::fprintf(options.output, "done: no step, the first weights are in %s\n", first.c_str());
    return;
  }
  if (position.step >= options.steps) {
    std::fprintf(options.output, "nothing to do: already at step %lld of %lld\n",
                 static_cast<long long>(position.step), static_cast<long long>(options.steps));
    return;
  }
  TrainLog log(options.log, position.step);
  MaskSampler sampler(*program.plan.masks, program.batch(), position.seed);
  clips.resize(static_cast<std::size_t>(program.clip().elements));
  std::int64_t every =
      options.checkpointEvery.value_or(std::clamp<std::int64_t>(options.steps / 10, 1, 300));
  StopSignal stop;
  Progress progress(options.output, "train", position.step, options.steps);
  ClipLoader loader = makeLoader(std::move(videos), progress);
  std::filesystem::path saved;
  bool stopped = false;
  while (position.step < options.steps && !stopped) {
    step(loader, sampler, log);
    progress.update(position.step, details());
    stopped = StopSignal::requested();
    if (stopped || position.step % every == 0 || position.step == options.steps) {
      onProgram([&] { program.downloadState(); });
      saved = checkpoints.save(program.arena, position);
    }
  }
  progress.finish();
  try {
    log.drawLoss(program.plan.model + ": loss");
  } catch (const Error &error) {
    warn(std::string(error.what()) + " (no picture of the loss)");
  }
  if (loader.skippedVideos() > 0)
    std::fprintf(options.output, "skipped %lld unusable videos (%lld samples)\n",
                 static_cast<long long>(loader.skippedVideos()),
                 static_cast<long long>(loader.skippedSamples()));
  if (std::string summary = options.nvdec ? options.nvdec->summary() : ""; !summary.empty())
    std::fprintf(options.output, "%s\n", summary.c_str());
  if (record.redrawnBatches > 0)
    std::fprintf(options.output, "drew %lld batches of masks again that did not fit\n",
                 static_cast<long long>(record.redrawnBatches));
  std::fprintf(options.output, "%s step %lld of %lld, loss %.6g, checkpoint %s%s\n",
               stopped ? "stopped at" : "done:", static_cast<long long>(position.step),
               static_cast<long long>(options.steps), record.loss, saved.c_str(),
               stopped ? " (go on with --resume)" : "");
}

/// Says beside a failure of the program what the run can go on from.
template <class Work> void TrainingRun::onProgram(Work &&work) const {
  try {
    work();
  } catch (const Error &error) {
    std::vector<std::filesystem::path> files = checkpoints.files();
    throw Error(error.what() + (files.empty() ? "; no checkpoint was written yet"
                                              : "; the last checkpoint is whole, go on from it with --resume: " +
                                                    files.front().string()),
                error.exitCode);
  }
}

/// Takes the batch of a step, draws its masks, and stages both.
void TrainingRun::prepare(std::int64_t step, ClipLoader &loader, const MaskSampler &sampler, TrainLog &log) {
  std::uint8_t *bytes = program.takesBytes() ? program.clipBytes() : nullptr;
  loader.next(bytes ? static_cast<void *>(bytes) : clips.data());
  std::vector<MaskDraw> draws = sampler.draw(step);
  if (!masksDrawn) {
    if (bytes)
      bytesToClip(clips.data(), bytes, program.clip().shape.at(2), program.clip().shape.at(3));
    drawMasks(log, draws);
  }
  prepared = {schedules.at(step), loader.position(), 0};
  for (const MaskDraw &draw : draws)
    prepared->redrawnBatches += draw.overflows;
  onProgram([&] {
    if (!bytes)
      program.writeClip(clips.data());
    program.writeMasks(draws);
    program.writeHyper(prepared->values);
    program.executor->stage();
  });
}

void TrainingRun::step(ClipLoader &loader, const MaskSampler &sampler, TrainLog &log) {
  Clock::time_point begin = Clock::now();
  double waitedBefore = loader.waitedSeconds();
  if (!prepared)
    prepare(position.step, loader, sampler, log);
  PreparedStep current = *prepared;
  prepared.reset();
  onProgram([&] { program.executor->launch(); });
  if (program.executor->overlaps() && position.step + 1 < options.steps)
    prepare(position.step + 1, loader, sampler, log);
  Clock::time_point waitsForProgram = Clock::now();
  onProgram([&] { program.executor->finish(); });
  // What the program was computing meanwhile was no time lost.
  double waited = loader.waitedSeconds() - waitedBefore;
  if (program.executor->overlaps())
    waited -= secondsSince(waitsForProgram);

  record.loss = program.scalar(program.plan.at("loss"));
  if (!std::isfinite(record.loss))
    throw Error("the loss of step " + std::to_string(position.step + 1) +
                " is not a finite number: lower 'lr', set 'clip_grad' or lengthen "
                "'warmup_steps'; the checkpoints in '" +
                options.checkpoint + "' are from before it");
  record.gradNorms.clear();
  for (const Buffer &buffer : program.plan.buffers)
    if (buffer.kind == BufferKind::Output && buffer.name.starts_with(squaredNormPrefix))
      record.gradNorms.emplace_back(buffer.name.substr(squaredNormPrefix.size()),
                                    std::sqrt(program.scalar(buffer)));
  record.lr = current.values[hyper::LearningRate];
  record.weightDecay = current.values[hyper::WeightDecay];
  record.ema = current.values[hyper::Ema];
  record.redrawnBatches += current.redrawnBatches;
  ++position.step;
  position.sample = current.sample;

  record.step = position.step;
  record.seconds = std::max(secondsSince(begin), 1e-9);
  record.waiting = std::clamp(waited / record.seconds, 0.0, 1.0);
  record.clipsPerSecond = static_cast<double>(program.batch()) / record.seconds;
  record.flops = record.clipsPerSecond * static_cast<double>(program.plan.flopsPerClip);
  record.residentBytes = residentBytes();
  record.skippedVideos = loader.skippedVideos();
  double weight = secondsPerStep == 0 ? 1 : smoothing;
  secondsPerStep += weight * (record.seconds - secondsPerStep);
  waitingShare += weight * (record.waiting - waitingShare);
  log.add(record);
}

/// A picture is no reason to end a run.
void TrainingRun::drawMasks(TrainLog &log, const std::vector<MaskDraw> &draws) {
  masksDrawn = true;
  try {
    log.drawMasks(program, clips.data(), draws);
  } catch (const Error &error) {
    warn(std::string(error.what()) + " (no picture of the masks)");
  }
}

std::string TrainingRun::details() const {
  double rate = static_cast<double>(program.batch()) / secondsPerStep;
  char text[256];
  std::snprintf(text, sizeof(text), "loss %.4f  lr %.3g  %s  %s  %s  waiting %.0f %%", record.loss,
                record.lr, withUnit(rate, "clips/s").c_str(),
                withUnit(rate * static_cast<double>(program.plan.flopsPerClip), "FLOP/s").c_str(),
                bytesText(static_cast<double>(record.residentBytes)).c_str(), 100 * waitingShare);
  return text;
}

void jepa::rt::train(const Program &program, const TrainOptions &options,
                     const std::function<void(std::uint64_t seed)> &initialize) {
  TrainingRun(program, options).run(initialize);
}
