//===- Profile.cpp - where a step's time goes -----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/Profile.h"

#include "runtime/core/Error.h"
#include "runtime/core/Median.h"

#include <algorithm>
#include <map>
#include <optional>

using namespace jepa::rt;

/// A step of the largest model has some ten thousand calls.
static constexpr std::size_t mostCalls = std::size_t(1) << 22;

static constexpr std::string_view adjointSuffix = "/adjoint";

/// "encoder" of "encoder.blocks.0".
static std::string rootOf(const std::string &path) { return path.substr(0, path.find('.')); }

static bool contains(const std::vector<std::string> &names, const std::string &name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// "attention_grad" of the kernel "attention_grad_12"; products differ by what runs inside them: "product + gelu".
static std::string kindOf(const std::string &kernel) {
  if (std::size_t space = kernel.find(' '); space != std::string::npos) {
    std::size_t epilogue = kernel.find(" + ");
    return kernel.substr(0, space) + (epilogue == std::string::npos ? "" : kernel.substr(epilogue));
  }
  std::size_t end = kernel.find_last_not_of("0123456789");
  return end == std::string::npos || kernel[end] != '_' ? kernel : kernel.substr(0, end);
}

Profile::Profile(const Plan &plan) : plan(plan) {
  for (const Buffer &buffer : plan.buffers)
    if (!buffer.emaOf.empty()) {
      teachers.push_back(rootOf(buffer.name));
      students.push_back(rootOf(buffer.emaOf));
    }
  if (!plan.functions.empty())
    expand(0, "");
}

void Profile::expand(std::size_t function, const std::string &scope) {
  for (const Call &call : plan.functions[function].calls) {
    // "blocks.3/adjoint" and "attn" are "blocks.3.attn/adjoint".
    bool adjoint = scope.ends_with(adjointSuffix);
    std::string path = scope.substr(0, scope.size() - (adjoint ? adjointSuffix.size() : 0));
    path += (path.empty() || call.scope.empty() ? "" : ".") + call.scope;
    if (adjoint && !path.ends_with(adjointSuffix))
      path += adjointSuffix;
    if (call.function >= 0) {
      expand(static_cast<std::size_t>(call.function), path);
      continue;
    }
    if (entries.size() >= mostCalls)
      throw Error("invalid plan: functions: more than " + std::to_string(mostCalls) +
                  " calls in one run");
    std::string phase = phaseOf(path);
    entries.push_back({&call, std::move(path), std::move(phase), {}});
  }
}

std::string Profile::phaseOf(const std::string &scope) const {
  if (scope.ends_with(adjointSuffix))
    return "backward";
  std::string root = rootOf(scope);
  if (root.empty())
    return "other";
  if (root == "optimizer")
    return "optimiser";
  return contains(teachers, root) ? "teacher" : contains(students, root) ? "student" : root;
}

void Profile::check(const Profiler &run) const {
  if (run.calls().size() != entries.size())
    throw Error("internal error: a run made " + std::to_string(run.calls().size()) +
                " calls, the plan tells of " + std::to_string(entries.size()) +
                "; please report it");
}

void Profile::add(const Profiler &run, double seconds) {
  check(run);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].seconds.push_back(static_cast<float>(run.calls()[i].seconds()));
    seconds -= run.calls()[i].seconds();
  }
  outside.push_back(seconds);
}

void Profile::addThreads(const Profiler &run) {
  check(run);
  threadCount = run.threads().size();
  for (std::size_t i = 0; i < entries.size(); ++i)
    entries[i].lasted += run.calls()[i].seconds();
  for (const std::vector<Profiler::Slice> &slices : run.threads())
    for (const Profiler::Slice &slice : slices)
      entries[static_cast<std::size_t>(slice.call)].busy += slice.busy;
}

double Profile::outsideSeconds() const { return std::max(median(outside), 0.0); }

template <class Key> Json Profile::table(Key &&key, bool sorted, bool details) const {
  struct Row {
    const Entry *first;
    double seconds = 0, busy = 0, lasted = 0, flops = 0, bytes = 0;
    std::int64_t calls = 0;
    bool flopsKnown = true;
  };
  std::vector<std::pair<std::string, Row>> rows;
  std::map<std::string, std::size_t> places;
  double total = outsideSeconds();
  for (const Entry &entry : entries) {
    std::string name = key(entry);
    auto [place, isNew] =
        places.try_emplace(name + " " + (details ? entry.phase : ""), rows.size());
    if (isNew)
      rows.push_back({name, {&entry}});
    Row &row = rows[place->second].second;
    double seconds = median(entry.seconds);
    total += seconds;
    row.seconds += seconds;
    row.busy += entry.busy;
    row.lasted += entry.lasted;
    row.flops += static_cast<double>(entry.call->flops);
    row.bytes += static_cast<double>(entry.call->bytes);
    row.flopsKnown = row.flopsKnown && entry.call->flops > 0;
    ++row.calls;
  }
  if (sorted)
    std::stable_sort(rows.begin(), rows.end(), [](const auto &a, const auto &b) {
      return a.second.seconds > b.second.seconds;
    });
  Json list = Json::array();
  for (const auto &[name, row] : rows) {
    Json item = Json::object();
    item.set("name", name);
    if (details) {
      item.set("phase", row.first->phase);
      item.set("line", row.first->call->line);
    }
    item.set("calls", row.calls);
    item.set("seconds", row.seconds);
    item.set("share", total > 0 ? row.seconds / total : 0);
    item.set("flops", row.flops);
    bool rate = row.seconds > 0 && (details ? row.flopsKnown : row.flops > 0);
    item.set("achieved_flops", rate ? Json(row.flops / row.seconds) : Json());
    item.set("bytes", row.bytes);
    if (details)
      item.set("busy", row.lasted > 0
                           ? Json(row.busy / (row.lasted * static_cast<double>(threadCount)))
                           : Json());
    list.push(std::move(item));
  }
  return list;
}

Json Profile::phases() const {
  return table([](const Entry &entry) { return entry.phase; }, false, false);
}

Json Profile::kinds() const {
  return table([](const Entry &entry) { return kindOf(entry.call->kernel); }, true, false);
}

Json Profile::kernels() const {
  return table([](const Entry &entry) { return entry.call->kernel; }, true, true);
}

//===----------------------------------------------------------------------===//
// Chrome trace
//===----------------------------------------------------------------------===//

static Json traceEvent(const std::string &name, const std::string &category, std::size_t thread,
                       const Profiler::Span &span) {
  Json event = Json::object();
  event.set("name", name);
  event.set("cat", category);
  event.set("ph", "X");
  event.set("pid", 1);
  event.set("tid", thread);
  event.set("ts", span.begin * 1e6);
  event.set("dur", span.seconds() * 1e6);
  return event;
}

static Json threadName(std::size_t thread, const std::string &name) {
  Json event = Json::object(), arguments = Json::object();
  arguments.set("name", name);
  event.set("name", "thread_name");
  event.set("ph", "M");
  event.set("pid", 1);
  event.set("tid", thread);
  event.set("args", arguments);
  return event;
}

Json Profile::callEvent(const Entry &entry, std::size_t thread, const Profiler::Span &span,
                        std::optional<double> busy) {
  Json event = traceEvent(entry.call->kernel, entry.phase, thread, span);
  Json arguments = Json::object();
  arguments.set("scope", entry.scope);
  arguments.set("line", entry.call->line);
  arguments.set("flops", entry.call->flops);
  arguments.set("bytes", entry.call->bytes);
  if (busy)
    arguments.set("busy_us", *busy * 1e6);
  event.set("args", std::move(arguments));
  return event;
}

Json Profile::trace(const Profiler &run) const {
  check(run);
  Json events = Json::array();
  events.push(threadName(0, "phases"));
  for (std::size_t i = 0; i < entries.size();) {
    std::size_t end = i;
    while (end < entries.size() && entries[end].phase == entries[i].phase)
      ++end;
    events.push(
        traceEvent(entries[i].phase, "phase", 0, {run.calls()[i].begin, run.calls()[end - 1].end}));
    i = end;
  }
  if (run.threads().empty()) {
    events.push(threadName(1, "device"));
    for (std::size_t i = 0; i < entries.size(); ++i)
      events.push(callEvent(entries[i], 1, run.calls()[i]));
  }
  for (std::size_t thread = 0; thread < run.threads().size(); ++thread) {
    events.push(threadName(thread + 1, "thread " + std::to_string(thread)));
    for (const Profiler::Slice &slice : run.threads()[thread]) {
      const Entry &entry = entries[static_cast<std::size_t>(slice.call)];
      events.push(callEvent(entry, thread + 1, slice.span, slice.busy));
    }
  }
  Json trace = Json::object();
  trace.set("traceEvents", std::move(events));
  trace.set("displayTimeUnit", "ms");
  return trace;
}
