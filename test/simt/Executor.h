//===- Executor.h - CUDA kernels on the host, thread by thread ------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Each CUDA thread of a block is a fiber that runs until it has to wait; then
// the schedule says who is next. The blocks of a grid run one after the other
// on a thread of the system, so a block must not wait for another one.
//
// What CUDA leaves undefined is an error here: a collective that not all named
// lanes reach, a barrier with threads that returned, copies in flight at the
// end, misaligned rows. What CUDA leaves open is decided by the seed: copies
// and products land at once or as late as the waits allow, and a block's shared
// memory begins as bytes of 0xff, not a number in bf16 and f32.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_SIMT_EXECUTOR_H
#define JEPA_TEST_SIMT_EXECUTOR_H

#include "simt/Fiber.h"
#include "simt/Race.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace simt {

using Where = std::source_location;

struct Dim3 {
  unsigned x = 1, y = 1, z = 1;
};

/// Which of the threads that can run is next.
enum class Order { FirstIn, LastIn, Shuffled };
/// When asynchronous work takes effect, between its issue and the wait for it.
enum class Landing { AtOnce, Late, Either };

struct Options {
  Order order = Order::Shuffled;
  Landing landing = Landing::Either;
  std::uint64_t seed = 1;
  unsigned workers = 1; ///< threads of the system that run blocks
};

/// A kernel did what it must not; the text says which block, thread and line.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A barrier, wait or fence of a kernel, by its place in the source.
struct Site {
  const char *what, *file;
  unsigned line, column;
};

/// The sites that kernels came by, in that order, and the one that is left out (none: -1). For tests that drop each in
/// turn; with one worker only.
struct Sites {
  std::vector<Site> seen;
  bool recording = false;
  int dropped = -1;
};
Sites &sites();

/// Whether this site is the one to leave out.
bool skipped(const char *what, const Where &where);

/// cp.async of one thread: `valid` bytes, zeros after them.
struct Copy {
  void *to;
  const void *from;
  unsigned bytes, valid;
};

struct Thread {
  Fiber fiber;
  unsigned index = 0, lane = 0, warp = 0;
  bool returned = false;
  const char *waits = nullptr; ///< what it is blocked on
  Where where;
  std::vector<Copy> open;                ///< issued, not committed
  std::deque<std::vector<Copy>> commits; ///< committed, not landed
  void *context = nullptr, *asyncContext = nullptr;
  char fence = 0;
};

/// Lanes of a warp on their way into one collective.
struct Meeting {
  std::uint32_t mask = 0, arrived = 0;
  const char *what = nullptr;
  Where where;
  void *arguments[32] = {};
  OrderTags tags;
};

struct Barrier {
  unsigned arrived = 0, expected = 0;
  Where where;
  std::vector<Thread *> waiting;
  OrderTags tags;
};

struct MemoryBarrier {
  const void *address = nullptr;
  unsigned expected = 0, pending = 0, phase = 0;
  std::int64_t bytes = 0;
  bool published = false; ///< a fence made its initialisation visible to the copy engine
  const Thread *initialiser = nullptr;
  std::vector<Thread *> waiting;
  OrderTags tags;
};

/// A box of a tensor on its way into shared memory.
struct BulkCopy {
  unsigned char *to;
  alignas(64) unsigned char map[128]; ///< the kernel's parameter, which may live longer than the issuing thread's copy
  int column, row;
  MemoryBarrier *barrier;
  Thread *by;
};

/// One warp's 16 rows of a product of its warpgroup: m64 x columns x k16.
struct GroupProduct {
  float *sums[32];       ///< columns / 2 to a lane
  const unsigned *a[32]; ///< A in the lanes' registers; null: in shared memory
  std::uint64_t left = 0, right = 0;
  int columns = 0;
  bool transposed = false; ///< B is [k, columns]
};

/// What a warp has under way of its warpgroup's products.
struct WarpProducts {
  std::vector<GroupProduct> open;
  std::deque<std::vector<GroupProduct>> commits;
  bool fenced = false;
  std::uint64_t issued = 0; ///< a hash of all of them: the same in the four warps
  char tag = 0;
};

/// The block that runs on this thread of the system.
struct Block {
  Options options;
  std::uint64_t random = 0;
  Dim3 index, grid;
  unsigned threadCount = 0;
  std::vector<Thread> threads;
  std::deque<Thread *> ready;
  unsigned running = 0; ///< threads that have not returned

  Barrier barriers[16];
  std::vector<Meeting> meetings;      ///< four to a warp
  std::vector<WarpProducts> products; ///< by warp
  std::deque<MemoryBarrier> memoryBarriers;
  std::vector<BulkCopy> bulkCopies; ///< issued, not landed

  unsigned char *shared = nullptr;
  std::size_t sharedBytes = 0;
  bool sharedMade = false;

  void (*entry)(void *) = nullptr;
  void *arguments = nullptr;
  Fiber scheduler;
  std::string error;
  void *launcher = nullptr;     ///< the launching thread's context
  std::vector<void *> contexts; ///< of the whole launch: its blocks are not ordered
};
extern thread_local Block *block;
extern thread_local Thread *self;

/// Gives the block up.
[[noreturn]] __attribute__((format(printf, 1, 2))) void fail(const char *format, ...);
/// "file.cuh:12", for messages.
std::string text(const Where &where);

/// Blocks the calling thread until someone wakes it.
void wait(const char *what, const Where &where);
void wake(Thread &thread);
/// The seed's next number; whether asynchronous work lands now.
std::uint64_t draw();
bool landsNow();

void syncBarrier(int id, unsigned count, bool waits, const char *what, const Where &where);

/// What a collective does once all its lanes are there, given the lanes' arguments and what the last one brought.
using Collective = void (*)(const void *common, void **arguments);
/// The lanes of `mask` meet and the last one acts for all. `orders`: memory, too.
void meet(std::uint32_t mask, const char *what, const Where &where, void *argument, Collective act,
          const void *common = nullptr, bool orders = false);

/// memcpy that no sanitizer's runtime intercepts: what it touches on a thread's behalf is reported by access().
inline void copyBytes(void *to, const void *from, std::size_t bytes) {
  auto *target = static_cast<volatile unsigned char *>(to);
  auto *source = static_cast<const volatile unsigned char *>(from);
  for (std::size_t i = 0; i < bytes; ++i)
    target[i] = source[i];
}

// Work in flight.
void landCopies(std::vector<Copy> &copies);
void landBulkCopy(const BulkCopy &copy);

/// The block's shared memory, once, and a part of it that nobody may touch.
void *sharedMemory(std::size_t bytes, void (*construct)(void *));
void forbid(void *address, std::size_t bytes);

void runGrid(const Options &options, Dim3 grid, unsigned threads, std::size_t sharedBytes, void (*entry)(void *),
             void *arguments);

/// What runs kernels instead, where a program says so: given a kernel and the addresses of its arguments (Gpu.cpp).
using Launcher = void (*)(void *kernel, Dim3 grid, unsigned threads, std::size_t sharedBytes, void **arguments);
extern Launcher elsewhere;

/// kernel<<<grid, threads, sharedBytes>>>(arguments...). Throws Error.
template <class... Parameters, class... Arguments>
void launch(const Options &options, Dim3 grid, unsigned threads, std::size_t sharedBytes, void (*kernel)(Parameters...),
            Arguments &&...arguments) {
  using Call = std::pair<void (*)(Parameters...), std::tuple<Parameters...>>;
  Call call(kernel, std::tuple<Parameters...>(static_cast<Parameters>(arguments)...));
  if (elsewhere) {
    std::apply(
        [&](auto &...values) {
          void *addresses[] = {&values...};
          elsewhere(reinterpret_cast<void *>(kernel), grid, threads, sharedBytes, addresses);
        },
        call.second);
    return;
  }
  auto entry = [](void *call) {
    auto &[kernel, arguments] = *static_cast<Call *>(call);
    std::apply(kernel, arguments);
  };
  runGrid(options, grid, threads, sharedBytes, entry, &call);
}

} // namespace simt

#endif // JEPA_TEST_SIMT_EXECUTOR_H
