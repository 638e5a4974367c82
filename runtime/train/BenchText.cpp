//===- BenchText.cpp - a bench's result for people -----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/io/Progress.h"
#include "runtime/train/Bench.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

using namespace jepa::rt;

/// Rows of a table of kernels or products; `--json` has them all.
static constexpr std::size_t mostRows = 25;

__attribute__((format(printf, 2, 3))) static void append(std::string &text, const char *format,
                                                         ...) {
  char line[320];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  text += line;
}

static long long whole(const Json &item, const char *key) {
  return static_cast<long long>(item.at(key).asInteger());
}

static std::string rateText(const Json &rate) {
  return rate.isNull() ? "-" : withUnit(rate.asReal(), "FLOP/s");
}

static std::string percent(const Json &share) {
  if (share.isNull())
    return "-";
  char text[16];
  std::snprintf(text, sizeof(text), "%.1f %%", 100 * share.asReal());
  return text;
}

static void appendTable(std::string &text, const char *title, const Json &items) {
  std::size_t width = 12;
  const Json::Array &rows = items.asArray();
  for (std::size_t i = 0; i < std::min(rows.size(), mostRows); ++i)
    width = std::max(width, rows[i].at("name").asString().size());
  bool details = !rows.empty() && rows[0].find("phase");
  append(text, "\n%-*s %11s %8s %6s %16s %11s", static_cast<int>(width), title, "seconds", "share",
         "calls", "rate", "memory/s");
  append(text, details ? " %8s  %-10s %s\n" : "\n", "busy", "phase", "line");
  for (std::size_t i = 0; i < std::min(rows.size(), mostRows); ++i) {
    const Json &row = rows[i];
    double seconds = row.at("seconds").asReal();
    append(text, "%-*s %11.6f %8s %6lld %16s %11s", static_cast<int>(width),
           row.at("name").asString().c_str(), seconds, percent(row.at("share")).c_str(),
           whole(row, "calls"), rateText(row.at("achieved_flops")).c_str(),
           seconds > 0 ? bytesText(row.at("bytes").asReal() / seconds).c_str() : "-");
    if (details)
      append(text, " %8s  %-10s %s", percent(row.at("busy")).c_str(),
             row.at("phase").asString().c_str(), row.at("line").asString().c_str());
    text += "\n";
  }
  if (rows.size() > mostRows)
    append(text, "... and %zu more; see --json\n", rows.size() - mostRows);
}

static void appendProducts(std::string &text, const Json &result) {
  append(text, "\nproducts alone take %.4f s of a step\n",
         result.at("gemm_seconds_per_step").asReal());
  for (const Json &product : result.at("gemms").asArray())
    append(text, "  %5lld x %5lld x %5lld %c%c  x %-4lld %10.6f s  %s\n", whole(product, "m"),
           whole(product, "n"), whole(product, "k"), product.at("trans_a").asBool() ? 't' : 'n',
           product.at("trans_b").asBool() ? 't' : 'n', whole(product, "count"),
           product.at("seconds").asReal(),
           withUnit(product.at("flops").asReal(), "FLOP/s").c_str());
}

std::string jepa::rt::benchText(const Json &result) {
  auto real = [&](const char *key) { return result.at(key).asReal(); };
  std::string text;
  append(text, "%.3f clips/s (%.4f s per step of %lld clips, %lld threads, median of %lld steps)\n",
         real("clips_per_second"), real("seconds_per_step"), whole(result, "batch"),
         whole(result, "threads"), whole(result, "steps"));
  append(text, "%s of a ceiling of %s (%.1f %%)\n",
         withUnit(real("achieved_flops"), "FLOP/s").c_str(),
         withUnit(real("gemm_ceiling_flops"), "FLOP/s").c_str(), 100 * real("share"));
  text += bytesText(real("peak_resident_bytes")) + " resident, " + bytesText(real("peak_bytes")) +
          " planned\n";
  if (const Json *device = result.find("device"))
    text += bytesText(real("device_bytes")) + " allocated on " + device->asString() + ", " +
            bytesText(real("device_used_bytes")) + " of it in use by all\n";
  if (!result.at("phases").asArray().empty()) {
    appendTable(text, "phase", result.at("phases"));
    append(text, "between calls %10.6f\n", real("outside_seconds"));
  }
  if (!result.find("kernels"))
    return text;
  appendTable(text, "kind", result.at("kinds"));
  appendTable(text, "kernel", result.at("kernels"));
  appendProducts(text, result);
  return text;
}
