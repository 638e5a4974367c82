//===- matmul.cuh - products of matrices in global memory -----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// For the few products that the GEMM library has no epilogue for, and as the
// plainest user of tiles. The generated source is the same on both paths: an
// Operand is rows in memory, or what the copy engine knows of them.
//
// Portable: 128 threads have 64 x 64 of the result; three stages of tiles, two of
// them on their way by cp.async. Hopper: see matmul_hopper.cuh.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "tile.cuh"

namespace jepa::device {

/// Stores a warpgroup's sums as rows [row, row + 64) and columns from `column` on, as far as the result goes.
template <int Blocks, class T>
JEPA_DEVICE void storeProduct(Rows<T> to, const float (&sums)[Blocks][4], int row, int column, int rows, int columns) {
  JEPA_UNROLL
  for (int half = 0; half < 2; ++half) {
    int own = row + sumRow(half * 2);
    if (own >= rows)
      continue;
    T *line = to.data + static_cast<long long>(own) * to.stride;
    JEPA_UNROLL
    for (int n = 0; n < Blocks; ++n)
      if (column + sumColumn(n, 0) < columns) {
        float pair[2] = {sums[n][half * 2], sums[n][half * 2 + 1]};
        store(line + column + sumColumn(n, 0), pair);
      }
  }
}
} // namespace jepa::device

#ifdef JEPA_HOPPER
#include "matmul_hopper.cuh"
#else
namespace jepa::device {
inline namespace portable {

using Operand = Rows<const bf16>;

/// result[rows, columns] = A[rows, depth] B, where B is [columns, depth] or, with PlainB, [depth, columns]. Columns and
/// depth are multiples of 8. Launch: grid (ceil(columns / blockColumns), ceil(rows / blockRows)).
template <bool PlainB> struct Matmul {
  static constexpr int threads = 128, blockRows = 64, blockColumns = 64, depthStep = 64, stages = 3;
  struct Shared {
    Tile<blockRows, depthStep> a[stages];
    Tile<64, 64> b[stages];
  };

  template <class T>
  JEPA_DEVICE static void run(Rows<T> result, const Operand &a, const Operand &b, int rows, int columns, int depth) {
    auto &shared = sharedMemory<Shared>();
    int row = blockY() * blockRows, column = blockX() * blockColumns, steps = ceilDivide(depth, depthStep);
    auto fetch = [&](int step) {
      if (step < steps) {
        int k = step * depthStep;
        copyBlock(shared.a[step % stages], a, row, k, rows, depth);
        if constexpr (PlainB)
          copyBlock(shared.b[step % stages], b, k, column, depth, columns);
        else
          copyBlock(shared.b[step % stages], b, column, k, columns, depth);
      }
      copyCommit();
    };
    float sums[blockColumns / 8][4];
    clear(sums);
    for (int stage = 0; stage < stages - 1; ++stage)
      fetch(stage);
    for (int step = 0; step < steps; ++step) {
      // After this barrier all threads are done with the tile of the step before, which the next copies overwrite.
      publishTiles<stages - 2>();
      fetch(step + stages - 1);
      auto left = TileRows<Tile<blockRows, depthStep>>{shared.a[step % stages], 0};
      if constexpr (PlainB)
        multiplyPlain(sums, left, shared.b[step % stages]);
      else
        multiplyTransposed(sums, left, shared.b[step % stages]);
    }
    storeProduct(result, sums, row, column, rows, columns);
  }

private:
  /// Starts copying 64 x 64 from (row, column) on, with zeros outside the matrix.
  JEPA_DEVICE static void copyBlock(Tile<64, 64> &tile, const Operand &from, int row, int column, int rows,
                                    int columns) {
    for (int i = threadIndex(); i < 64 * 8; i += threads) {
      int r = row + i / 8, c = column + i % 8 * 8;
      bool valid = r < rows && c < columns;
      copyAsync16(tile.at(i / 8, i % 8 * 8), from.data + (valid ? static_cast<long long>(r) * from.stride + c : 0),
                  valid);
    }
  }
};

} // namespace portable
} // namespace jepa::device
#endif
