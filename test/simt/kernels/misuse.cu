//===- misuse.cu - kernels with one fault each ----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "reduce.cuh"

using namespace jepa::device;

namespace {
struct Scratch {
  SharedArray<float, 4> sums;
  SharedArray<unsigned short, 64> row;
};
} // namespace

/// A row's sum in every thread's cell; which fault, if any, is in `fault`.
JEPA_KERNEL(128) misuse(float *to, const float *from, int fault) {
  auto &shared = sharedMemory<Scratch>();
  float sum = blockSum<4>(from[threadIndex()], shared.sums);
  if (fault == 1 && threadIndex() < 40)
    syncThreads();
  if (fault == 2 && laneIndex() < 16)
    sum = shuffleXor(sum, 1);
  if (fault == 3 && warpIndex() == 0) {
    if (laneIndex() < 16)
      sum = shuffleXor(sum, 1);
    else
      sum = shuffle(sum, 3);
  }
  if (fault == 4 && laneIndex() < 16)
    sum = shuffle(sum, 20, 0xffff);
  if (fault == 5)
    copyAsync16(&shared.row[1], from);
  if (fault == 6)
    copyAsync16(&shared.row[0], from);
  if (fault == 7) {
    unsigned r[4];
    loadMatrix(r, &shared.row[laneIndex() % 8]);
  }
  if (fault == 8)
    barrierSync(1, threadIndex() < 32 ? 64 : 128);
  if (fault == 9 && threadIndex() < 32)
    barrierArrive(2, 64);
  if (fault == 10)
    barrierSync(3, 40);
  to[threadIndex()] = sum;
}

/// Half warps shuffle on their own, a third of the lanes votes.
JEPA_KERNEL(32) divergent(float *to) {
  float value = static_cast<float>(laneIndex());
  unsigned half = laneIndex() < 16 ? 0xffffu : 0xffff0000u;
  if (laneIndex() < 16)
    value += shuffleXor(value, 8, half);
  else
    value += shuffle(value, 31, half);
  to[laneIndex()] = value + static_cast<float>(ballot(laneIndex() % 3 == 0) & 0xff) * 100.0f;
}

/// Every register of every fragment, for layouts: A (16 x 16), B (16 x 8) and what ldmatrix gives.
JEPA_KERNEL(32) fragments(float *product, unsigned *plain, unsigned *transposed, const bf16 *a, const bf16 *b) {
  struct Matrices {
    SharedArray<bf16, 256> a;
    SharedArray<bf16, 128> b;
  };
  auto &shared = sharedMemory<Matrices>();
  for (int i = laneIndex(); i < 256; i += 32)
    shared.a[i] = a[i];
  for (int i = laneIndex(); i < 128; i += 32)
    shared.b[i] = b[i];
  syncWarp();
  unsigned left[4], right[4];
  loadMatrix(left, &shared.a[laneIndex() % 16 * 16 + laneIndex() / 16 * 8]);
  loadMatrixTransposed(right, &shared.b[laneIndex() % 16 * 8]);
  float sums[4] = {};
  multiply(sums, left, right[0], right[1]);
  for (int i = 0; i < 4; ++i) {
    product[(laneIndex() / 4 + i / 2 * 8) * 8 + laneIndex() % 4 * 2 + i % 2] = sums[i];
    plain[laneIndex() * 4 + i] = left[i];
    transposed[laneIndex() * 4 + i] = right[i];
  }
}
