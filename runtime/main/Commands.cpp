//===- Commands.cpp - what an artifact can do ----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/main/Commands.h"

#include "runtime/core/Error.h"
#include "runtime/core/Payload.h"
#include "runtime/core/State.h"
#include "runtime/core/ThreadPool.h"
#include "runtime/cuda/DeviceExecutor.h"
#include "runtime/io/Progress.h"
#include "runtime/main/Arguments.h"
#include "runtime/train/Bench.h"
#include "runtime/train/DataBench.h"
#include "runtime/train/Embed.h"
#include "runtime/train/HostExecutor.h"
#include "runtime/train/Info.h"
#include "runtime/train/Replay.h"
#include "runtime/train/Trainer.h"

#include <algorithm>
#include <filesystem>
#include <memory>

using namespace jepa::rt;

static const OptionSpec threadsOption = {
    "--threads", "N", "threads that compute (default: all; they never change a result)"};

static const OptionSpec decoderOption = {
    "--decoder", "WHERE",
    "what decodes videos: cpu (default), or nvdec, the GPU's decoder through FFmpeg"};

static const std::vector<CommandSpec> &commands() {
  static const std::vector<CommandSpec> all = {
      {"info", "geometry, FLOPs, exact peak memory, provenance", {{"--json", "", "as JSON"}}},
      {"train",
       "train on a list or a folder of videos",
       {{"--data", "LIST", "text file with 'path label' per line, or a folder", true},
        {"--steps", "N", "steps of the whole run, resumed ones included; 0 saves the first weights",
         true},
        {"--checkpoint", "DIR", "folder for checkpoints", true},
        {"--resume", "", "go on from the newest whole checkpoint in DIR"},
        {"--log", "DIR", "metrics.jsonl, TensorBoard events, loss.png and masks.png"},
        {"--set", "key=value", "optimiser keys: lr, weight_decay, ema, schedules, ...", false,
         true},
        {"--weights", "FILE", "begin from these weights"},
        {"--masks", "RULE", "refuse to run unless the binary was built with this rule"},
        {"--seed", "S", "seed of weights, clips and masks (default 0)"},
        {"--stride", "N", "source frames per frame of a clip (default: as built, or 4)"},
        {"--checkpoint-every", "N", "steps between checkpoints (default: a tenth, at most 300)"},
        {"--keep", "N", "checkpoints to keep (default 3)"},
        {"--workers", "N", "threads that decode (default: one per processor, at most 8)"},
        decoderOption,
        threadsOption}},
      {"embed",
       "write the features of videos",
       {{"--input", "VIDEO", "videos, or folders of them", false, true},
        {"--data", "LIST", "a list of videos instead; writes 'labels' too"},
        {"--weights", "FILE", "safetensors, or a folder of checkpoints", true},
        {"--output", "FILE", "safetensors with one tensor per video", true},
        {"--stride", "N", "source frames per frame of a clip (default: as built, or 4)"},
        decoderOption,
        threadsOption}},
      {"bench",
       "clips/s, FLOP/s, time by phase and kernel, the share of the ceiling that products set",
       {{"--json", "", "as JSON"},
        {"--profile", "", "also each kernel, and each product of the step alone"},
        {"--trace", "FILE", "a step as a Chrome trace, for Perfetto or chrome://tracing"},
        {"--steps", "N", "steps to time (default: at least 5, for --seconds)"},
        {"--seconds", "S", "time to spend on them (default 3)"},
        {"--data", "LIST", "how fast one thread makes clips of these videos, against decoding alone"},
        decoderOption,
        {"--seed", "S", "seed of weights, clips and masks (default 0)"},
        threadsOption}},
      {"replay",
       "run on given tensors and nothing random",
       {{"--inputs", "FILE", "clip, masks and init.* as safetensors", true},
        {"--outputs", "FILE", "where losses, final.* and taps go", true},
        {"--steps", "N", "training steps (default: the inputs' metadata, or 1)"},
        threadsOption}}};
  return all;
}

/// Nothing in an artifact needs more threads than it was planned for.
static void setThreads(const Arguments &arguments, const Plan &plan) {
  std::optional<std::int64_t> wanted = arguments.number("--threads", 1);
  if (wanted && *wanted > plan.maxThreads)
    throw usageError("'--threads' is at most " + std::to_string(plan.maxThreads) +
                     " for this binary, found " + std::to_string(*wanted));
  std::int64_t threads = wanted.value_or(ThreadPool::defaultThreads());
  ThreadPool::get().setThreads(static_cast<int>(std::min(threads, plan.maxThreads)));
}

/// What `--decoder` asks for; null for the CPU.
static std::shared_ptr<Nvdec> decoderFor(const Arguments &arguments) {
  std::string where = arguments.text("--decoder", "cpu");
  if (where != "cpu" && where != "nvdec")
    throw usageError("'--decoder' is cpu or nvdec, found '" + where + "'");
  return where == "nvdec" ? Nvdec::open() : nullptr;
}

/// A binary trains or embeds; the commands are called after the tasks.
static void requireTask(const Plan &plan, const std::string &command) {
  if (command == (plan.task == Task::Train ? "embed" : "train"))
    throw usageError("this binary was built for another task than '" + command +
                     "': build it with --task " + command);
}

static OptimizerSettings optimizerFor(const Arguments &arguments, const Plan &plan) {
  OptimizerSettings settings = OptimizerSettings::fromConfig(plan.config);
  for (const auto &[key, value] : arguments.pairs("--set")) {
    if (!OptimizerSettings::isKey(key))
      throw usageError((plan.setting(key) ? "'" + key + "' is fixed in this binary"
                                          : "'" + key + "' is no optimiser key") +
                       ": only " +
                       [] {
                         std::string names;
                         for (const std::string &name : OptimizerSettings::keys())
                           names += (names.empty() ? "" : ", ") + name;
                         return names;
                       }() +
                       " can be set here; rebuild with 'jepac build --set' for others");
    settings.set(key, value);
  }
  settings.check();
  return settings;
}

/// What runs the code over the arena: the processor or a device.
static std::unique_ptr<Executor> executorFor(const State &state, const LoadedCode &code) {
  if (state.plan.onDevice())
    return makeDeviceExecutor(state, code);
  return std::make_unique<HostExecutor>(state.arena(), code.run);
}

static Program programOf(const State &state, Executor &executor) {
  return {state.plan, static_cast<std::byte *>(state.arena()), &executor};
}

static void runTrain(const Arguments &arguments, const Plan &plan, const LoadedCode &code) {
  TrainOptions options;
  options.data = arguments.text("--data");
  options.checkpoint = arguments.text("--checkpoint");
  options.log = arguments.text("--log");
  options.weights = arguments.text("--weights");
  options.resume = arguments.has("--resume");
  options.steps = *arguments.number("--steps", 0);
  options.checkpointEvery = arguments.number("--checkpoint-every", 1);
  options.keepCheckpoints = static_cast<int>(std::min<std::int64_t>(
      arguments.number("--keep", 1).value_or(options.keepCheckpoints), 1 << 20));
  options.workers =
      static_cast<int>(std::min<std::int64_t>(arguments.number("--workers", 1).value_or(0), 256));
  options.stride = arguments.number("--stride", 1);
  if (std::optional<std::int64_t> seed = arguments.number("--seed", 0))
    options.seed = static_cast<std::uint64_t>(*seed);
  options.optimizer = optimizerFor(arguments, plan);
  std::string rule = arguments.text("--masks");
  if (!rule.empty() && plan.masks && rule != plan.masks->rule)
    throw usageError("this binary was built with --masks " + plan.masks->rule + ", found --masks " +
                     rule + ": rebuild it, or leave --masks away");
  options.output = stdout;
  options.errors = stderr;
  options.nvdec = decoderFor(arguments);
  setThreads(arguments, plan);
  checkMachine(plan);
  State state(plan);
  state.fillTables();
  std::unique_ptr<Executor> executor = executorFor(state, code);
  train(programOf(state, *executor), options, [&](std::uint64_t seed) { state.initialize(seed); });
}

static void runEmbed(const Arguments &arguments, const Plan &plan, const LoadedCode &code) {
  if (arguments.has("--input") == arguments.has("--data"))
    throw usageError("'embed' needs either --input VIDEO... or --data LIST; see 'embed --help'");
  EmbedOptions options;
  options.labels = arguments.has("--data");
  if (options.labels)
    options.videos = readDataset(arguments.text("--data"));
  for (const std::string &input : arguments.list("--input"))
    if (std::filesystem::is_directory(input)) {
      std::vector<VideoEntry> inside = readDataset(input);
      options.videos.insert(options.videos.end(), inside.begin(), inside.end());
    } else {
      options.videos.push_back({input, -1});
    }
  options.weights = arguments.text("--weights");
  options.output = arguments.text("--output");
  options.stride = arguments.number("--stride", 1);
  options.progress = stdout;
  options.nvdec = decoderFor(arguments);
  setThreads(arguments, plan);
  checkMachine(plan);
  State state(plan);
  state.fillTables();
  std::unique_ptr<Executor> executor = executorFor(state, code);
  embed(programOf(state, *executor), options);
}

static void benchVideos(const Arguments &arguments, const Plan &plan, double seconds) {
  const Buffer &clip = plan.at("clip");
  Program program{plan, nullptr, nullptr};
  LoaderOptions loader;
  loader.frames = clip.shape.at(2);
  loader.size = clip.shape.at(3);
  loader.stride = program.stride();
  loader.seed = static_cast<std::uint64_t>(arguments.number("--seed", 0).value_or(0));
  loader.nvdec = decoderFor(arguments);
  Json result = benchData(readDataset(arguments.text("--data")), loader, seconds);
  std::string text = arguments.has("--json") ? result.dump(true) + "\n" : dataBenchText(result);
  std::fputs(text.c_str(), stdout);
}

static void runBench(const Arguments &arguments, const Plan &plan, const LoadedCode &code) {
  BenchOptions options;
  options.steps = arguments.number("--steps", 1);
  if (std::optional<std::int64_t> seconds = arguments.number("--seconds", 0)) {
    if (options.steps)
      throw usageError("'--steps' and '--seconds' both say how long to run: give one");
    options.seconds = static_cast<double>(*seconds);
  }
  options.trace = arguments.text("--trace");
  options.profile = arguments.has("--profile");
  if (arguments.has("--data")) {
    if (options.steps || options.profile || !options.trace.empty())
      throw usageError("'--data' times videos alone: leave --steps, --profile and --trace away");
    benchVideos(arguments, plan, options.seconds);
    return;
  }
  if (arguments.has("--decoder"))
    throw usageError("'--decoder' is of '--data': give a list of videos, too");
  options.seed = static_cast<std::uint64_t>(arguments.number("--seed", 0).value_or(0));
  setThreads(arguments, plan);
  checkMachine(plan);
  options.residentBefore = residentBytes();
  State state(plan);
  state.initialize(options.seed);
  std::unique_ptr<Executor> executor = executorFor(state, code);
  Json result = bench(programOf(state, *executor), options);
  std::string text = arguments.has("--json") ? result.dump(true) + "\n" : benchText(result);
  std::fputs(text.c_str(), stdout);
}

static void runReplay(const Arguments &arguments, const Plan &plan, const LoadedCode &code) {
  ReplayOptions options;
  options.inputs = arguments.text("--inputs");
  options.outputs = arguments.text("--outputs");
  options.steps = arguments.number("--steps", 1);
  setThreads(arguments, plan);
  checkMachine(plan);
  State state(plan);
  state.fillTables();
  std::unique_ptr<Executor> executor = executorFor(state, code);
  replay(programOf(state, *executor), options);
}

int jepa::rt::runCommand(const std::string &program, const std::vector<std::string> &words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    if (words.empty())
      throw usageError("no command: expected info, train, embed, bench or replay; see --help");
    std::fputs(helpText(program, commands()).c_str(), stdout);
    return 0;
  }
  auto command = std::find_if(commands().begin(), commands().end(),
                              [&](const CommandSpec &spec) { return spec.name == words[0]; });
  if (command == commands().end())
    throw usageError("no command '" + words[0] +
                     "': expected info, train, embed, bench or replay; see --help");
  std::optional<PayloadPlace> place = findPayload(selfPath);
  std::optional<Plan> known;
  if (place)
    known = Plan::parse(readPlanText(selfPath, *place));
  // Before it is said which options a command lacks that is not there.
  if (known && std::find(words.begin(), words.end(), "--help") == words.end())
    requireTask(*known, command->name);
  Arguments arguments(*command, {words.begin() + 1, words.end()});
  if (arguments.helpWanted()) {
    std::fputs(helpText(program, *command).c_str(), stdout);
    return 0;
  }
  if (!known)
    throw Error(
        "this program holds no model: it is the base that 'jepac build' makes binaries from");
  const Plan &plan = *known;
  if (command->name == "info") {
    std::string text = arguments.has("--json") ? infoJson(plan).dump(true) + "\n" : infoText(plan);
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  LoadedCode code = loadCode(selfPath, *place);
  if (command->name == "train")
    runTrain(arguments, plan, code);
  else if (command->name == "embed")
    runEmbed(arguments, plan, code);
  else if (command->name == "bench")
    runBench(arguments, plan, code);
  else
    runReplay(arguments, plan, code);
  return 0;
}
