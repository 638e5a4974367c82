//===- TrainLog.cpp - what a training run writes down --------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/TrainLog.h"

#include "runtime/core/Error.h"
#include "runtime/video/Charts.h"

using namespace jepa::rt;

TrainLog::TrainLog(const std::string &path, std::int64_t firstStep) : folder(path) {
  if (path.empty())
    return;
  requireWritableFolder(folder, "log folder");
  lines.emplace(folder / "metrics.jsonl", firstStep);
  events.emplace(folder, firstStep);
}

void TrainLog::add(const StepRecord &record) {
  if (!lines)
    return;
  std::vector<std::pair<std::string, double>> scalars = {{"loss", record.loss},
                                                         {"lr", record.lr},
                                                         {"weight_decay", record.weightDecay},
                                                         {"ema", record.ema}};
  for (const auto &[module, norm] : record.gradNorms)
    scalars.emplace_back("grad_norm." + module, norm);
  scalars.emplace_back("clips_per_second", record.clipsPerSecond);
  scalars.emplace_back("flops", record.flops);
  scalars.emplace_back("waiting", record.waiting);
  Json object = Json::object();
  object.set("step", record.step);
  for (const auto &[name, value] : scalars)
    object.set(name, value);
  object.set("seconds", record.seconds);
  object.set("resident_bytes", record.residentBytes);
  object.set("skipped_videos", record.skippedVideos);
  object.set("redrawn_batches", record.redrawnBatches);
  lines->add(object);
  scalars.emplace_back("resident_bytes", static_cast<double>(record.residentBytes));
  events->add(record.step, scalars);
}

void TrainLog::drawMasks(const Program &program, const float *clip,
                         const std::vector<MaskDraw> &draws) {
  if (!lines || !program.plan.masks)
    return;
  const std::vector<std::int64_t> &shape = program.clip().shape;
  std::vector<MaskRow> rows;
  for (const MaskDraw &draw : draws)
    rows.push_back({std::span(draw.context).first(static_cast<std::size_t>(draw.contextLength)),
                    std::span(draw.target).first(static_cast<std::size_t>(draw.targetLength))});
  maskPicture(clip, shape.at(2), shape.at(3), program.plan.masks->grid, rows,
              program.plan.model + ": one clip, what is seen and what is predicted")
      .writePng((folder / "masks.png").string());
}

void TrainLog::drawLoss(const std::string &title) {
  if (!lines)
    return;
  std::vector<std::pair<std::int64_t, double>> points;
  for (const Json &object : readJsonLines(folder / "metrics.jsonl"))
    if (const Json *loss = object.find("loss"); loss && loss->isNumber())
      points.emplace_back(object.at("step").asInteger(), loss->asReal());
  if (!points.empty())
    lossCurve(points, title).writePng((folder / "loss.png").string());
}
