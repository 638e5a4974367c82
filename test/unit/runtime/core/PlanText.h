//===- PlanText.h - a small valid plan to start a test from ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_UNIT_RUNTIME_CORE_PLANTEXT_H
#define JEPA_TEST_UNIT_RUNTIME_CORE_PLANTEXT_H

#include "runtime/core/Json.h"

#include <initializer_list>
#include <string>

namespace jepa::rt::test {

/// Lays buffers out one after the other and keeps the plan's JSON around them.
class PlanText {
public:
  explicit PlanText(std::string dtype = "f32") {
    plan = Json::parse(R"json({"format":1,"model":"toy","task":"train","target":"cpu","dtype":"f32",
      "version":"0.1.0","config":{"crop":"64"},"taps":false,"max_threads":4,"pipeline":"p",
      "libraries":["oneDNN (libdnnl.so.2)"],"parameters":1,"flops_per_clip":1,
      "flops_per_clip_unpruned":2,"peak_bytes":1,"arena_bytes":0,"buffers":[],"gemms":[],
      "provenance":{"host":"x86"}})json");
    plan.set("dtype", dtype);
    elementBytes = dtype == "f64" ? 8 : 4;
  }

  /// Appends a buffer; `extra` is the rest of its object, such as
  /// {"init":"zeros"}.
  PlanText &add(const std::string &name, const std::string &kind,
                const std::vector<std::int64_t> &shape, const std::string &extra = "{}") {
    Json buffer = Json::parse(extra);
    buffer.set("name", name);
    buffer.set("kind", kind);
    buffer.set("shape", shape);
    buffer.set("offset", end);
    std::int64_t bytes = buffer.find("dtype") ? 8 : elementBytes;
    for (std::int64_t size : shape)
      bytes *= size;
    end += (bytes + 63) / 64 * 64;
    buffers.push(buffer);
    return *this;
  }

  std::string text() {
    Json full = plan;
    full.set("buffers", buffers);
    if (full.at("arena_bytes").asInteger() == 0)
      full.set("arena_bytes", end);
    return full.dump();
  }

  Json plan, buffers = Json::array();
  std::int64_t end = 0, elementBytes = 4;
};

} // namespace jepa::rt::test

#endif // JEPA_TEST_UNIT_RUNTIME_CORE_PLANTEXT_H
