//===- Profiler.h - when generated code calls the runtime -----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Generated code is straight-line: the n-th call of a run into the runtime is
// the same launch or product in every run. So the recorder numbers the calls,
// and Plan::functions says what they are. While nothing is recorded, a call and
// a chunk of a loop cost one load each.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CORE_PROFILER_H
#define JEPA_RUNTIME_CORE_PROFILER_H

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

namespace jepa::rt {

/// Records the calls of the run that it lives around; one at a time. Times are
/// seconds since it was made.
class Profiler {
public:
  /// When a call began and ended.
  struct Span {
    double begin = 0, end = 0;
    double seconds() const { return end - begin; }
  };
  /// What one thread did for one call: from its first chunk to the end of its
  /// last, and how long it was at work in between.
  struct Slice {
    std::int64_t call = 0;
    Span span;
    double busy = 0;
  };

  /// `slices` also records what each thread does.
  explicit Profiler(bool slices);
  ~Profiler();
  Profiler(const Profiler &) = delete;
  Profiler &operator=(const Profiler &) = delete;

  const std::vector<Span> &calls() const { return spans; }
  /// By thread; empty unless wanted.
  const std::vector<std::vector<Slice>> &threads() const { return slices; }

  /// Seconds since this was made.
  double now() const { return std::chrono::duration<double>(Clock::now() - origin).count(); }

  /// The one that records, or null.
  static Profiler *active() { return current.load(std::memory_order_relaxed); }
  /// The one that records what threads do, or null.
  static Profiler *recordingThreads() {
    Profiler *profiler = active();
    return profiler && !profiler->slices.empty() ? profiler : nullptr;
  }

  /// A call that was timed elsewhere: on a device.
  void addCall(Span call) { spans.push_back(call); }
  /// A chunk of the call in work, on the thread of that number.
  void addChunk(int thread, Span chunk);

private:
  friend class ProfiledCall;
  using Clock = std::chrono::steady_clock;

  static std::atomic<Profiler *> current;
  Clock::time_point origin;
  std::vector<Span> spans;
  std::vector<std::vector<Slice>> slices;
  std::atomic<bool> inside{false};
};

/// Stands at the head of each function that generated code calls. A call from
/// within another one belongs to that.
class ProfiledCall {
public:
  ProfiledCall() : profiler(Profiler::active()) {
    if (profiler)
      begin();
  }
  ~ProfiledCall() {
    if (profiler)
      end();
  }
  ProfiledCall(const ProfiledCall &) = delete;
  ProfiledCall &operator=(const ProfiledCall &) = delete;

private:
  void begin();
  void end();
  Profiler *profiler;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_CORE_PROFILER_H
