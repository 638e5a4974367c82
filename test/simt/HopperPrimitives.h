//===- HopperPrimitives.h - sm_90a's primitives on the host ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What compiler/target/cuda/device/ptx_hopper.cuh is to nvcc.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_SIMT_HOPPERPRIMITIVES_H
#define JEPA_TEST_SIMT_HOPPERPRIMITIVES_H

#include "simt/Executor.h"

namespace jepa::device {

using Word64 = unsigned long long;

namespace host {
void barrierInit(Word64 *barrier, int arrivals);
void barrierPublish(bool async);
void barrierArrive(Word64 *barrier, int bytes);
void barrierWait(Word64 *barrier, int parity, const Where &where);
void productFence(const Where &where);
void productIssue(float *sums, int columns, const unsigned *a, Word64 left, Word64 right, bool transposed,
                  const Where &where);
void productCommit(const Where &where);
void productWait(int left, const Where &where);
} // namespace host

inline unsigned packE4m3(float low, float high) {
  auto round = [](float value) -> unsigned {
    if (value != value)
      return 0x7f;
    unsigned sign = std::signbit(value) ? 0x80 : 0;
    float size = std::fmin(std::fabs(value), 448.0f);
    // Below the smallest exponent numbers are as far apart as at it.
    int exponent = size < 0x1p-6f ? -6 : std::ilogb(size);
    // Eighths of its power of two; sixteen of them are eight of the next.
    auto eighths = static_cast<unsigned>(std::nearbyint(std::ldexp(size, 3 - exponent)));
    return sign | (static_cast<unsigned>(exponent + 6) * 8 + eighths);
  };
  return round(low) | round(high) << 8;
}

// Memory barriers.
inline void mbarrierInit(Word64 *barrier, int arrivals) { host::barrierInit(barrier, arrivals); }
inline void mbarrierFence(Where where = Where::current()) {
  if (!simt::skipped("mbarrierFence", where))
    host::barrierPublish(false);
}
inline void mbarrierArrive(Word64 *barrier, Where where = Where::current()) {
  if (!simt::skipped("mbarrierArrive", where))
    host::barrierArrive(barrier, 0);
}
inline void mbarrierExpect(Word64 *barrier, int bytes, Where where = Where::current()) {
  if (!simt::skipped("mbarrierExpect", where))
    host::barrierArrive(barrier, bytes);
}
inline void mbarrierWait(Word64 *barrier, int parity, Where where = Where::current()) {
  if (!simt::skipped("mbarrierWait", where))
    host::barrierWait(barrier, parity, where);
}
inline void fenceAsync(Where where = Where::current()) {
  if (!simt::skipped("fenceAsync", where))
    host::barrierPublish(true);
}

// Bulk copies.
struct alignas(64) TensorMap {
  const void *data;
  long long columns, rows, stride; ///< stride in bytes
  int boxColumns, boxRows;
  Word64 unused[11];
};
static_assert(sizeof(TensorMap) == 128);
/// What cuTensorMapEncodeTiled makes of a matrix of bf16, swizzled over the box' columns: 64, 32 or 16.
TensorMap tensorMap(const void *data, long long rows, long long columns, long long stride, int boxRows, int boxColumns);
/// What makes it instead, where kernels run elsewhere.
extern TensorMap (*elsewhereMap)(const void *data, long long rows, long long columns, long long stride, int boxRows,
                                 int boxColumns);
void bulkCopy(void *to, const TensorMap *map, int column, int row, Word64 *barrier, Where where = Where::current());

// Products of a warpgroup.
Word64 matrixDescriptor(const void *first, int panelBytes, int panelStride);
template <int Blocks> void wgmmaFence(float (&)[Blocks][4], Where where = Where::current()) {
  if (!simt::skipped("wgmmaFence", where))
    host::productFence(where);
}
inline void wgmmaCommit(Where where = Where::current()) {
  if (!simt::skipped("wgmmaCommit", where))
    host::productCommit(where);
}
template <int Left, int Blocks> void wgmmaWait(float (&)[Blocks][4], Where where = Where::current()) {
  if (!simt::skipped("wgmmaWait", where))
    host::productWait(Left, where);
}
template <int N, int First, bool PlainB, int Blocks>
void wgmma(float (&sums)[Blocks][4], Word64 a, Word64 b, Where where = Where::current()) {
  static_assert(First * 8 + N <= Blocks * 8);
  host::productIssue(sums[First], N, nullptr, a, b, PlainB, where);
}
template <int N, int First, bool PlainB, int Blocks>
void wgmma(float (&sums)[Blocks][4], const unsigned (&a)[4], Word64 b, Where where = Where::current()) {
  static_assert(First * 8 + N <= Blocks * 8);
  host::productIssue(sums[First], N, a, 0, b, PlainB, where);
}

/// Registers are not modelled.
template <int Count> void raiseRegisters() {}
template <int Count> void lowerRegisters() {}

} // namespace jepa::device

#endif // JEPA_TEST_SIMT_HOPPERPRIMITIVES_H
