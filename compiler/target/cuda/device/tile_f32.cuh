//===- tile_f32.cuh - tiles of f32, and their products ---------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// For programs in f32, which are checked to the last digits and not fast: the
// products of tile.cuh under the same names, multiply-add by multiply-add, with
// sums where the matrix instructions have them.
//
//===----------------------------------------------------------------------===//
#pragma once

namespace jepa::device {

/// 64 rows that stay in shared memory.
template <class Tile> struct HeldRows {
  Tile *tile;
  int first;
};
template <class Tile> JEPA_DEVICE void load(HeldRows<Tile> &held, TileRows<Tile> from) {
  held.tile = &from.tile;
  held.first = from.first;
}

namespace tiles {
template <class Tile> struct LeftOf<Tile, float> { using Type = HeldRows<Tile>; };
template <class Tile> JEPA_DEVICE Vector<float, 4> quad(Tile &tile, int row, int column) {
  return *reinterpret_cast<Vector<float, 4> *>(tile.at(row, column));
}
} // namespace tiles

template <int Blocks, int N, int K, class Own>
JEPA_DEVICE void multiplyTransposed(float (&sums)[Blocks][4], const HeldRows<Own> &a, Tile<N, K, float> &b) {
  static_assert(N == Blocks * 8 && Own::columns == K);
  for (int k = 0; k < K; k += 4) {
    auto upper = tiles::quad(*a.tile, a.first + sumRow(0), k), lower = tiles::quad(*a.tile, a.first + sumRow(2), k);
    JEPA_UNROLL
    for (int n = 0; n < Blocks; ++n) {
      JEPA_UNROLL
      for (int side = 0; side < 2; ++side) {
        auto right = tiles::quad(b, sumColumn(n, side), k);
        JEPA_UNROLL
        for (int i = 0; i < 4; ++i) {
          sums[n][side] += upper.values[i] * right.values[i];
          sums[n][2 + side] += lower.values[i] * right.values[i];
        }
      }
    }
  }
}
template <int Blocks, int N, int K, class Own>
JEPA_DEVICE void multiplyTransposed(float (&sums)[Blocks][4], const TileRows<Own> &a, Tile<N, K, float> &b) {
  multiplyTransposed(sums, HeldRows<Own>{&a.tile, a.first}, b);
}

template <int Blocks, int K, int N>
JEPA_DEVICE void multiplyPlain(float (&sums)[Blocks][4], const HeldSums<K / 8> &a, Tile<K, N, float> &b) {
  static_assert(N == Blocks * 8);
  JEPA_UNROLL
  for (int k = 0; k < K; ++k) {
    // The lane of the same rows that has column k.
    int owner = laneIndex() / 4 * 4 + k % 8 / 2;
    float upper = shuffle(a.values[k / 8][k % 2], owner), lower = shuffle(a.values[k / 8][2 + k % 2], owner);
    JEPA_UNROLL
    for (int n = 0; n < Blocks; ++n) {
      auto right = *reinterpret_cast<Vector<float, 2> *>(b.at(k, sumColumn(n, 0)));
      JEPA_UNROLL
      for (int side = 0; side < 2; ++side) {
        sums[n][side] += upper * right.values[side];
        sums[n][2 + side] += lower * right.values[side];
      }
    }
  }
}

} // namespace jepa::device
