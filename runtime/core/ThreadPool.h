//===- ThreadPool.h - the one pool of threads -----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CORE_THREADPOOL_H
#define JEPA_RUNTIME_CORE_THREADPOOL_H

#include "runtime/core/Abi.h"

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace jepa::rt {

/// The process' pool of threads, the caller being number 0. A loop is cut into
/// chunks of `grain` that do not depend on the number of threads; threads take
/// the next chunk from a counter. Loops from several threads at once wait for
/// each other; a loop within a loop runs on the thread that asked.
class ThreadPool {
public:
  static ThreadPool &get();

  /// The number that setThreads(0) gives: JEPAC_THREADS, else what the hardware
  /// runs at once. Throws a usage Error when JEPAC_THREADS is no number from 1
  /// to 1024.
  static int defaultThreads();

  int threads() const { return count.load(std::memory_order_relaxed); }

  /// Sets the number of threads; 0 is the default. Throws Error when the system
  /// refuses (the pool is then left with those that it gave) and when called
  /// from within a loop.
  void setThreads(int threads);

  /// jepac_parallel_for. The kernel must not throw.
  void run(jepac_kernel kernel, void *const *args, std::int64_t size, std::int64_t grain);

  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

private:
  ThreadPool();
  ~ThreadPool();
  void start(int threads);
  void stop();
  void workerLoop(int index);
  bool takeChunk(int index);

  std::mutex owner; ///< held by whoever runs a loop or changes the number
  std::vector<std::thread> workers;
  std::atomic<int> count{1};
  std::atomic<bool> stopping{false};

  // The loop in work. `ticket` is (generation, next chunk); a chunk is taken by
  // advancing it, which fails if the loop has changed meanwhile.
  std::atomic<std::uint64_t> ticket{0};
  std::atomic<jepac_kernel> kernel{nullptr};
  std::atomic<void *const *> args{nullptr};
  std::atomic<std::int64_t> size{0}, grain{1};
  std::atomic<std::uint64_t> chunks{0};
  std::atomic<std::uint64_t> done{0};
  std::atomic<std::uint32_t> wake{0};      ///< counts loops; idle workers wait on it
  std::atomic<std::uint32_t> completed{0}; ///< counts finished loops; the owner waits on it
};

/// Runs body(begin, end, thread) over [0, size) in chunks of `grain`. The first
/// exception of a chunk is thrown again here when all chunks are done.
template <class Body> void parallelFor(std::int64_t size, std::int64_t grain, Body &&body) {
  struct Shared {
    std::remove_reference_t<Body> *body;
    std::mutex mutex;
    std::exception_ptr error;
  } shared{&body, {}, {}};
  auto kernel = [](void *const *args, std::int64_t begin, std::int64_t end, std::int64_t thread) {
    auto &shared = *static_cast<Shared *>(args[0]);
    try {
      (*shared.body)(begin, end, thread);
    } catch (...) {
      std::lock_guard lock(shared.mutex);
      if (!shared.error)
        shared.error = std::current_exception();
    }
  };
  void *args[] = {&shared};
  ThreadPool::get().run(kernel, args, size, grain);
  if (shared.error)
    std::rethrow_exception(shared.error);
}

} // namespace jepa::rt

#endif // JEPA_RUNTIME_CORE_THREADPOOL_H
