//===- Race.h - what ThreadSanitizer is told of a kernel ------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Each CUDA thread is a context of ThreadSanitizer, and each warp has a second
// one, its async proxy, in whose name bulk copies and wgmma read and write. The
// executor runs in the launching thread's context and is not instrumented; what
// it reads and writes for a thread it reports. Contexts are ordered by nothing
// but the releases and acquires below, so a race is found in any schedule.
//
// Compiled without SIMT_TSAN, all of this is nothing.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_SIMT_RACE_H
#define JEPA_TEST_SIMT_RACE_H

#include <cstddef>

namespace simt {

struct Thread;

enum class Proxy { Generic, Async };

#ifdef SIMT_TSAN
constexpr bool findsRaces = true;
#else
constexpr bool findsRaces = false;
#endif

/// While it lives, a thread's call of the executor runs in the launching thread's context.
class Inside {
public:
  Inside();
  ~Inside();
  Inside(const Inside &) = delete;
  Inside &operator=(const Inside &) = delete;
};

// Within an Inside: order a thread's proxies by an address, and report an access.
void acquire(Thread &thread, Proxy proxy, void *tag);
void release(Thread &thread, Proxy proxy, void *tag);
void access(Thread &thread, Proxy proxy, const void *address, std::size_t bytes, bool write);

/// Acquires the generic proxy's and the async proxy's tag each in its own name.
struct OrderTags {
  char generic = 0, async = 0;
  void release(Thread &thread);
  void acquire(Thread &thread);
};

// Contexts themselves; null where there are none.
void *currentContext();
void *makeContext();
void destroyContext(void *context);
void enterContext(void *context);
void acquireHere(void *tag);
void releaseHere(void *tag);

} // namespace simt

#endif // JEPA_TEST_SIMT_RACE_H
