//===- layouts.cu - one product of a warpgroup, for its layouts -----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "tile.cuh"

using namespace jepa::device;

/// result[64, N] = A[64, 16] B with B[N, 16], or B[16, N] where plain, brought by the copy engine in panels of `Panel`
/// columns; A from shared memory or from registers.
template <int N, int Depth, bool Plain, bool Registers>
JEPA_DEVICE void layout(float *result, const TensorMap &a, const TensorMap &b) {
  using TileA = Tile<64, Depth>;
  using TileB = Tile<Plain ? Depth : N, Plain ? N : Depth>;
  struct Shared {
    TileA a;
    TileB b;
    SharedArray<Word64, 1> full;
  };
  auto &shared = sharedMemory<Shared>();
  if (threadIndex() == 0) {
    mbarrierInit(&shared.full[0], 1);
    mbarrierFence();
    mbarrierExpect(&shared.full[0], (64 * Depth + N * Depth) * 2);
    for (int c = 0; c < Depth; c += TileA::panel)
      bulkCopy(shared.a.at(0, c), &a, c, 0, &shared.full[0]);
    for (int c = 0; c < TileB::columns; c += TileB::panel)
      bulkCopy(shared.b.at(0, c), &b, c, 0, &shared.full[0]);
  }
  syncThreads();
  mbarrierWait(&shared.full[0], 0);
  float sums[N / 8][4];
  clear(sums);
  TileRows<TileA> left{shared.a, 0};
  Fragments<Depth> fragments;
  load(fragments, left);
  if constexpr (Plain && Registers)
    multiplyPlain(sums, fragments, shared.b);
  else if constexpr (Plain)
    multiplyPlain(sums, left, shared.b);
  else if constexpr (Registers)
    multiplyTransposed(sums, fragments, shared.b);
  else
    multiplyTransposed(sums, left, shared.b);
  for (int n = 0; n < N / 8; ++n)
    for (int i = 0; i < 4; ++i)
      result[sumRow(i) * N + sumColumn(n, i)] = sums[n][i];
}

#define LAYOUT(n, depth, plain, registers)                                                                             \
  JEPA_KERNEL(128)                                                                                                     \
  layout_##n##_##depth##_##plain##_##registers(float *result, const JEPA_GRID_CONSTANT TensorMap a,                    \
                                               const JEPA_GRID_CONSTANT TensorMap b) {                                 \
    layout<n, depth, plain, registers>(result, a, b);                                                                  \
  }

LAYOUT(16, 16, 0, 0)
LAYOUT(32, 32, 0, 1)
LAYOUT(64, 64, 0, 0)
LAYOUT(128, 48, 0, 1)
LAYOUT(16, 64, 1, 1)
LAYOUT(32, 16, 1, 0)
LAYOUT(64, 32, 1, 0)
LAYOUT(128, 64, 1, 1)
LAYOUT(80, 16, 1, 1)
LAYOUT(96, 32, 1, 0)

/// A box of 8 x 64 and what can be wrong about its copy.
JEPA_KERNEL(32) bulk_misuse(const JEPA_GRID_CONSTANT TensorMap map, int fault) {
  struct Shared {
    Tile<16, 64> tile;
    SharedArray<Word64, 2> full;
  };
  auto &shared = sharedMemory<Shared>();
  if (threadIndex() == 0) {
    mbarrierInit(&shared.full[0], 1);
    if (fault != 1)
      mbarrierFence();
    mbarrierExpect(&shared.full[0], fault == 6 ? 2048 : 1024);
    if (fault == 5)
      mbarrierExpect(&shared.full[0], 0);
    void *to = fault == 3 ? shared.tile.at(1, 0) : fault == 4 ? shared.tile.at(0, 0) + 8192 : shared.tile.at(8, 0);
    bulkCopy(to, &map, 0, 0, &shared.full[fault == 2]);
  }
  syncThreads();
  mbarrierWait(&shared.full[0], 0);
}

/// One product and what can be wrong about it.
JEPA_KERNEL(128) wgmma_misuse(float *result, int fault) {
  struct Shared {
    Tile<64, 16> a;
    Tile<16, 16> b;
  };
  auto &shared = sharedMemory<Shared>();
  for (int i = threadIndex(); i < 64 * 16; i += 128)
    *shared.a.at(i / 16, i % 16) = *shared.b.at(i / 16 % 16, i % 16) = fromFloat<bf16>(1.0f);
  fenceAsync();
  syncThreads();
  float sums[2][4];
  clear(sums);
  Word64 a = matrixDescriptor(shared.a.at(0, 0), 32, 0), b = matrixDescriptor(shared.b.at(0, 0), 32, 0);
  if (fault != 1)
    wgmmaFence(sums);
  if (fault == 3 && warpIndex() == 2)
    b = a;
  if (fault == 4 && laneIndex() == 5)
    b = a;
  if (fault == 5)
    b += 1 << 10;
  wgmma<16, 0, false>(sums, a, b);
  wgmmaCommit();
  if (fault != 2)
    wgmmaWait<0>(sums);
  for (int i = 0; i < 4; ++i)
    result[sumRow(i) * 16 + sumColumn(0, i)] = sums[0][i];
}

/// One warp writes, the other reads, and says when it has: full is barrier 1, empty is barrier 2.
JEPA_KERNEL(64) ping(int *seen, int turns) {
  struct Shared {
    SharedArray<int, 32> cells;
  };
  auto &shared = sharedMemory<Shared>();
  for (int turn = 0; turn < turns; ++turn)
    if (warpIndex() == 0) {
      if (turn > 0)
        barrierSync(2, 64);
      shared.cells[laneIndex()] = turn * 100 + laneIndex();
      barrierArrive(1, 64);
    } else {
      barrierSync(1, 64);
      seen[turn * 32 + laneIndex()] = shared.cells[laneIndex()];
      if (turn + 1 < turns)
        barrierArrive(2, 64);
    }
}
