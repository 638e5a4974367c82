//===- Race.cpp - what ThreadSanitizer is told of a kernel ----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "simt/Race.h"
#include "simt/Executor.h"

using namespace simt;

#ifdef SIMT_TSAN
#include <sanitizer/tsan_interface.h>

// Both compilers' runtimes export these; no header declares them.
extern "C" void __tsan_read_range(void *address, unsigned long bytes);
extern "C" void __tsan_write_range(void *address, unsigned long bytes);

void *simt::currentContext() { return __tsan_get_current_fiber(); }
void *simt::makeContext() { return __tsan_create_fiber(0); }
void simt::destroyContext(void *context) { __tsan_destroy_fiber(context); }
void simt::enterContext(void *context) { __tsan_switch_to_fiber(context, __tsan_switch_to_fiber_no_sync); }
void simt::acquireHere(void *tag) { __tsan_acquire(tag); }
void simt::releaseHere(void *tag) { __tsan_release(tag); }

namespace {
/// Acts in the name of one of a thread's proxies.
struct InTheNameOf {
  InTheNameOf(Thread &thread, Proxy proxy) {
    enterContext(proxy == Proxy::Async ? thread.asyncContext : thread.context);
  }
  ~InTheNameOf() { enterContext(block->launcher); }
};
} // namespace

Inside::Inside() { enterContext(block->launcher); }
Inside::~Inside() { enterContext(self->context); }

void simt::acquire(Thread &thread, Proxy proxy, void *tag) {
  InTheNameOf name(thread, proxy);
  __tsan_acquire(tag);
}
void simt::release(Thread &thread, Proxy proxy, void *tag) {
  InTheNameOf name(thread, proxy);
  __tsan_release(tag);
}
void simt::access(Thread &thread, Proxy proxy, const void *address, std::size_t bytes, bool write) {
  InTheNameOf name(thread, proxy);
  if (write)
    __tsan_write_range(const_cast<void *>(address), bytes);
  else
    __tsan_read_range(const_cast<void *>(address), bytes);
}
#else
void *simt::currentContext() { return nullptr; }
void *simt::makeContext() { return nullptr; }
void simt::destroyContext(void *) {}
void simt::enterContext(void *) {}
void simt::acquireHere(void *) {}
void simt::releaseHere(void *) {}
Inside::Inside() {}
Inside::~Inside() {}
void simt::acquire(Thread &, Proxy, void *) {}
void simt::release(Thread &, Proxy, void *) {}
void simt::access(Thread &, Proxy, const void *, std::size_t, bool) {}
#endif

void OrderTags::release(Thread &thread) {
  simt::release(thread, Proxy::Generic, &generic);
  simt::release(thread, Proxy::Async, &async);
}
void OrderTags::acquire(Thread &thread) {
  simt::acquire(thread, Proxy::Generic, &generic);
  simt::acquire(thread, Proxy::Async, &async);
}
