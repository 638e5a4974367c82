//===- races.cu - kernels with and without one race each ------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "tile.cuh"

using namespace jepa::device;

/// Two blocks add to one cell, or each to its own.
JEPA_KERNEL(32) blocks_race(float *to, bool race) {
  if (threadIndex() == 0)
    to[race ? 0 : blockX()] += 1.0f;
}

/// A warp reads what another wrote, with a barrier between them or with a shuffle, which orders nothing.
JEPA_KERNEL(64) warps_race(float *to, bool race) {
  struct Shared {
    SharedArray<float, 64> cells;
  };
  auto &shared = sharedMemory<Shared>();
  shared.cells[threadIndex()] = 1.0f;
  if (race)
    shuffle(1.0f, 0);
  else
    syncThreads();
  to[threadIndex()] = shared.cells[threadIndex() ^ 32];
}

/// Lanes of a warp exchange through shared memory: that they run in step is no order.
JEPA_KERNEL(32) lanes_race(float *to, bool race) {
  struct Shared {
    SharedArray<float, 32> cells;
  };
  auto &shared = sharedMemory<Shared>();
  shared.cells[threadIndex()] = 1.0f;
  if (!race)
    syncWarp();
  to[threadIndex()] = shared.cells[threadIndex() ^ 1];
}
