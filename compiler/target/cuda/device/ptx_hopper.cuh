//===- ptx_hopper.cuh - primitives of sm_90a ------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#pragma once

#include "ptx.cuh"

namespace jepa::device {

using Word64 = unsigned long long;

/// Two e4m3, rounded to nearest, ties to even, and to 448 where larger; `low` is the first in memory. Of sm_89.
JEPA_DEVICE unsigned packE4m3(float low, float high) {
  unsigned short pair;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(high), "f"(low));
  return pair;
}

// Memory barriers, in shared memory. A phase ends when `arrivals` threads have arrived and all bytes that were expected
// have landed; then the next one begins. The first phase has parity 0: waiting for the parity 1 of a new barrier
// returns at once.
JEPA_DEVICE void mbarrierInit(Word64 *barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(sharedAddress(barrier)), "r"(arrivals) : "memory");
}
/// Shows the barriers that this thread initialised to the copy engine; other threads see them after a barrier.
JEPA_DEVICE void mbarrierFence() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
JEPA_DEVICE void mbarrierArrive(Word64 *barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(sharedAddress(barrier)) : "memory");
}
/// Arrives, and lets the phase wait for so many bytes more.
JEPA_DEVICE void mbarrierExpect(Word64 *barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(sharedAddress(barrier)), "r"(bytes)
               : "memory");
}
/// Returns once the phase of this parity has ended.
JEPA_DEVICE void mbarrierWait(Word64 *barrier, int parity) {
  asm volatile("{.reg .pred p;\n"
               "again_%=: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n"
               "@!p bra again_%=;}" ::"r"(sharedAddress(barrier)),
               "r"(parity)
               : "memory");
}

/// What this thread wrote to shared memory is seen by wgmma and the copy engine, after a barrier with whoever issues
/// them.
JEPA_DEVICE void fenceAsync() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/// A matrix in global memory that the copy engine knows; the layout of CUtensorMap, made by cuTensorMapEncodeTiled with
/// a swizzle over the box' inner dimension. A kernel's parameter, JEPA_GRID_CONSTANT.
struct alignas(64) TensorMap {
  Word64 words[16];
};
/// Starts copying a box of a matrix, from (row, column) on, to `to`, where a permuted block begins; zeros outside the
/// matrix. Its bytes count at the barrier, which expects them. By one thread.
JEPA_DEVICE void bulkCopy(void *to, const TensorMap *map, int column, int row, Word64 *barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(
          sharedAddress(to)),
      "l"(map), "r"(column), "r"(row), "r"(sharedAddress(barrier))
      : "memory");
}

/// Describes a matrix in shared memory whose rows of `panelBytes` (128, 64 or 32) are permuted; `first` is its first
/// element. `panelStride` is from one panel to the next where a product takes several.
JEPA_DEVICE Word64 matrixDescriptor(const void *first, int panelBytes, int panelStride) {
  Word64 mode = panelBytes == 128 ? 1 : panelBytes == 64 ? 2 : 3;
  return Word64((sharedAddress(first) & 0x3ffff) >> 4) | Word64(panelStride >> 4) << 16 |
         Word64(panelBytes * 8 >> 4) << 32 | mode << 62;
}

namespace detail {
/// The compiler keeps uses of the sums on their side of a fence or wait.
template <int Blocks> JEPA_DEVICE void pin(float (&sums)[Blocks][4]) {
  JEPA_UNROLL
  for (int block = 0; block < Blocks; ++block) {
    JEPA_UNROLL
    for (int i = 0; i < 4; ++i)
      asm volatile("" : "+f"(sums[block][i])::"memory");
  }
}
} // namespace detail

// Asynchronous products of a warpgroup: four warps, beginning at a multiple of four, issue the same ones. Between the
// fence, before the first, and the wait nobody touches the sums or A's registers.
template <int Blocks> JEPA_DEVICE void wgmmaFence(float (&sums)[Blocks][4]) {
  detail::pin(sums);
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
JEPA_DEVICE void wgmmaCommit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
/// Waits for all groups but the youngest `Left`.
template <int Left, int Blocks> JEPA_DEVICE void wgmmaWait(float (&sums)[Blocks][4]) {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Left) : "memory");
  detail::pin(sums);
}

#define JEPA_SUMS_1(b) "+f"(sums[b][0]), "+f"(sums[b][1]), "+f"(sums[b][2]), "+f"(sums[b][3])
#define JEPA_SUMS_2(b) JEPA_SUMS_1(b), JEPA_SUMS_1((b) + 1)
#define JEPA_SUMS_4(b) JEPA_SUMS_2(b), JEPA_SUMS_2((b) + 2)
#define JEPA_SUMS_8(b) JEPA_SUMS_4(b), JEPA_SUMS_4((b) + 4)
#define JEPA_SUMS_16(b) JEPA_SUMS_8(b), JEPA_SUMS_8((b) + 8)

/// sums[64, N] += A[64, 16] B over 16 of k, from block `First` on. A has k along its rows in memory, B[N, k] too; with
/// PlainB it is B[k, N]. A warp's sums and A's registers are those of multiply(), for its 16 rows.
template <int N, int First, bool PlainB, int Blocks>
JEPA_DEVICE void wgmma(float (&sums)[Blocks][4], Word64 a, Word64 b) {
  static_assert(N == 16 || N == 32 || N == 64 || N == 128);
  if constexpr (N == 16)
    asm volatile("{.reg .pred p; setp.ne.b32 p, 1, 0; wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
                 "{%0, %1, %2, %3, %4, %5, %6, %7}, "
                 "%8, %9, p, 1, 1, 0, %10;}"
                 : JEPA_SUMS_2(First)
                 : "l"(a), "l"(b), "n"(int(PlainB)));
  else if constexpr (N == 32)
    asm volatile("{.reg .pred p; setp.ne.b32 p, 1, 0; wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 "
                 "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, "
                 "%16, %17, p, 1, 1, 0, %18;}"
                 : JEPA_SUMS_4(First)
                 : "l"(a), "l"(b), "n"(int(PlainB)));
  else if constexpr (N == 64)
    asm volatile("{.reg .pred p; setp.ne.b32 p, 1, 0; wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
                 "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
                 "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
                 "%32, %33, p, 1, 1, 0, %34;}"
                 : JEPA_SUMS_8(First)
                 : "l"(a), "l"(b), "n"(int(PlainB)));
  else if constexpr (N == 128)
    asm volatile("{.reg .pred p; setp.ne.b32 p, 1, 0; wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 "
                 "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
                 "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
                 "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
                 "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
                 "%64, %65, p, 1, 1, 0, %66;}"
                 : JEPA_SUMS_16(First)
                 : "l"(a), "l"(b), "n"(int(PlainB)));
}
template <int N, int First, bool PlainB, int Blocks>
JEPA_DEVICE void wgmma(float (&sums)[Blocks][4], const unsigned (&a)[4], Word64 b) {
  static_assert(N == 16 || N == 32 || N == 64 || N == 128);
  if constexpr (N == 16)
    asm volatile("{.reg .pred p; setp.ne.b32 p, 1, 0; wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
                 "{%0, %1, %2, %3, %4, %5, %6, %7}, "
                 "{%8, %9, %10, %11}, %12, p, 1, 1, %13;}"
                 : JEPA_SUMS_2(First)
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(int(PlainB)));
  else if constexpr (N == 32)
    asm volatile("{.reg .pred p; setp.ne.b32 p, 1, 0; wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 "
                 "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, "
                 "{%16, %17, %18, %19}, %20, p, 1, 1, %21;}"
                 : JEPA_SUMS_4(First)
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(int(PlainB)));
  else if constexpr (N == 64)
    asm volatile("{.reg .pred p; setp.ne.b32 p, 1, 0; wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
                 "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
                 "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
                 "{%32, %33, %34, %35}, %36, p, 1, 1, %37;}"
                 : JEPA_SUMS_8(First)
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(int(PlainB)));
  else if constexpr (N == 128)
    asm volatile("{.reg .pred p; setp.ne.b32 p, 1, 0; wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 "
                 "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
                 "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
                 "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
                 "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
                 "{%64, %65, %66, %67}, %68, p, 1, 1, %69;}"
                 : JEPA_SUMS_16(First)
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(int(PlainB)));
}

#undef JEPA_SUMS_1
#undef JEPA_SUMS_2
#undef JEPA_SUMS_4
#undef JEPA_SUMS_8
#undef JEPA_SUMS_16

/// Gives a warpgroup more registers to a thread, or takes some away: a multiple of 8, in each of its warps, in kernels
/// that bound their threads and their blocks per multiprocessor.
template <int Count> JEPA_DEVICE void raiseRegisters() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Count));
}
template <int Count> JEPA_DEVICE void lowerRegisters() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Count));
}

} // namespace jepa::device
