//===- planted.cu - kernels with and without one fault each ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "tile.cuh"

using namespace jepa::device;

/// Two blocks add to one cell, or each to its own.
JEPA_KERNEL(32) blocks_race(float *to, bool fault) {
  if (threadIndex() == 0)
    to[fault ? 0 : blockX()] += 1.0f;
}

/// A warp reads what another wrote, with a barrier between them or with a shuffle, which orders nothing.
JEPA_KERNEL(64) warps_race(float *to, bool fault) {
  struct Shared {
    SharedArray<float, 64> cells;
  };
  auto &shared = sharedMemory<Shared>();
  shared.cells[threadIndex()] = 1.0f;
  if (fault)
    shuffle(1.0f, 0);
  else
    syncThreads();
  to[threadIndex()] = shared.cells[threadIndex() ^ 32];
}

/// Lanes of a warp exchange through shared memory: that they run in step is no order.
JEPA_KERNEL(32) lanes_race(float *to, bool fault) {
  struct Shared {
    SharedArray<float, 32> cells;
  };
  auto &shared = sharedMemory<Shared>();
  shared.cells[threadIndex()] = 1.0f;
  if (!fault)
    syncWarp();
  to[threadIndex()] = shared.cells[threadIndex() ^ 1];
}

/// One past the end of an array in global memory.
JEPA_KERNEL(32) global_overrun(float *to, bool fault) { to[threadIndex() * 2 + (fault ? 2 : 1)] = 1.0f; }

/// One past the end of an array in shared memory, which another one follows.
JEPA_KERNEL(32) shared_overrun(float *to, bool fault) {
  struct Shared {
    SharedArray<float, 32> cells, others;
  };
  auto &shared = sharedMemory<Shared>();
  shared.cells[threadIndex()] = shared.others[threadIndex()] = 1.0f;
  syncThreads();
  const float *cells = &shared.cells[0];
  to[threadIndex()] = cells[threadIndex() + (fault ? 1 : 0)];
}
