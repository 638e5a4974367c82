//===- ptx.cuh - primitives of sm_80 and later ----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One function to an instruction, with what it means. Lanes are those of the
// calling warp; a collective is called by all of its lanes.
//
//===----------------------------------------------------------------------===//
#pragma once

extern __shared__ __align__(1024) unsigned char jepaSharedMemory[];

namespace jepa::device {

// Places: threads of a block are numbered in one dimension.
JEPA_DEVICE int threadIndex() { return static_cast<int>(threadIdx.x); }
JEPA_DEVICE int laneIndex() { return static_cast<int>(threadIdx.x % 32); }
JEPA_DEVICE int warpIndex() { return static_cast<int>(threadIdx.x / 32); }
JEPA_DEVICE int blockX() { return static_cast<int>(blockIdx.x); }
JEPA_DEVICE int blockY() { return static_cast<int>(blockIdx.y); }
JEPA_DEVICE int blockZ() { return static_cast<int>(blockIdx.z); }
JEPA_DEVICE int gridX() { return static_cast<int>(gridDim.x); }

/// A block's shared memory, which the launch gave sizeof(Shared) bytes. A kernel has one type of it.
template <class Shared> JEPA_DEVICE Shared &sharedMemory() { return *reinterpret_cast<Shared *>(jepaSharedMemory); }
JEPA_DEVICE unsigned sharedAddress(const void *p) { return static_cast<unsigned>(__cvta_generic_to_shared(p)); }

// Barriers order the memory accesses of the threads that meet. Named barriers 1 to 15 are met by `threads` of a block,
// a multiple of 32; who only arrives does not wait.
JEPA_DEVICE void syncThreads() { __syncthreads(); }
JEPA_DEVICE void syncWarp() { __syncwarp(); }
JEPA_DEVICE void barrierSync(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
JEPA_DEVICE void barrierArrive(int id, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

// The value of lane (own number xor `lanes`), or of `lane`. They order no memory.
template <class T> JEPA_DEVICE T shuffleXor(T value, int lanes, unsigned mask = ~0u) {
  return __shfl_xor_sync(mask, value, lanes);
}
template <class T> JEPA_DEVICE T shuffle(T value, int lane, unsigned mask = ~0u) {
  return __shfl_sync(mask, value, lane);
}
JEPA_DEVICE unsigned ballot(bool predicate, unsigned mask = ~0u) { return __ballot_sync(mask, predicate); }

/// sums += A B with A 16 x 16 and B 16 x 8 of bf16, on m16n8k16 fragments. With row = lane / 4 and column = lane % 4 *
/// 2: a[r] holds A[row + r % 2 * 8][column + r / 2 * 8] and its right neighbour, b0 holds B[column][row] and the one
/// below, b1 the same 8 rows down, sums[i] is C[row + i / 2 * 8][column + i % 2].
JEPA_DEVICE void multiply(float (&sums)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
               "{%0, %1, %2, %3};"
               : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// Four 8 x 8 matrices of 16-bit elements from shared memory: lane 8 i + j gives the address of row j of matrix i,
/// aligned to 16 bytes; r[i] gets elements [lane / 4][lane % 4 * 2] and [..][.. + 1] of matrix i. Transposed: of its
/// transpose.
JEPA_DEVICE void loadMatrix(unsigned (&r)[4], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(sharedAddress(row))
               : "memory");
}
JEPA_DEVICE void loadMatrixTransposed(unsigned (&r)[4], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(sharedAddress(row))
               : "memory");
}

/// Copies 16 bytes from global to shared memory, or zeros where not `valid`, some time before the thread has waited for
/// the group. Both addresses are aligned to 16 bytes and legal in either case.
JEPA_DEVICE void copyAsync16(void *to, const void *from, bool valid = true) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(sharedAddress(to)), "l"(from), "r"(valid ? 16 : 0)
               : "memory");
}
/// The thread's copies since the last commit become a group.
JEPA_DEVICE void copyCommit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until all of the thread's groups but the youngest `Left` have landed. Other threads see them after a barrier.
template <int Left> JEPA_DEVICE void copyWait() { asm volatile("cp.async.wait_group %0;" ::"n"(Left) : "memory"); }

namespace detail {
/// The built-in vector of a size.
template <int Bytes> struct Word;
template <> struct Word<16> { using Type = uint4; };
template <> struct Word<8> { using Type = uint2; };
template <> struct Word<4> { using Type = unsigned; };
template <> struct Word<2> { using Type = unsigned short; };
template <> struct Word<1> { using Type = unsigned char; };
template <class V> using WordOf = typename Word<sizeof(V)>::Type;
} // namespace detail

/// One load of a vector that nobody writes while the kernel runs.
template <class V> JEPA_DEVICE V loadGlobal(const V *address) {
  auto word = __ldg(reinterpret_cast<const detail::WordOf<V> *>(address));
  return *reinterpret_cast<V *>(&word);
}
/// The same for one that is read once.
template <class V> JEPA_DEVICE V loadStreaming(const V *address) {
  auto word = __ldcs(reinterpret_cast<const detail::WordOf<V> *>(address));
  return *reinterpret_cast<V *>(&word);
}
template <class V> JEPA_DEVICE void storeStreaming(V *address, const V &value) {
  __stcs(reinterpret_cast<detail::WordOf<V> *>(address), *reinterpret_cast<const detail::WordOf<V> *>(&value));
}

/// Two bf16, rounded to nearest, ties to even; `low` is the first in memory.
JEPA_DEVICE unsigned packBf16(float low, float high) {
  unsigned pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}
JEPA_DEVICE float bitsToFloat(unsigned bits) { return __uint_as_float(bits); }
JEPA_DEVICE unsigned floatToBits(float x) { return __float_as_uint(x); }
/// 2^x and log2 x, to about 2 units in the last place; subnormal numbers count as zero.
JEPA_DEVICE float exp2Fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
JEPA_DEVICE float log2Fast(float x) {
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
/// 1 / x, to one unit in the last place; 1 / the root of x, to two.
JEPA_DEVICE float reciprocalFast(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
JEPA_DEVICE float inverseSqrt(float x) { return rsqrtf(x); }

} // namespace jepa::device
