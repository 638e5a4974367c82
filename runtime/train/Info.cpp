//===- Info.cpp - what a specialised binary is ---------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/Info.h"

#include "runtime/core/State.h"
#include "runtime/io/Progress.h"
#include "runtime/train/Roofline.h"

using namespace jepa::rt;

static const char *taskName(Task task) { return task == Task::Train ? "train" : "embed"; }

Json jepa::rt::infoJson(const Plan &plan) {
  Json info = Json::object(), geometry = Json::object(), inputs = Json::object();
  info.set("model", plan.model);
  info.set("task", taskName(plan.task));
  info.set("target", plan.target);
  info.set("dtype", dtypeName(plan.dtype));
  if (!plan.teacherDtype.empty())
    info.set("teacher_dtype", plan.teacherDtype);
  if (plan.teacherDtype == "fp8")
    info.set("teacher_tolerance", fp8TeacherTolerance);
  info.set("version", plan.version);
  info.set("parameters", plan.parameters);
  info.set("flops_per_clip", plan.flopsPerClip);
  info.set("flops_per_clip_unpruned", plan.flopsPerClipUnpruned);
  info.set("peak_bytes", plan.peakBytes);
  info.set("arena_bytes", plan.arenaBytes);
  Json context = Json::array(), target = Json::array();
  if (plan.masks)
    for (const MaskGroup &group : plan.masks->groups) {
      context.push(group.context);
      target.push(group.target);
    }
  info.set("context_tokens", context);
  info.set("target_tokens", target);
  if (plan.masks && plan.masks->rule == "packed") {
    Json meanContext = Json::array(), meanTarget = Json::array();
    for (const MaskGroup &group : plan.masks->groups) {
      meanContext.push(group.meanContext);
      meanTarget.push(group.meanTarget);
    }
    info.set("expected_context_tokens", meanContext);
    info.set("expected_target_tokens", meanTarget);
  }
  info.set("masks", plan.masks ? Json(plan.masks->rule) : Json());
  info.set("taps", plan.taps);
  info.set("pipeline", plan.pipeline);
  info.set("libraries", plan.libraries);
  if (plan.onDevice())
    info.set("cuda_arch", plan.cudaArch);
  if (Json bounds = rooflineJson(plan); !bounds.isNull())
    info.set("roofline", bounds);
  info.set("cpu_features", plan.cpuFeatures);
  info.set("cpu_features_missing", missingCpuFeatures(plan));
  info.set("max_threads", plan.maxThreads);
  for (const auto &[key, value] : plan.config)
    geometry.set(key, value);
  info.set("geometry", geometry);
  for (const Buffer &buffer : plan.buffers)
    if (buffer.kind == BufferKind::Input)
      inputs.set(buffer.name, buffer.shape);
  info.set("inputs", inputs);
  info.set("provenance", plan.provenance);
  return info;
}

/// "a, b, c".
static std::string joined(const Json &items) {
  std::string text;
  for (const Json &item : items.asArray())
    text += (text.empty() ? "" : ", ") + (item.isString() ? item.asString() : item.dump());
  return text.empty() ? "none" : text;
}

std::string jepa::rt::infoText(const Plan &plan) {
  Json info = infoJson(plan);
  std::string text;
  auto line = [&](std::string name, const std::string &value) {
    name.resize(26, ' ');
    text += name + value + "\n";
  };
  auto amount = [](std::int64_t value) { return static_cast<double>(value); };
  line("model", plan.model + ", to " + taskName(plan.task));
  line("target", plan.target + (plan.onDevice() ? " (" + plan.cudaArch + "), " : ", ") +
                     std::string(dtypeName(plan.dtype)));
  if (plan.teacherDtype == "fp8")
    line("teacher", "fp8 (e4m3): its targets within " + info.at("teacher_tolerance").dump() + " of the largest");
  line("parameters", std::to_string(plan.parameters));
  line("flops_per_clip", withUnit(amount(plan.flopsPerClip), "FLOP"));
  line("flops_per_clip_unpruned", withUnit(amount(plan.flopsPerClipUnpruned), "FLOP"));
  line("peak_bytes",
       std::to_string(plan.peakBytes) + " (" + bytesText(amount(plan.peakBytes)) +
           (plan.onDevice() ? " of device memory)" : ")"));
  if (std::string bounds = rooflineText(plan); !bounds.empty())
    line("roofline", bounds);
  if (plan.masks) {
    line("masks", plan.masks->rule);
    // A packed batch has room for so many tokens per clip, which its clips share.
    for (const char *name : {"context_tokens", "target_tokens"}) {
      const Json *expected = info.find("expected_" + std::string(name));
      line(name, joined(info.at(name)) + (expected ? " per clip, shared; expected " + joined(*expected) : ""));
    }
  }
  line("taps", plan.taps ? "yes" : "no");
  std::string geometry;
  for (const auto &[key, value] : plan.config)
    geometry += (geometry.empty() ? "" : " ") + key + "=" + value;
  line("geometry", geometry);
  line("pipeline", plan.pipeline);
  line("libraries", joined(info.at("libraries")));
  std::string missing = joined(info.at("cpu_features_missing"));
  line("cpu_features", joined(info.at("cpu_features")) +
                           (missing == "none" ? "" : " (this processor lacks " + missing + ")"));
  line("max_threads", std::to_string(plan.maxThreads));
  line("version", plan.version);
  line("provenance", plan.provenance.dump());
  return text;
}
