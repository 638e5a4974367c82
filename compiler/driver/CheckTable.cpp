//===- CheckTable.cpp - what a check found, as text and as JSON ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/Check.h"

#include "llvm/Support/Format.h"

#include <cmath>

using namespace jepa;

static std::string error(double value) {
  if (!std::isfinite(value))
    return "-";
  if (value == 0)
    return "0";
  char text[32];
  std::snprintf(text, sizeof(text), "%.1e", value);
  return text;
}

/// Three digits and a letter: "1.23 G".
static std::string amount(double value, const char *unit) {
  static constexpr const char *prefixes[] = {"", "k", "M", "G", "T", "P"};
  int prefix = 0;
  for (; value >= 999.5 && prefix < 5; ++prefix)
    value /= 1000;
  char text[32];
  std::snprintf(text, sizeof(text), value < 9.995 ? "%.2f" : value < 99.95 ? "%.1f" : "%.0f", value);
  return std::string(text) + " " + prefixes[prefix] + unit;
}

static void line(llvm::raw_ostream &os, const std::string &pass, const std::string &input, const std::string &previous,
                 const std::string &tolerance, const std::string &verdict, const std::string &flops,
                 const std::string &bytes, const std::string &peak, const std::string &seconds, const std::string &note) {
  auto right = [](const std::string &text, unsigned width) { return llvm::right_justify(text, width); };
  os << llvm::left_justify(pass, 26) << right(input, 10) << right(previous, 10) << right(tolerance, 11) << "  "
     << llvm::left_justify(verdict, 4) << right(flops, 10) << right(bytes, 10) << right(peak, 10) << right(seconds, 10)
     << (note.empty() ? "" : "  ") << note << "\n";
}

void jepa::printCheckHead(llvm::raw_ostream &os) {
  line(os, "pass", "vs input", "vs before", "tolerance", "", "FLOPs", "bytes", "peak", "seconds", "");
}

void jepa::printCheckRow(llvm::raw_ostream &os, const CheckRow &row) {
  char seconds[32];
  std::snprintf(seconds, sizeof(seconds), "%.4f", row.seconds);
  line(os, row.name, error(row.errorInput), error(row.errorPrevious), error(row.tolerance), row.ok ? "ok" : "BAD",
       amount(static_cast<double>(row.flops), ""), amount(static_cast<double>(row.bytes), "B"),
       row.peakBytes < 0 ? "-" : amount(static_cast<double>(row.peakBytes), "B"), seconds, row.note);
  os.flush();
}

void jepa::printCheckVerdict(llvm::raw_ostream &os, const CheckReport &report) {
  if (const CheckRow *bad = report.firstBad())
    os << report.model << ": " << bad->name << " is the first that is bad: " << bad->note << "\n";
  else
    os << report.model << ": no pass changed a number beyond its tolerance\n";
}

static rt::Json number(double value) { return std::isfinite(value) ? rt::Json(value) : rt::Json(); }

rt::Json CheckReport::toJson() const {
  rt::Json json = rt::Json::object(), passes = rt::Json::array();
  for (const CheckRow &row : rows) {
    rt::Json item = rt::Json::object();
    item.set("name", row.name);
    item.set("error_input", number(row.errorInput));
    item.set("error_previous", number(row.errorPrevious));
    item.set("tolerance", row.tolerance);
    item.set("ok", row.ok);
    item.set("flops", row.flops);
    item.set("bytes", row.bytes);
    item.set("peak_bytes", row.peakBytes < 0 ? rt::Json() : rt::Json(row.peakBytes));
    item.set("seconds", row.seconds);
    item.set("note", row.note);
    passes.push(item);
  }
  json.set("model", model);
  json.set("passes", passes);
  const CheckRow *bad = firstBad();
  json.set("first_bad", bad ? rt::Json(bad->name) : rt::Json());
  return json;
}
