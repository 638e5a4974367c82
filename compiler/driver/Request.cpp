//===- Request.cpp - settle what to build ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/Request.h"

#include "runtime/masking/MaskStatistics.h"

#include <algorithm>
#include <thread>

using namespace jepa;

int64_t jepa::parseBytes(const std::string &text) {
  static const std::pair<const char *, double> units[] = {{"", 1}, {"B", 1}, {"KiB", 0x1p10}, {"MiB", 0x1p20},
                                                          {"GiB", 0x1p30}, {"TiB", 0x1p40}};
  std::size_t end = 0;
  double value = -1;
  try {
    value = std::stod(text, &end);
  } catch (const std::exception &) {
  }
  for (const auto &[unit, scale] : units)
    if (value > 0 && text.substr(end) == unit && value * scale < 0x1p60)
      return static_cast<int64_t>(value * scale);
  throw ConfigError("'" + text + "' is no amount of memory; write it like 16GiB or 512MiB");
}

/// Applies `--set` and the flags that stand for settings; two that disagree are an error.
static void applySettings(Config &config, const Request &request) {
  std::map<std::string, std::string> set;
  for (const std::string &text : request.settings) {
    std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw ConfigError("'--set " + text + "' is not of the form key=value");
    set[text.substr(0, equals)] = text.substr(equals + 1);
    config.set(text.substr(0, equals), text.substr(equals + 1));
  }
  for (const Request::Flag &flag : request.flags) {
    if (auto found = set.find(flag.key); found != set.end() && found->second != flag.value)
      throw ConfigError(flag.flag + " " + flag.value + " and --set " + flag.key + "=" + found->second +
                        " disagree; give one of them");
    config.set(flag.key, flag.value);
  }
}

/// Refuses what the teacher cannot be computed in.
static void checkTeacher(const Request &request) {
  auto require = [&](const char *flag, const std::string &found, const std::string &wanted) {
    if (found != wanted)
      throw ConfigError("--teacher-dtype " + request.teacherDtype + " needs " + flag + " " + wanted + ", found " + flag +
                        " " + found);
  };
  if (request.teacherDtype.empty())
    return;
  require("--task", request.task == Task::Train ? "train" : "embed", "train");
  require("--dtype", request.dtype, "bf16");
  if (request.teacherDtype == "fp8") {
    require("--target", request.target, "cuda");
    require("--cuda-arch", request.cudaArch, "sm_90a");
  }
}

/// The published sampler's two groups, again and again where a model has more.
static rt::MaskGroup publishedGroup(std::size_t index) {
  rt::MaskGroup group;
  group.numBlocks = index % 2 ? 2 : 8;
  double scale = index % 2 ? 0.7 : 0.15;
  group.spatialScale = {scale, scale};
  group.temporalScale = {1.0, 1.0};
  group.aspectRatio = {0.75, 1.5};
  return group;
}

static std::string join(const std::vector<int64_t> &numbers) {
  std::string text;
  for (int64_t number : numbers)
    text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

static rt::MaskPlan planMasks(Config &config, const Request &request) {
  int64_t frames = config.integer("frames"), patch = config.integer("patch"), crop = config.integer("crop");
  int64_t tubelet = frames == 1 ? 1 : config.integer("tubelet");
  rt::MaskPlan plan;
  plan.rule = request.masks;
  plan.grid = {frames / tubelet, crop / patch, crop / patch};
  std::vector<int64_t> context = config.integerList("context_tokens"), target = config.integerList("target_tokens");
  if (request.maskRatio && std::any_of(request.flags.begin(), request.flags.end(), [](const Request::Flag &flag) {
        return flag.key == "context_tokens" || flag.key == "target_tokens";
      }))
    throw ConfigError("--mask-ratio and --context-tokens or --target-tokens disagree; give one of them");
  if (context.empty() != target.empty())
    throw ConfigError("the counts of context and of target tokens go together; give both or neither");
  bool packed = request.masks == "packed";
  if (packed && request.maskRatio)
    throw ConfigError(
        "--mask-ratio thins every sample to a count and --masks packed keeps all its tokens; give one of them");
  std::vector<rt::PackedCounts> packedCounts;
  if (packed) {
    std::vector<rt::MaskGroup> groups;
    for (std::size_t index = 0; index < std::max<std::size_t>(context.size(), 2); ++index)
      groups.push_back(publishedGroup(index));
    packedCounts = rt::choosePackedCounts(plan.grid, groups, config.integer("batch"));
  }
  if (packed && context.empty()) {
    for (const rt::PackedCounts &counts : packedCounts) {
      context.push_back(counts.context);
      target.push_back(counts.target);
    }
    config.set("context_tokens", join(context));
    config.set("target_tokens", join(target));
  } else if (request.maskRatio || context.empty()) {
    std::vector<rt::MaskGroup> groups = {publishedGroup(0), publishedGroup(1)};
    context.clear();
    target.clear();
    for (auto [k, m] : rt::chooseTokenCounts(plan.grid, groups, plan.grid[0], request.maskRatio)) {
      context.push_back(k);
      target.push_back(m);
    }
    config.set("context_tokens", join(context));
    config.set("target_tokens", join(target));
  }
  for (std::size_t index = 0; index < context.size(); ++index) {
    rt::MaskGroup group = publishedGroup(index);
    group.context = context[index];
    group.target = index < target.size() ? target[index] : 0;
    if (packed) {
      group.meanContext = packedCounts[index].meanContext;
      group.meanTarget = packedCounts[index].meanTarget;
    }
    plan.groups.push_back(group);
  }
  return plan;
}

Specialisation jepa::specialise(const Request &request) {
  Choice choice = findPreset(request.model);
  std::string why;
  std::optional<Machine> machine = Machine::parse(request.cpuFeatures, why);
  if (!machine)
    throw ConfigError("--cpu-features " + request.cpuFeatures + ": " + why);
  Specialisation result{request, choice.model, choice.config, *machine, std::nullopt, 0};
  applySettings(result.config, request);
  if (result.request.maxThreads == 0)
    result.request.maxThreads = std::max(1u, std::thread::hardware_concurrency());
  if (!request.deviceCode.empty() && request.target != "cuda")
    throw ConfigError("--device-code has no meaning for --target " + request.target + "; add --target cuda");
  if (request.dtype == "f64" && request.target != "reference")
    throw ConfigError("--dtype f64 needs --target reference; the " + request.target + " target takes f32 and bf16");
  checkTeacher(request);
  result.model->check(result.config, request.task);
  if (request.task == Task::Train) {
    result.masks = planMasks(result.config, request);
    result.model->check(result.config, request.task);
  } else if (request.maskRatio) {
    throw ConfigError("--mask-ratio has no meaning for --task embed, which looks at every token");
  } else if (request.masks == "packed") {
    throw ConfigError("--masks packed has no meaning for --task embed, which looks at every token");
  }
  result.batch = result.config.integer("batch");
  return result;
}
