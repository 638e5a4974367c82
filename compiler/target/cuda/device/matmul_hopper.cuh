//===- matmul_hopper.cuh - products by the copy engine and wgmma ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One warpgroup produces: one of its threads tells the copy engine which boxes to
// bring. The others consume, 64 rows each, one product behind the one in flight.
// A stage goes round by two memory barriers: full when its bytes have landed,
// empty when each consuming warp's product of it is done.
//
//===----------------------------------------------------------------------===//
#pragma once

namespace jepa::device {
inline namespace hopper {

/// A matrix of bf16 by its tensor map, whose boxes are Matmul's tiles: 64 columns by `boxRows` rows.
struct Operand {
  TensorMap map;
};

/// result[rows, columns] = A[rows, depth] B, where B is [columns, depth] or, with PlainB, [depth, columns]. Columns and
/// depth are multiples of 8. Launch: grid (ceil(columns / blockColumns), ceil(rows / blockRows)).
template <bool PlainB, int Consumers = 2> struct Matmul {
  static constexpr int threads = (Consumers + 1) * 128, blockRows = Consumers * 64, blockColumns = 128;
  static constexpr int depthStep = 64, stages = 4;
  static constexpr int boxRowsA = blockRows, boxRowsB = PlainB ? depthStep : blockColumns;
  using TileA = Tile<blockRows, depthStep>;
  using TileB = Tile<PlainB ? depthStep : blockColumns, PlainB ? blockColumns : depthStep>;
  struct Shared {
    TileA a[stages];
    TileB b[stages];
    SharedArray<Word64, stages> full, empty;
  };

  template <class T>
  JEPA_DEVICE static void run(Rows<T> result, const Operand &a, const Operand &b, int rows, int columns, int depth) {
    auto &shared = sharedMemory<Shared>();
    int row = blockY() * blockRows, column = blockX() * blockColumns, steps = ceilDivide(depth, depthStep);
    if (threadIndex() == 0) {
      for (int stage = 0; stage < stages; ++stage) {
        mbarrierInit(&shared.full[stage], 1);
        mbarrierInit(&shared.empty[stage], Consumers * 4);
      }
      mbarrierFence();
    }
    syncThreads();
    // The same in all lanes of a warp, which the compiler sees by the shuffle.
    int group = shuffle(warpIndex() / 4, 0);
    if (group == 0) {
      lowerRegisters<Consumers == 1 ? 56 : 40>();
      if (threadIndex() == 0)
        produce(shared, a.map, b.map, row, column, steps);
    } else {
      raiseRegisters<Consumers == 1 ? 256 - 56 : 232>();
      float sums[blockColumns / 8][4];
      clear(sums);
      consume(shared, sums, (group - 1) * 64, steps);
      storeProduct(result, sums, row + (group - 1) * 64, column, rows, columns);
    }
  }

private:
  JEPA_DEVICE static void produce(Shared &shared, const TensorMap &a, const TensorMap &b, int row, int column,
                                  int steps) {
    for (int step = 0; step < steps; ++step) {
      int stage = step % stages, turn = step / stages, k = step * depthStep;
      // The first turn finds all stages empty.
      mbarrierWait(&shared.empty[stage], (turn & 1) ^ 1);
      Word64 *full = &shared.full[stage];
      mbarrierExpect(full, (TileA::rows * TileA::columns + TileB::rows * TileB::columns) * 2);
      bulkCopy(shared.a[stage].at(0, 0), &a, k, row, full);
      if constexpr (PlainB) {
        JEPA_UNROLL
        for (int panel = 0; panel < blockColumns; panel += 64)
          bulkCopy(shared.b[stage].at(0, panel), &b, column + panel, k, full);
      } else {
        bulkCopy(shared.b[stage].at(0, 0), &b, k, column, full);
      }
    }
  }

  JEPA_DEVICE static void consume(Shared &shared, float (&sums)[blockColumns / 8][4], int first, int steps) {
    for (int step = 0; step < steps; ++step) {
      int stage = step % stages;
      mbarrierWait(&shared.full[stage], step / stages & 1);
      wgmmaFence(sums);
      TileRows<TileA> left{shared.a[stage], first};
      if constexpr (PlainB)
        issuePlain(sums, left, shared.b[stage]);
      else
        issueTransposed(sums, left, shared.b[stage]);
      wgmmaCommit();
      wgmmaWait<1>(sums);
      // The warp is done with the stage of the step before.
      if (step > 0 && laneIndex() == 0)
        mbarrierArrive(&shared.empty[(step - 1) % stages]);
    }
    wgmmaWait<0>(sums);
  }
};

} // namespace hopper
} // namespace jepa::device
