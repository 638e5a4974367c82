//===- Fiber.h - stacks to switch between ---------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_SIMT_FIBER_H
#define JEPA_TEST_SIMT_FIBER_H

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define SIMT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIMT_ASAN 1
#endif
#endif

namespace simt {

/// Code that is suspended, on the stack [low, low + size).
struct Fiber {
  void *stackPointer = nullptr;
  void *fakeStack = nullptr; ///< AddressSanitizer's frames of it
  const void *low = nullptr;
  std::size_t size = 0;

  /// The code that asks, before its first switch.
  static Fiber current();
  /// A fiber that calls `entry`, which must not return, when it is first switched to.
  static Fiber at(void *low, std::size_t size, std::size_t offset, void (*entry)());
  /// A fiber's first act.
  static void begin();
};

/// Suspends `from`, which is running, and continues `to`. One that is `over` is never continued.
void switchFiber(Fiber &from, Fiber &to, bool over = false);

/// Stacks of one size, each over a page that must not be touched.
class Stacks {
public:
  static constexpr std::size_t size = 128 << 10;

  ~Stacks();
  /// At least `count` of them. `fresh` maps them anew, so that a sanitizer forgets what was on them.
  void reserve(unsigned count, bool fresh);
  void *low(unsigned index) const;

private:
  char *memory = nullptr;
  unsigned count = 0;
};

} // namespace simt

#endif // JEPA_TEST_SIMT_FIBER_H
