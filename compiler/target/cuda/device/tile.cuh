//===- tile.cuh - matrices of bf16 in shared memory, and products of them ---===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A tile's columns are cut into panels of 64, 32 or 16; a panel's rows stand one
// after the other and their chunks of 16 bytes are permuted as the copy engine
// and wgmma do it in their modes of 128, 64 and 32 bytes: chunk c of the row
// that begins at byte b becomes chunk c xor (b / 128 modulo the row's chunks).
// So eight rows of a column lie in different banks, whatever reads them.
//
// Products are called by the four warps of a warpgroup together and concern 64
// rows: warp w has rows 16 w to 16 w + 15, as fragments of multiply(). With
// JEPA_HOPPER the same names are wgmma (tile_hopper.cuh).
//
//===----------------------------------------------------------------------===//
#pragma once

#include "types.cuh"

namespace jepa::device {

template <int Rows, int Columns, class T = bf16> struct Tile {
  static_assert(Rows % 8 == 0 && Columns % 16 == 0, "a tile has whole permuted blocks");
  using Element = T;
  static constexpr int rows = Rows, columns = Columns;
  static constexpr int panel = Columns % 64 == 0 ? 64 : Columns % 32 == 0 ? 32 : 16;
  SharedArray<T, Rows * Columns, 1024> elements;

  JEPA_DEVICE T *at(int row, int column) {
    // Numbers of four bytes are nobody's but ours: any permutation of chunks does.
    if constexpr (sizeof(T) == 4)
      return &elements[row * Columns + (column ^ (row & 3) << 2)];
    int offset = column / panel * Rows * panel + row * panel + column % panel;
    return &elements[offset ^ (offset >> 6 & (panel / 8 - 1)) << 3];
  }
};

/// Starts copying tokens [first, first + Tile::rows) of a sequence into a tile, by `Threads` threads; zeros where there
/// are no more tokens and right of `Width`. The caller commits.
template <int Width, int Threads, class Tile, class Sequence>
JEPA_DEVICE void copyRows(Tile &tile, Rows<const typename Tile::Element> from, const Sequence &sequence, int first,
                          int thread) {
  constexpr int chunk = 16 / sizeof(typename Tile::Element), chunks = Tile::columns / chunk;
  static_assert(Width % chunk == 0 && Width <= Tile::columns);
  for (int i = thread; i < Tile::rows * chunks; i += Threads) {
    int row = i / chunks, column = i % chunks * chunk, token = first + row;
    bool valid = token < sequence.count && column < Width;
    auto *source = from.data + (valid ? static_cast<long long>(sequence.row(token)) * from.stride + column : 0);
    copyAsync16(tile.at(row, column), source, valid);
  }
}

/// 16 rows of A by K columns, in a warp's registers.
template <int K> struct Fragments { unsigned r[K / 16][4]; };

/// Sums of f32 as the left operand of the next product.
template <int Blocks> struct HeldSums { float values[Blocks][4]; };

/// 64 rows of a tile as the left operand of a product.
template <class Tile> struct TileRows {
  Tile &tile;
  int first;
};

/// The warp's share of 64 rows of a tile.
template <class Tile> JEPA_DEVICE void load(Fragments<Tile::columns> &a, TileRows<Tile> from) {
  int row = from.first + warpIndex() % 4 * 16 + laneIndex() % 16;
  JEPA_UNROLL
  for (int k = 0; k < Tile::columns / 16; ++k)
    loadMatrix(a.r[k], from.tile.at(row, k * 16 + laneIndex() / 16 * 8));
}

namespace tiles {
template <class Tile, class T> struct LeftOf;
template <class Tile> struct LeftOf<Tile, bf16> { using Type = Fragments<Tile::columns>; };
} // namespace tiles
/// What a warp keeps of 64 rows of a tile, by load().
template <class Tile> using LeftOperand = typename tiles::LeftOf<Tile, typename Tile::Element>::Type;

/// Sums of a product, rounded to T, as the left operand of the next one.
template <class T, int Blocks> JEPA_DEVICE auto toLeftOperand(const float (&sums)[Blocks][4]) {
  if constexpr (sizeof(T) == 4) {
    HeldSums<Blocks> a;
    JEPA_UNROLL
    for (int n = 0; n < Blocks; ++n) {
      JEPA_UNROLL
      for (int i = 0; i < 4; ++i)
        a.values[n][i] = sums[n][i];
    }
    return a;
  } else {
    Fragments<Blocks * 8> a;
    JEPA_UNROLL
    for (int k = 0; k < Blocks / 2; ++k) {
      JEPA_UNROLL
      for (int r = 0; r < 4; ++r)
        a.r[k][r] = packBf16(sums[2 * k + r / 2][r % 2 * 2], sums[2 * k + r / 2][r % 2 * 2 + 1]);
    }
    return a;
  }
}

/// The row (of 64) and column of sums[block][i] in the calling thread.
JEPA_DEVICE int sumRow(int i) { return warpIndex() % 4 * 16 + laneIndex() / 4 + i / 2 * 8; }
JEPA_DEVICE int sumColumn(int block, int i) { return block * 8 + laneIndex() % 4 * 2 + i % 2; }

template <int Blocks> JEPA_DEVICE void clear(float (&sums)[Blocks][4]) {
  JEPA_UNROLL
  for (int block = 0; block < Blocks; ++block) {
    JEPA_UNROLL
    for (int i = 0; i < 4; ++i)
      sums[block][i] = 0.0f;
  }
}

} // namespace jepa::device

#include "tile_f32.cuh"
#ifdef JEPA_HOPPER
#include "tile_hopper.cuh"
#else
namespace jepa::device {
inline namespace portable {

/// Waits for the thread's copies but the youngest `Left` groups, and lets the block's products read what its threads
/// copied and stored.
template <int Left> JEPA_DEVICE void publishTiles() {
  copyWait<Left>();
  syncThreads();
}

namespace tiles {
/// sums += A B over 16 of K, with B's fragments of 16 columns each from `loadB(b, column)`.
template <int Blocks, class LoadB>
JEPA_DEVICE void multiplyStep(float (&sums)[Blocks][4], const unsigned (&a)[4], LoadB loadB) {
  JEPA_UNROLL
  for (int n = 0; n < Blocks / 2; ++n) {
    unsigned b[4];
    loadB(b, n * 16);
    multiply(sums[2 * n], a, b[0], b[1]);
    multiply(sums[2 * n + 1], a, b[2], b[3]);
  }
}
template <class Tile> JEPA_DEVICE void loadStep(unsigned (&a)[4], TileRows<Tile> from, int k) {
  loadMatrix(a, from.tile.at(from.first + warpIndex() % 4 * 16 + laneIndex() % 16, k * 16 + laneIndex() / 16 * 8));
}
template <int K> JEPA_DEVICE void loadStep(unsigned (&a)[4], const Fragments<K> &from, int k) {
  JEPA_UNROLL
  for (int r = 0; r < 4; ++r)
    a[r] = from.r[k][r];
}
} // namespace tiles

/// sums[64, N] += A[64, K] B[N, K]^T, B's rows a tile's. A is Fragments<K> or TileRows.
template <int Blocks, class A, int N, int K>
JEPA_DEVICE void multiplyTransposed(float (&sums)[Blocks][4], const A &a, Tile<N, K, bf16> &b) {
  static_assert(N == Blocks * 8);
  int row = laneIndex() % 8 + laneIndex() / 16 * 8, column = laneIndex() / 8 % 2 * 8;
  JEPA_UNROLL
  for (int k = 0; k < K / 16; ++k) {
    unsigned left[4];
    tiles::loadStep(left, a, k);
    tiles::multiplyStep(sums, left,
                         [&](unsigned(&right)[4], int n) { loadMatrix(right, b.at(n + row, k * 16 + column)); });
  }
}

/// sums[64, N] += A[64, K] B[K, N], B a tile.
template <int Blocks, class A, int K, int N>
JEPA_DEVICE void multiplyPlain(float (&sums)[Blocks][4], const A &a, Tile<K, N, bf16> &b) {
  static_assert(N == Blocks * 8);
  int row = laneIndex() % 16, column = laneIndex() / 16 * 8;
  JEPA_UNROLL
  for (int k = 0; k < K / 16; ++k) {
    unsigned left[4];
    tiles::loadStep(left, a, k);
    tiles::multiplyStep(
        sums, left, [&](unsigned(&right)[4], int n) { loadMatrixTransposed(right, b.at(k * 16 + row, n + column)); });
  }
}

} // namespace portable
} // namespace jepa::device
#endif
