//===- Primitives.h - the device library's primitives on the host ---------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What compiler/target/cuda/device/ptx*.cuh are to nvcc. What each does is said
// there; here is what the executor makes of it.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_SIMT_PRIMITIVES_H
#define JEPA_TEST_SIMT_PRIMITIVES_H

#include "simt/Executor.h"

#include <cmath>
#include <cstring>
#include <new>

namespace jepa::device {

using Where = std::source_location;

// Places.
inline int threadIndex() { return static_cast<int>(simt::self->index); }
inline int laneIndex() { return static_cast<int>(simt::self->lane); }
inline int warpIndex() { return static_cast<int>(simt::self->warp); }
inline int blockX() { return static_cast<int>(simt::block->index.x); }
inline int blockY() { return static_cast<int>(simt::block->index.y); }
inline int blockZ() { return static_cast<int>(simt::block->index.z); }
inline int gridX() { return static_cast<int>(simt::block->grid.x); }

/// A block's shared memory. Its arrays construct themselves, once to a block.
template <class Shared> Shared &sharedMemory() {
  auto construct = [](void *memory) { new (memory) Shared; };
  return *static_cast<Shared *>(simt::sharedMemory(sizeof(Shared), construct));
}
/// 16 bytes after an array that nothing may touch.
struct SharedGap {
  alignas(16) unsigned char bytes[16];
  SharedGap() { simt::forbid(bytes, sizeof bytes); }
};

// Barriers.
inline void syncThreads(Where where = Where::current()) {
  if (!simt::skipped("syncThreads", where))
    simt::syncBarrier(0, 0, true, "syncThreads", where);
}
inline void syncWarp(Where where = Where::current()) {
  if (!simt::skipped("syncWarp", where))
    simt::meet(~0u, "syncWarp", where, nullptr, nullptr, nullptr, true);
}
inline void barrierSync(int id, int threads, Where where = Where::current()) {
  if (!simt::skipped("barrierSync", where))
    simt::syncBarrier(id, static_cast<unsigned>(threads), true, "barrierSync", where);
}
inline void barrierArrive(int id, int threads, Where where = Where::current()) {
  if (!simt::skipped("barrierArrive", where))
    simt::syncBarrier(id, static_cast<unsigned>(threads), false, "barrierArrive", where);
}

// Warps.
namespace host {
void shuffle(void *value, unsigned bytes, unsigned from, unsigned mask, const char *what, const Where &where);
void loadMatrix(unsigned (&r)[4], const void *row, bool transposed, const Where &where);
void copyAsync(void *to, const void *from, unsigned bytes, bool valid);
void copyCommit();
void copyWait(int left);
} // namespace host

template <class T> T shuffleXor(T value, int lanes, unsigned mask = ~0u, Where where = Where::current()) {
  static_assert(sizeof(T) <= 8);
  host::shuffle(&value, sizeof value, simt::self->lane ^ static_cast<unsigned>(lanes), mask, "shuffleXor", where);
  return value;
}
template <class T> T shuffle(T value, int lane, unsigned mask = ~0u, Where where = Where::current()) {
  static_assert(sizeof(T) <= 8);
  host::shuffle(&value, sizeof value, static_cast<unsigned>(lane) & 31, mask, "shuffle", where);
  return value;
}
unsigned ballot(bool predicate, unsigned mask = ~0u, Where where = Where::current());

// Matrices.
void multiply(float (&sums)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, Where where = Where::current());
inline void loadMatrix(unsigned (&r)[4], const void *row, Where where = Where::current()) {
  host::loadMatrix(r, row, false, where);
}
inline void loadMatrixTransposed(unsigned (&r)[4], const void *row, Where where = Where::current()) {
  host::loadMatrix(r, row, true, where);
}

// Asynchronous copies.
inline void copyAsync16(void *to, const void *from, bool valid = true) { host::copyAsync(to, from, 16, valid); }
inline void copyCommit(Where where = Where::current()) {
  if (!simt::skipped("copyCommit", where))
    host::copyCommit();
}
template <int Left> void copyWait(Where where = Where::current()) {
  if (!simt::skipped("copyWait", where))
    host::copyWait(Left);
}

// Memory and arithmetic.
template <class V> V loadGlobal(const V *address) { return *address; }
template <class V> V loadStreaming(const V *address) { return *address; }
template <class V> void storeStreaming(V *address, const V &value) { *address = value; }
inline unsigned packBf16(float low, float high) {
  auto round = [](float value) {
    unsigned bits;
    std::memcpy(&bits, &value, sizeof bits);
    return value != value ? 0x7fffu : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  };
  return round(low) | round(high) << 16;
}
inline float bitsToFloat(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline unsigned floatToBits(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}
inline float exp2Fast(float x) { return ::exp2f(x); }
inline float log2Fast(float x) { return ::log2f(x); }
inline float reciprocalFast(float x) { return 1.0f / x; }
inline float inverseSqrt(float x) { return 1.0f / std::sqrt(x); }

} // namespace jepa::device

#include "simt/HopperPrimitives.h"

#endif // JEPA_TEST_SIMT_PRIMITIVES_H
