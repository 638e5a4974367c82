//===- ThreadPool.cpp - the one pool of threads ---------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A worker takes a chunk in three steps: read the ticket, read the loop's
// fields, advance the ticket. run() makes the old ticket invalid before it
// touches the fields, and stores and reads them in that order, so that an
// advance that succeeds proves that the fields read belong to the ticket.
// Hence a worker that wakes late harms nothing, and nobody waits for it.
//
//===----------------------------------------------------------------------===//
#include "runtime/core/ThreadPool.h"

#include "runtime/core/Error.h"
#include "runtime/core/Profiler.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

using namespace jepa::rt;

/// A ticket's low bits count chunks, the others loops.
static constexpr int chunkBits = 40;
static constexpr std::uint64_t chunkMask = (std::uint64_t(1) << chunkBits) - 1;

/// About thirty microseconds: longer than the gap between two loops of a step,
/// shorter than what anybody else would miss.
static constexpr int spinRounds = 1000;

static constexpr int maxThreads = 1024;

/// The index of this thread within the loop that it works for, or -1.
static thread_local int insideAs = -1;

static void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

/// A chunk of an outermost loop.
static void runChunk(jepac_kernel call, void *const *args, std::int64_t begin, std::int64_t end,
                     int thread) {
  Profiler *profiler = Profiler::recordingThreads();
  if (!profiler)
    return call(args, begin, end, thread);
  double start = profiler->now();
  call(args, begin, end, thread);
  profiler->addChunk(thread, {start, profiler->now()});
}

ThreadPool &ThreadPool::get() {
  static ThreadPool pool;
  return pool;
}

static int hardwareThreads() {
  return std::clamp<int>(static_cast<int>(std::thread::hardware_concurrency()), 1, maxThreads);
}

int ThreadPool::defaultThreads() {
  const char *text = std::getenv("JEPAC_THREADS");
  if (!text || !*text)
    return hardwareThreads();
  int threads = 0;
  const char *end = text + std::strlen(text);
  auto [stop, error] = std::from_chars(text, end, threads);
  if (error != std::errc() || stop != end || threads < 1 || threads > maxThreads)
    throw usageError("JEPAC_THREADS is '" + std::string(text) + "'; expected a number from 1 to " +
                     std::to_string(maxThreads));
  return threads;
}

ThreadPool::ThreadPool() {
  // Generated code may come here first, and nothing throws across its border.
  try {
    start(defaultThreads());
  } catch (const Error &) {
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::start(int threads) {
  stopping = false;
  try {
    for (int index = 1; index < threads; ++index) {
      workers.emplace_back([this, index] { workerLoop(index); });
      count.store(index + 1, std::memory_order_relaxed);
    }
  } catch (const std::system_error &error) {
    throw Error("could not start " + std::to_string(threads) + " threads: " + error.what() +
                "; set JEPAC_THREADS to a smaller number");
  }
}

void ThreadPool::stop() {
  stopping = true;
  wake.fetch_add(1, std::memory_order_release);
  wake.notify_all();
  for (std::thread &worker : workers)
    worker.join();
  workers.clear();
  count.store(1, std::memory_order_relaxed);
}

void ThreadPool::setThreads(int threads) {
  if (threads < 0 || threads > maxThreads)
    throw usageError("the number of threads is " + std::to_string(threads) + "; expected 1 to " +
                     std::to_string(maxThreads));
  if (insideAs >= 0)
    throw Error("the number of threads cannot change within a parallel loop");
  int wanted = threads == 0 ? defaultThreads() : threads;
  std::lock_guard lock(owner);
  if (wanted == count.load(std::memory_order_relaxed))
    return;
  stop();
  start(wanted);
}

bool ThreadPool::takeChunk(int index) {
  std::uint64_t seen = ticket.load(std::memory_order_acquire);
  jepac_kernel call = kernel.load(std::memory_order_acquire);
  void *const *callArgs = args.load(std::memory_order_acquire);
  std::int64_t total = size.load(std::memory_order_acquire);
  std::int64_t step = grain.load(std::memory_order_acquire);
  std::uint64_t all = chunks.load(std::memory_order_acquire);
  do {
    if ((seen & chunkMask) >= all)
      return false;
    // A failure that shows another loop needs its fields: begin again.
    std::uint64_t before = seen;
    if (ticket.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel,
                                     std::memory_order_acquire)) {
      std::int64_t begin = static_cast<std::int64_t>(before & chunkMask) * step;
      runChunk(call, callArgs, begin, std::min(step, total - begin) + begin, index);
      break;
    }
    if ((seen ^ before) & ~chunkMask)
      return true;
  } while (true);
  if (done.fetch_add(1, std::memory_order_acq_rel) + 1 == all) {
    completed.fetch_add(1, std::memory_order_release);
    completed.notify_all();
  }
  return true;
}

void ThreadPool::workerLoop(int index) {
  insideAs = index;
  while (true) {
    std::uint32_t seen = wake.load(std::memory_order_acquire);
    if (stopping.load(std::memory_order_acquire))
      return;
    while (takeChunk(index)) {
    }
    int round = 0;
    while (wake.load(std::memory_order_acquire) == seen && round++ < spinRounds)
      relax();
    wake.wait(seen, std::memory_order_acquire);
  }
}

void ThreadPool::run(jepac_kernel call, void *const *callArgs, std::int64_t total,
                     std::int64_t step) {
  if (total <= 0)
    return;
  step = std::max<std::int64_t>(step, 1);
  std::uint64_t all = static_cast<std::uint64_t>((total - 1) / step) + 1;
  // Loops too long for the ticket do not occur; they would still be right.
  bool alone = insideAs >= 0 || all == 1 || threads() == 1 || all >= chunkMask;
  std::unique_lock lock(owner, std::defer_lock);
  if (insideAs < 0)
    lock.lock();
  int self = std::max(insideAs, 0);
  int outside = insideAs;
  insideAs = self;
  if (alone) {
    for (std::int64_t begin = 0; begin < total; begin += std::min(step, total - begin)) {
      std::int64_t end = begin + std::min(step, total - begin);
      // A loop within a loop is part of the outer one's chunk.
      outside < 0 ? runChunk(call, callArgs, begin, end, self) : call(callArgs, begin, end, self);
    }
    insideAs = outside;
    return;
  }
  std::uint64_t generation = (ticket.load(std::memory_order_relaxed) & ~chunkMask) + chunkMask + 1;
  std::uint32_t finished = completed.load(std::memory_order_relaxed);
  ticket.store(generation | chunkMask, std::memory_order_release);
  kernel.store(call, std::memory_order_release);
  args.store(callArgs, std::memory_order_release);
  size.store(total, std::memory_order_release);
  grain.store(step, std::memory_order_release);
  chunks.store(all, std::memory_order_release);
  done.store(0, std::memory_order_release);
  ticket.store(generation, std::memory_order_release);
  wake.fetch_add(1, std::memory_order_release);
  wake.notify_all();
  while (takeChunk(0)) {
  }
  for (int round = 0; completed.load(std::memory_order_acquire) == finished && round < spinRounds;
       ++round)
    relax();
  completed.wait(finished, std::memory_order_acquire);
  insideAs = outside;
}

extern "C" void jepac_parallel_for(jepac_kernel kernel, void *const *args, int64_t count,
                                   int64_t grain) {
  ProfiledCall profiled;
  ThreadPool::get().run(kernel, args, count, grain);
}
