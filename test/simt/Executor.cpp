//===- Executor.cpp - blocks, schedules, barriers -------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "simt/Executor.h"

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#ifdef SIMT_ASAN
#include <sanitizer/asan_interface.h>
#endif

using namespace simt;

thread_local Block *simt::block;
thread_local Thread *simt::self;
static thread_local Stacks stacks;
Launcher simt::elsewhere = nullptr;

Sites &simt::sites() {
  static Sites all;
  return all;
}

bool simt::skipped(const char *what, const Where &where) {
  Sites &all = sites();
  if (!all.recording && all.dropped < 0)
    return false;
  Inside inside;
  std::size_t at = 0;
  while (at < all.seen.size() && (all.seen[at].line != where.line() || all.seen[at].column != where.column() ||
                                  std::strcmp(all.seen[at].file, where.file_name())))
    ++at;
  if (at == all.seen.size()) {
    if (!all.recording)
      return false;
    all.seen.push_back({what, where.file_name(), where.line(), where.column()});
  }
  return static_cast<int>(at) == all.dropped;
}

std::string simt::text(const Where &where) {
  std::string_view file = where.file_name();
  return std::string(file.substr(file.rfind('/') + 1)) + ":" + std::to_string(where.line());
}

void simt::fail(const char *format, ...) {
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  Dim3 at = block->index;
  block->error =
      "block (" + std::to_string(at.x) + "," + std::to_string(at.y) + "," + std::to_string(at.z) + "): " + message;
  Thread *from = self;
  if (!from)
    throw Error(block->error);
  enterContext(block->launcher);
  self = nullptr;
  switchFiber(from->fiber, block->scheduler, true);
  std::abort();
}

std::uint64_t simt::draw() {
  std::uint64_t &state = block->random;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state * 0x2545f4914f6cdd1d >> 32;
}

bool simt::landsNow() {
  Landing landing = block->options.landing;
  return landing == Landing::Either ? draw() & 1 : landing == Landing::AtOnce;
}

void simt::wake(Thread &thread) {
  thread.waits = nullptr;
  block->ready.push_back(&thread);
}

/// Takes the next thread from those that can run; null when there is none.
static Thread *next() {
  auto &ready = block->ready;
  if (ready.empty())
    return nullptr;
  Thread *thread = ready.back();
  switch (block->options.order) {
  case Order::LastIn: ready.pop_back(); return thread;
  case Order::Shuffled: std::swap(ready.front(), ready[draw() % ready.size()]); [[fallthrough]];
  case Order::FirstIn: break;
  }
  thread = ready.front();
  ready.pop_front();
  return thread;
}

[[noreturn]] static void reportDeadlock() {
  std::string report = "deadlock, " + std::to_string(block->running) + " threads have not returned";
  auto state = [](const Thread &thread) {
    return thread.returned ? std::string("returned") : thread.waits + (" at " + text(thread.where));
  };
  auto &threads = block->threads;
  for (std::size_t begin = 0, end; begin < threads.size(); begin = end) {
    std::string common = state(threads[begin]);
    for (end = begin + 1; end < threads.size() && state(threads[end]) == common;)
      ++end;
    report += "; threads " + std::to_string(begin) + ".." + std::to_string(end - 1) + ": " + common;
  }
  fail("%s", report.c_str());
}

/// Lands bulk copies: all that anybody could be waiting for, or one now and then.
static void landSome() {
  auto &copies = block->bulkCopies;
  while (!copies.empty() && (block->ready.empty() || (block->options.landing == Landing::Either && draw() % 64 == 0))) {
    std::size_t at = draw() % copies.size();
    BulkCopy copy = copies[at];
    copies.erase(copies.begin() + static_cast<std::ptrdiff_t>(at));
    landBulkCopy(copy);
  }
}

void simt::wait(const char *what, const Where &where) {
  Thread &me = *self;
  me.waits = what;
  me.where = where;
  landSome();
  Thread *other = next();
  if (!other)
    reportDeadlock();
  if (other == &me)
    return;
  self = other;
  switchFiber(me.fiber, other->fiber);
}

static void runThread() {
  Fiber::begin();
  Thread &me = *self;
  enterContext(me.context);
  block->entry(block->arguments);
  enterContext(block->launcher);
  me.returned = true;
  --block->running;
  bool inFlight = !me.open.empty();
  for (const auto &commit : me.commits)
    inFlight = inFlight || !commit.empty();
  if (inFlight)
    fail("thread %u returned with copies in flight", me.index);
  release(me, Proxy::Generic, &block->arguments);
  release(me, Proxy::Async, &block->arguments);
  landSome();
  Thread *other = block->running ? next() : nullptr;
  if (block->running && !other)
    reportDeadlock();
  self = other;
  switchFiber(me.fiber, other ? other->fiber : block->scheduler, true);
  std::abort();
}

void simt::syncBarrier(int id, unsigned count, bool waits, const char *what, const Where &where) {
  Inside inside;
  Barrier &barrier = block->barriers[id];
  if (count == 0)
    count = block->threadCount;
  if (count % 32)
    fail("%s at %s: %u threads are not whole warps", what, text(where).c_str(), count);
  if (barrier.arrived && barrier.expected != count)
    fail("%s at %s: thread %u expects %u threads, those before it %u (%s)", what, text(where).c_str(), self->index,
         count, barrier.expected, text(barrier.where).c_str());
  barrier.expected = count;
  barrier.where = where;
  barrier.tags.release(*self);
  if (++barrier.arrived == count) {
    for (Thread *thread : barrier.waiting)
      wake(*thread);
    barrier.waiting.clear();
    barrier.arrived = 0;
  } else if (waits) {
    barrier.waiting.push_back(self);
    wait(what, where);
  }
  if (waits)
    barrier.tags.acquire(*self);
}

void *simt::sharedMemory(std::size_t bytes, void (*construct)(void *)) {
  Inside inside;
  if (bytes > block->sharedBytes)
    fail("a kernel uses %zu bytes of shared memory and was launched with %zu", bytes, block->sharedBytes);
  if (!block->sharedMade)
    construct(block->shared);
  block->sharedMade = true;
  return block->shared;
}

void simt::forbid([[maybe_unused]] void *address, [[maybe_unused]] std::size_t bytes) {
#ifdef SIMT_ASAN
  __asan_poison_memory_region(address, bytes);
#endif
}

static void freeShared() {
#ifdef SIMT_ASAN
  __asan_unpoison_memory_region(block->shared, block->sharedBytes);
#endif
  std::free(block->shared);
  block->shared = nullptr;
}

static void startThreads() {
  unsigned count = block->threadCount;
  stacks.reserve(count, findsRaces);
  block->threads = std::vector<Thread>(count);
  block->ready.clear();
  block->running = count;
  block->meetings = std::vector<Meeting>((count + 31) / 32 * 4);
  block->products = std::vector<WarpProducts>((count + 31) / 32);
  for (Barrier &barrier : block->barriers)
    barrier = {};
  block->sharedMade = false;
  if (block->sharedBytes) {
    // Of its exact size, so that one past the end is found.
    void *memory = nullptr;
    if (posix_memalign(&memory, 1024, block->sharedBytes))
      throw std::bad_alloc();
    block->shared = static_cast<unsigned char *>(memory);
    std::memset(memory, 0xff, block->sharedBytes);
  }
  for (unsigned i = 0; i < count; ++i) {
    Thread &thread = block->threads[i];
    thread.index = i;
    thread.lane = i % 32;
    thread.warp = i / 32;
    // Equal offsets would let all threads' frames share the same few lines of the cache.
    thread.fiber = Fiber::at(stacks.low(i), Stacks::size, i * 832 % 8192, runThread);
    block->contexts.push_back(thread.context = makeContext());
    if (thread.lane)
      thread.asyncContext = block->threads[i - 1].asyncContext;
    else
      block->contexts.push_back(thread.asyncContext = makeContext());
    block->ready.push_back(&thread);
  }
}

/// What a block must not leave behind; empty if it did not.
static std::string leftovers() {
  for (Barrier &barrier : block->barriers)
    if (barrier.arrived)
      return "ended with " + std::to_string(barrier.arrived) + " threads arrived at a barrier";
  auto &products = block->products;
  for (std::size_t warp = 0; warp < products.size(); ++warp) {
    bool inFlight = !products[warp].open.empty();
    for (const auto &commit : products[warp].commits)
      inFlight = inFlight || !commit.empty();
    if (inFlight)
      return "warp " + std::to_string(warp) + " ended with products in flight";
    if (products[warp].issued != products[warp / 4 * 4].issued)
      return "the warps of a warpgroup issued different products";
  }
  return block->bulkCopies.empty() ? "" : "ended with bulk copies in flight";
}

static void runBlock() {
  startThreads();
  self = next();
  switchFiber(block->scheduler, self->fiber);
  self = nullptr;
  std::string error = block->error.empty() ? leftovers() : block->error;
  // To ThreadSanitizer the next block is concurrent with this one: only a context that waited for all may free.
  void *janitor = makeContext();
  enterContext(janitor);
  acquireHere(&block->arguments);
  freeShared();
  block->memoryBarriers.clear();
  block->bulkCopies.clear();
  std::vector<Thread>().swap(block->threads);
  enterContext(block->launcher);
  destroyContext(janitor);
  if (!error.empty())
    throw Error(error);
}

void simt::runGrid(const Options &options, Dim3 grid, unsigned threads, std::size_t sharedBytes, void (*entry)(void *),
                   void *arguments) {
  std::uint64_t count = std::uint64_t(grid.x) * grid.y * grid.z;
  std::atomic<std::uint64_t> taken{0};
  std::mutex mutex;
  std::string error;
  auto work = [&] {
    Block mine;
    mine.options = options;
    mine.grid = grid;
    mine.threadCount = threads;
    mine.sharedBytes = sharedBytes;
    mine.entry = entry;
    mine.arguments = arguments;
    mine.scheduler = Fiber::current();
    mine.launcher = currentContext();
    block = &mine;
    try {
      for (std::uint64_t i; (i = taken++) < count;) {
        mine.random = (options.seed * 0x9e3779b97f4a7c15 ^ (i + 1) * 0xda942042e4dd58b5) | 1;
        mine.index = {unsigned(i % grid.x), unsigned(i / grid.x % grid.y), unsigned(i / grid.x / grid.y)};
        runBlock();
      }
    } catch (const Error &caught) {
      taken = count;
      std::lock_guard lock(mutex);
      error = caught.what();
    }
    acquireHere(&mine.arguments);
    for (void *context : mine.contexts)
      destroyContext(context);
    block = nullptr;
  };
  if (options.workers > 1) {
    std::vector<std::thread> workers;
    for (unsigned i = 0; i < options.workers; ++i)
      workers.emplace_back(work);
    for (std::thread &worker : workers)
      worker.join();
  } else {
    work();
  }
  if (!error.empty())
    throw Error(error);
}
