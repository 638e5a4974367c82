//===- Fiber.cpp - stacks to switch between -------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "simt/Fiber.h"

#include <cstdint>
#include <new>
#include <pthread.h>
#include <sys/mman.h>

#ifdef SIMT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

using namespace simt;

// Keeps what the System V ABI asks a function to keep. ucontext would do, at a system call per switch.
extern "C" void simt_switch(void **save, void *to);
asm(R"(
.text
.globl simt_switch
.type simt_switch,@function
simt_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size simt_switch, .-simt_switch
)");

static constexpr std::size_t page = 4096;

Fiber Fiber::current() {
  Fiber fiber;
  pthread_attr_t attributes;
  void *low = nullptr;
  if (!pthread_getattr_np(pthread_self(), &attributes)) {
    pthread_attr_getstack(&attributes, &low, &fiber.size);
    pthread_attr_destroy(&attributes);
  }
  fiber.low = low;
  return fiber;
}

Fiber Fiber::at(void *low, std::size_t size, std::size_t offset, void (*entry)()) {
#ifdef SIMT_ASAN
  // A fiber that was abandoned leaves its frames' red zones behind.
  __asan_unpoison_memory_region(low, size);
#endif
  auto top = (reinterpret_cast<std::uintptr_t>(low) + size - offset) & ~std::uintptr_t(63);
  void **slot = reinterpret_cast<void **>(top);
  *--slot = nullptr; // entry finds the stack as a call leaves it
  *--slot = reinterpret_cast<void *>(entry);
  for (int saved = 0; saved < 6; ++saved)
    *--slot = nullptr;
  Fiber fiber;
  fiber.stackPointer = slot;
  fiber.low = low;
  fiber.size = size;
  return fiber;
}

void Fiber::begin() {
#ifdef SIMT_ASAN
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

void simt::switchFiber(Fiber &from, Fiber &to, bool over) {
#ifdef SIMT_ASAN
  __sanitizer_start_switch_fiber(over ? nullptr : &from.fakeStack, to.low, to.size);
#endif
  simt_switch(&from.stackPointer, to.stackPointer);
#ifdef SIMT_ASAN
  __sanitizer_finish_switch_fiber(from.fakeStack, nullptr, nullptr);
#endif
}

Stacks::~Stacks() {
  if (memory)
    munmap(memory, count * (size + page));
}

void Stacks::reserve(unsigned wanted, bool fresh) {
  if (!fresh && count >= wanted)
    return;
  if (memory)
    munmap(memory, count * (size + page));
  count = wanted;
  void *mapped =
      mmap(nullptr, count * (size + page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED)
    throw std::bad_alloc();
  memory = static_cast<char *>(mapped);
  for (unsigned i = 0; i < count; ++i)
    mprotect(memory + i * (size + page), page, PROT_NONE);
}

void *Stacks::low(unsigned index) const { return memory + index * (size + page) + page; }
