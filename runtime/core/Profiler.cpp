//===- Profiler.cpp - when generated code calls the runtime ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/Profiler.h"

#include "runtime/core/ThreadPool.h"

using namespace jepa::rt;

std::atomic<Profiler *> Profiler::current{nullptr};

Profiler::Profiler(bool wantSlices) : origin(Clock::now()) {
  spans.reserve(4096);
  if (wantSlices)
    slices.resize(static_cast<std::size_t>(ThreadPool::get().threads()));
  current.store(this, std::memory_order_release);
}

Profiler::~Profiler() { current.store(nullptr, std::memory_order_release); }

void Profiler::addChunk(int thread, Span chunk) {
  // Loops of the process that generated code did not ask for.
  if (!inside.load(std::memory_order_relaxed))
    return;
  auto call = static_cast<std::int64_t>(spans.size()) - 1;
  std::vector<Slice> &own = slices[static_cast<std::size_t>(thread)];
  if (own.empty() || own.back().call != call)
    own.push_back({call, chunk, 0});
  own.back().span.end = chunk.end;
  own.back().busy += chunk.seconds();
}

void ProfiledCall::begin() {
  if (profiler->inside.load(std::memory_order_relaxed)) {
    profiler = nullptr;
    return;
  }
  // Workers see both: they take a loop's chunks after the loop is announced.
  profiler->spans.push_back({profiler->now(), 0});
  profiler->inside.store(true, std::memory_order_relaxed);
}

void ProfiledCall::end() {
  profiler->inside.store(false, std::memory_order_relaxed);
  profiler->spans.back().end = profiler->now();
}
