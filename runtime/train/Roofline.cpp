//===- Roofline.cpp - how fast a program could be -------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/Roofline.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <sstream>

using namespace jepa::rt;

std::vector<Ceilings> jepa::rt::ceilingsOf(const std::string &arch) {
  // Data sheets give matrix units with sparsity; half of that is dense. f32 is that of the plain units: nothing here
  // rounds f32 to tf32.
  static const std::vector<Ceilings> table = {
      {"H200 SXM", "sm_90a", 4.8e12, 67e12, 989.5e12, 1979e12, "NVIDIA H200 Tensor Core GPU, data sheet"},
      {"H100 SXM", "sm_90a", 3.35e12, 67e12, 989.5e12, 1979e12, "NVIDIA H100 Tensor Core GPU, data sheet"},
      {"A100 SXM 80GB", "sm_80", 2.039e12, 19.5e12, 312e12, 312e12, "NVIDIA A100 Tensor Core GPU, data sheet"}};
  std::vector<Ceilings> found;
  for (const Ceilings &ceilings : table)
    if (ceilings.arch == arch)
      found.push_back(ceilings);
  return found;
}

/// Of a call: a product's name has its operands' type ("product 8x8x8 nt bf16 + gelu"), other kernels compute in the
/// program's.
static double flopRate(const Plan &plan, const std::string &kernel, const Ceilings &ceilings) {
  std::istringstream words(kernel);
  std::string word, type(dtypeName(plan.dtype));
  if (words >> word && word == "product")
    words >> word >> word >> type;
  return type == "bf16" ? ceilings.flopsBf16 : type.starts_with("f8") ? ceilings.flopsE4m3 : ceilings.flopsF32;
}

std::vector<KernelBound> jepa::rt::roofline(const Plan &plan, const Ceilings &ceilings) {
  // A function comes before those that it calls, so its own count is known by then.
  std::vector<double> runs(plan.functions.size(), 0);
  std::vector<KernelBound> rows;
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < plan.functions.size(); ++i) {
    runs[i] += i == 0;
    for (const Call &call : plan.functions[i].calls) {
      if (call.function >= 0) {
        runs[static_cast<std::size_t>(call.function)] += runs[i];
        continue;
      }
      auto [place, isNew] = places.try_emplace(call.kernel, rows.size());
      if (isNew)
        rows.push_back({call.kernel, 0, 0, 0, 0, false});
      KernelBound &row = rows[place->second];
      double flops = static_cast<double>(call.flops), bytes = static_cast<double>(call.bytes);
      double computing = flops / flopRate(plan, call.kernel, ceilings), moving = bytes / ceilings.bytesPerSecond;
      row.count += runs[i];
      row.flops += runs[i] * flops;
      row.bytes += runs[i] * bytes;
      row.seconds += runs[i] * std::max(computing, moving);
      row.compute = row.compute || computing > moving;
    }
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const KernelBound &a, const KernelBound &b) { return a.seconds > b.seconds; });
  return rows;
}

static double total(const std::vector<KernelBound> &rows) {
  double seconds = 0;
  for (const KernelBound &row : rows)
    seconds += row.seconds;
  return seconds;
}

Json jepa::rt::rooflineJson(const Plan &plan) {
  std::vector<Ceilings> gpus = ceilingsOf(plan.cudaArch);
  if (gpus.empty() || plan.functions.empty())
    return Json();
  Json result = Json::object(), kernels = Json::array(), seconds = Json::object();
  std::vector<KernelBound> rows = roofline(plan, gpus[0]);
  for (const KernelBound &row : rows) {
    Json item = Json::object();
    item.set("kernel", row.kernel);
    item.set("count", row.count);
    item.set("flops", row.flops);
    item.set("bytes", row.bytes);
    item.set("seconds", row.seconds);
    item.set("bound", row.compute ? "compute" : "memory");
    kernels.push(item);
  }
  for (const Ceilings &gpu : gpus)
    seconds.set(gpu.gpu, total(roofline(plan, gpu)));
  result.set("gpu", gpus[0].gpu);
  result.set("bytes_per_second", gpus[0].bytesPerSecond);
  result.set("flops_per_second", plan.dtype == DType::BF16 ? gpus[0].flopsBf16 : gpus[0].flopsF32);
  result.set("source", gpus[0].source);
  result.set("seconds", total(rows));
  result.set("seconds_by_gpu", seconds);
  result.set("kernels", kernels);
  return result;
}

std::string jepa::rt::rooflineText(const Plan &plan) {
  std::string text;
  if (!plan.functions.empty())
    for (const Ceilings &gpu : ceilingsOf(plan.cudaArch)) {
      double seconds = total(roofline(plan, gpu));
      char number[64];
      std::snprintf(number, sizeof number, "%.3g ms", 1e3 * seconds);
      text += (text.empty() ? "a step takes at least " : ", ") + std::string(number) + " on " + gpu.gpu;
    }
  return text;
}
