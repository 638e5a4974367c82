//===- Bench.cpp - how fast a specialised binary is ----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/Bench.h"

#include "runtime/core/BFloat16.h"
#include "runtime/core/Error.h"
#include "runtime/core/Random.h"
#include "runtime/core/ThreadPool.h"
#include "runtime/gemm/Gemm.h"
#include "runtime/io/Progress.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>

using namespace jepa::rt;

/// Runs before anything is timed: caches, clocks and pages settle.
static constexpr int warmUps = 2;
/// A product is run for about this long, at least three times.
static constexpr double secondsPerGemm = 0.05;

template <typename Work> static double timed(Work &&work) {
  auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

static double median(std::vector<double> values) {
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

namespace {

/// Memory for a product, aligned as the arena is.
class Matrix {
public:
  explicit Matrix(std::int64_t bytes)
      : memory(std::aligned_alloc(64, static_cast<std::size_t>((bytes + 127) / 64 * 64))) {
    if (!memory)
      throw Error("cannot allocate " + std::to_string(bytes) + " bytes to time a product");
  }
  void *get() const { return memory.get(); }
  void *fill(std::int64_t count, std::int32_t type) {
    // Small whole numbers: no denormals, no overflow.
    for (std::int64_t i = 0; i < count; ++i) {
      auto value = static_cast<float>(i % 7 - 3);
      if (type == JEPAC_BF16)
        static_cast<std::uint16_t *>(memory.get())[i] = floatToBfloat(value);
      else
        static_cast<float *>(memory.get())[i] = value;
    }
    return memory.get();
  }

private:
  struct Free {
    void operator()(void *pointer) const { std::free(pointer); }
  };
  std::unique_ptr<void, Free> memory;
};

} // namespace

/// Median seconds of one product alone, its weight packed beforehand.
static double timeGemm(const GemmUse &use) {
  jepac_gemm_desc d = use.desc;
  std::int64_t aCount = (d.transA ? d.k : d.m) * d.lda, bCount = (d.transB ? d.n : d.k) * d.ldb;
  // Where A is not transposed, B is a layer's weight; otherwise the product is
  // a weight's gradient.
  d.packedB = !d.transA;
  std::int64_t scratchBytes = gemmScratchBytes(d, ThreadPool::get().threads());
  Matrix a(aCount * 4), b(bCount * 4), c(d.m * d.ldc * 4), bias(d.n * 4), scratch(scratchBytes);
  Matrix packed(d.packedB ? jepac_gemm_packed_bytes(&d) : 0);
  const void *aValues = a.fill(aCount, d.inputs), *bValues = b.fill(bCount, d.inputs);
  const void *biasValues = use.bias ? bias.fill(d.n, JEPAC_F32) : nullptr;
  if (d.packedB) {
    jepac_gemm_pack(&d, packed.get(), bValues, scratch.get());
    bValues = packed.get();
  }
  auto once = [&] {
    jepac_gemm(&d, c.get(), aValues, bValues, static_cast<const float *>(biasValues),
               scratch.get());
  };
  double first = timed(once);
  auto runs = static_cast<int>(std::clamp(secondsPerGemm / std::max(first, 1e-7), 3.0, 200.0));
  std::vector<double> seconds;
  for (int i = 0; i < runs; ++i)
    seconds.push_back(timed(once));
  return median(seconds);
}

static void fillInputs(const Program &program, std::uint64_t seed) {
  const Buffer &clip = program.clip();
  Random random(seed, "bench.clip");
  std::vector<float> values(static_cast<std::size_t>(clip.elements));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(2 * random.uniform(i) - 1);
  program.writeReals(clip, values.data(), clip.elements);
  if (program.plan.masks)
    program.writeMasks(MaskSampler(*program.plan.masks, program.batch(), seed).draw(0));
}

Json jepa::rt::bench(const Program &program, const BenchOptions &options) {
  const Plan &plan = program.plan;
  Schedules schedules(OptimizerSettings::fromConfig(plan.config), options.steps + warmUps);
  std::vector<double> seconds;
  for (std::int64_t step = 0; step < options.steps + warmUps; ++step) {
    fillInputs(program, options.seed);
    if (plan.task == Task::Train)
      program.writeHyper(schedules.at(step));
    double elapsed = timed([&] { program.run(program.arena); });
    if (step >= warmUps)
      seconds.push_back(elapsed);
  }
  std::int64_t resident = peakResidentBytes() - options.residentBefore;

  double flops = 0, gemmSeconds = 0;
  Json products = Json::array();
  for (const GemmUse &use : plan.gemms) {
    double each = timeGemm(use), count = static_cast<double>(use.count);
    double work = 2.0 * static_cast<double>(use.desc.m) * static_cast<double>(use.desc.n) *
                  static_cast<double>(use.desc.k);
    flops += work * count;
    gemmSeconds += each * count;
    Json product = Json::object();
    product.set("m", use.desc.m);
    product.set("n", use.desc.n);
    product.set("k", use.desc.k);
    product.set("trans_a", use.desc.transA != 0);
    product.set("trans_b", use.desc.transB != 0);
    product.set("inputs", use.desc.inputs == JEPAC_BF16 ? "bf16" : "f32");
    product.set("result", use.desc.result == JEPAC_BF16 ? "bf16" : "f32");
    product.set("count", use.count);
    product.set("seconds", each * count);
    product.set("flops", work / each);
    products.push(product);
  }
  double step = median(seconds), rate = static_cast<double>(program.batch()) / step;
  double achieved = rate * static_cast<double>(plan.flopsPerClip);
  double ceiling = gemmSeconds > 0 ? flops / gemmSeconds : 0;
  Json result = Json::object();
  result.set("model", plan.model);
  result.set("task", plan.task == Task::Train ? "train" : "embed");
  result.set("target", plan.target);
  result.set("threads", ThreadPool::get().threads());
  result.set("batch", program.batch());
  result.set("steps", options.steps);
  result.set("seconds_per_step", step);
  result.set("clips_per_second", rate);
  result.set("achieved_flops", achieved);
  result.set("gemm_ceiling_flops", ceiling);
  result.set("share", ceiling > 0 ? achieved / ceiling : 0);
  result.set("peak_resident_bytes", std::max<std::int64_t>(resident, 0));
  result.set("peak_bytes", plan.peakBytes);
  if (options.profile) {
    result.set("gemm_seconds_per_step", gemmSeconds);
    result.set("gemms", products);
  }
  return result;
}

std::string jepa::rt::benchText(const Json &result) {
  auto real = [&](const char *key) { return result.at(key).asReal(); };
  char line[256];
  std::string text;
  std::snprintf(line, sizeof(line), "%.3f clips/s (%.4f s per step of %lld clips, %lld threads)\n",
                real("clips_per_second"), real("seconds_per_step"),
                static_cast<long long>(result.at("batch").asInteger()),
                static_cast<long long>(result.at("threads").asInteger()));
  text += line;
  std::snprintf(line, sizeof(line), "%s of a ceiling of %s (%.1f %%)\n",
                withUnit(real("achieved_flops"), "FLOP/s").c_str(),
                withUnit(real("gemm_ceiling_flops"), "FLOP/s").c_str(), 100 * real("share"));
  text += line;
  text += bytesText(real("peak_resident_bytes")) + " resident, " + bytesText(real("peak_bytes")) +
          " planned\n";
  const Json *products = result.find("gemms");
  if (!products)
    return text;
  std::snprintf(line, sizeof(line), "products take %.4f s of a step when run alone\n",
                real("gemm_seconds_per_step"));
  text += line;
  for (const Json &product : products->asArray()) {
    std::snprintf(
        line, sizeof(line), "  %5lld x %5lld x %5lld %c%c  x %-4lld %10.6f s  %s\n",
        static_cast<long long>(product.at("m").asInteger()),
        static_cast<long long>(product.at("n").asInteger()),
        static_cast<long long>(product.at("k").asInteger()),
        product.at("trans_a").asBool() ? 't' : 'n', product.at("trans_b").asBool() ? 't' : 'n',
        static_cast<long long>(product.at("count").asInteger()), product.at("seconds").asReal(),
        withUnit(product.at("flops").asReal(), "FLOP/s").c_str());
    text += line;
  }
  return text;
}
