//===- Bench.cpp - how fast a specialised binary is ----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/Bench.h"

#include "runtime/core/Error.h"
#include "runtime/core/Median.h"
#include "runtime/core/Random.h"
#include "runtime/core/ThreadPool.h"
#include "runtime/io/AtomicFile.h"
#include "runtime/io/Progress.h"
#include "runtime/train/Profile.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <sstream>
#include <unistd.h>

using namespace jepa::rt;

/// Steps before anything is timed: caches, clocks and pages settle. One will do
/// where it takes long.
static constexpr int warmUps = 2;
static constexpr double slowStep = 5;
/// Unless their number is given.
static constexpr std::int64_t leastSteps = 5, mostSteps = 1000;
/// Medians of more calls than these gain nothing.
static constexpr std::int64_t mostProfiled = 50;
static constexpr std::size_t deviceProfiled = 10;

/// As training gives it: bytes where the program takes them.
static void fillClip(const Program &program, std::uint64_t seed) {
  std::int64_t elements = program.clip().elements;
  Random random(seed, "bench.clip");
  if (program.takesBytes()) {
    std::uint8_t *bytes = program.clipBytes();
    for (std::int64_t i = 0; i < elements; ++i)
      bytes[i] = static_cast<std::uint8_t>(256 * random.uniform(static_cast<std::uint64_t>(i)));
    return;
  }
  std::vector<float> values(static_cast<std::size_t>(elements));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(2 * random.uniform(i) - 1);
  program.writeClip(values.data());
}

static void fillInputs(const Program &program, std::uint64_t seed) {
  fillClip(program, seed);
  if (program.plan.masks)
    program.writeMasks(MaskSampler(*program.plan.masks, program.batch(), seed).draw(0));
}

namespace {

/// The times of the measured steps.
struct StepTimes {
  std::vector<double> seconds;
  double firstDone = 0;      ///< seconds from the program's start to the end of its first step
  std::int64_t resident = 0; ///< bytes at the end of them
};

} // namespace

/// Since the program was executed, to a hundredth of a second; 0 where unknown.
static double secondsSinceStart() {
  std::string text;
  try {
    text = readTextFile("/proc/self/stat");
  } catch (const Error &) {
    return 0;
  }
  // The 22nd field, the start in ticks since the machine's; the second one, a name, may hold
  // anything.
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i)
    fields >> field;
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) -
         std::strtod(field.c_str(), nullptr) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

static double runStep(const Program &program, const BenchOptions &options,
                      const Schedules &schedules, std::int64_t step) {
  fillInputs(program, options.seed);
  if (program.plan.task == Task::Train)
    program.writeHyper(schedules.at(step));
  return program.run();
}

/// Runs until both the least number of steps and the time are reached, or the
/// wanted number. Recording costs the processor nothing; to a device it is another
/// way to run, so there it follows by itself.
static StepTimes runSteps(const Program &program, const BenchOptions &options, Profile &profile) {
  std::int64_t most = options.steps.value_or(mostSteps);
  Schedules schedules(OptimizerSettings::fromConfig(program.plan.config), most + warmUps + std::int64_t(deviceProfiled));
  StepTimes times;
  std::int64_t step = 0;
  auto recordStep = [&] {
    Profiler recording(/*slices=*/false);
    double seconds = runStep(program, options, schedules, step++);
    profile.add(recording, seconds);
    return seconds;
  };
  while (step < warmUps) {
    double seconds = runStep(program, options, schedules, step++);
    if (step == 1)
      times.firstDone = secondsSinceStart();
    if (seconds > slowStep)
      break;
  }
  double total = 0;
  for (std::int64_t done = 0; done < most; ++done) {
    if (!options.steps && done >= leastSteps && total >= options.seconds)
      break;
    bool records = profile.known() && done < mostProfiled && !program.plan.onDevice();
    double seconds = records ? recordStep() : runStep(program, options, schedules, step++);
    times.seconds.push_back(seconds);
    total += seconds;
  }
  if (profile.known() && program.plan.onDevice())
    for (std::size_t i = 0; i < std::min(times.seconds.size(), deviceProfiled); ++i)
      recordStep();
  times.resident = peakResidentBytes();
  return times;
}

static const char *typeName(std::int32_t type) {
  return type == JEPAC_E4M3 ? "e4m3" : type == JEPAC_BF16 ? "bf16" : "f32";
}

/// Times each product of the step; adds up their FLOPs and seconds.
static Json timeProducts(const Program &program, double &flops, double &seconds) {
  Json products = Json::array();
  for (const GemmUse &use : program.plan.gemms) {
    double each = program.executor->timeProduct(use), count = static_cast<double>(use.count);
    double work = 2.0 * static_cast<double>(use.desc.m) * static_cast<double>(use.desc.n) *
                  static_cast<double>(use.desc.k);
    flops += work * count;
    seconds += each * count;
    Json product = Json::object();
    product.set("m", use.desc.m);
    product.set("n", use.desc.n);
    product.set("k", use.desc.k);
    product.set("trans_a", use.desc.transA != 0);
    product.set("trans_b", use.desc.transB != 0);
    product.set("inputs", typeName(use.desc.inputs));
    product.set("result", typeName(use.desc.result));
    product.set("count", use.count);
    product.set("seconds", each * count);
    product.set("flops", work / each);
    products.push(product);
  }
  return products;
}

Json jepa::rt::bench(const Program &program, const BenchOptions &options) {
  const Plan &plan = program.plan;
  std::optional<AtomicFile> traceFile;
  Profile profile(plan);
  bool threads = options.profile || !options.trace.empty();
  if (threads && !profile.known())
    throw Error(
        "this binary's plan does not tell what its code calls; build it again to profile it");
  if (!options.trace.empty())
    traceFile.emplace(options.trace);
  program.upload();
  StepTimes times = runSteps(program, options, profile);
  if (threads) {
    Schedules schedules(OptimizerSettings::fromConfig(plan.config), 1);
    Profiler recording(/*slices=*/!plan.onDevice());
    runStep(program, options, schedules, 0);
    if (!plan.onDevice())
      profile.addThreads(recording);
    if (traceFile) {
      std::string text = profile.trace(recording).dump() + "\n";
      traceFile->write(text.data(), text.size());
      traceFile->commit();
    }
  }
  std::optional<DeviceUse> device = program.executor->device();
  double flops = 0, gemmSeconds = 0;
  Json products = timeProducts(program, flops, gemmSeconds);

  double step = median(times.seconds), rate = static_cast<double>(program.batch()) / step;
  double achieved = rate * static_cast<double>(plan.flopsPerClip);
  double ceiling = gemmSeconds > 0 ? flops / gemmSeconds : 0;
  Json result = Json::object();
  result.set("model", plan.model);
  result.set("task", plan.task == Task::Train ? "train" : "embed");
  result.set("target", plan.target);
  result.set("threads", ThreadPool::get().threads());
  result.set("batch", program.batch());
  result.set("steps", times.seconds.size());
  result.set("seconds_per_step", step);
  result.set("seconds_fastest", *std::min_element(times.seconds.begin(), times.seconds.end()));
  result.set("seconds_slowest", *std::max_element(times.seconds.begin(), times.seconds.end()));
  result.set("startup_seconds", std::max(times.firstDone - step, 0.0));
  result.set("clips_per_second", rate);
  result.set("achieved_flops", achieved);
  result.set("gemm_ceiling_flops", ceiling);
  result.set("share", ceiling > 0 ? achieved / ceiling : 0);
  result.set("peak_resident_bytes",
             std::max<std::int64_t>(times.resident - options.residentBefore, 0));
  result.set("process_peak_bytes", times.resident);
  result.set("peak_bytes", plan.peakBytes);
  if (device) {
    result.set("device", device->name);
    result.set("device_bytes", device->allocatedBytes);
    result.set("device_used_bytes", device->usedBytes);
  }
  result.set("phases", profile.phases());
  result.set("outside_seconds", profile.outsideSeconds());
  if (options.profile) {
    result.set("kinds", profile.kinds());
    result.set("kernels", profile.kernels());
    result.set("gemm_seconds_per_step", gemmSeconds);
    result.set("gemms", products);
  }
  return result;
}
