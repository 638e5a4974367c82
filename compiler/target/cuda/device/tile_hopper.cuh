//===- tile_hopper.cuh - the products of tile.cuh by wgmma ----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#pragma once

namespace jepa::device {
inline namespace hopper {

/// Waits for the thread's copies but the youngest `Left` groups, and lets the block's products read what its threads
/// copied and stored.
template <int Left> JEPA_DEVICE void publishTiles() {
  copyWait<Left>();
  fenceAsync();
  syncThreads();
}

namespace tiles {
/// The left operand's part from 16 k on.
template <class Tile> JEPA_DEVICE Word64 leftOperand(TileRows<Tile> a, int k) {
  return matrixDescriptor(a.tile.at(a.first, k * 16), Tile::panel * 2, 0);
}
template <int K> JEPA_DEVICE const unsigned (&leftOperand(const Fragments<K> &a, int k))[4] { return a.r[k]; }

/// One instruction for each panel of B, from `First` on.
template <int First, int Blocks, class A, class Tile>
JEPA_DEVICE void issuePanels(float (&sums)[Blocks][4], const A &a, Tile &b, int k) {
  if constexpr (First < Blocks) {
    Word64 right = matrixDescriptor(b.at(k * 16, First * 8), Tile::panel * 2, 0);
    wgmma<Tile::panel, First, true>(sums, leftOperand(a, k), right);
    issuePanels<First + Tile::panel / 8>(sums, a, b, k);
  }
}
} // namespace tiles

// The products without the fence before them and the commit and wait after them.
template <int Blocks, class A, class Tile>
JEPA_DEVICE void issueTransposed(float (&sums)[Blocks][4], const A &a, Tile &b) {
  static_assert(Tile::rows == Blocks * 8);
  JEPA_UNROLL
  for (int k = 0; k < Tile::columns / 16; ++k)
    wgmma<Blocks * 8, 0, false>(sums, tiles::leftOperand(a, k), matrixDescriptor(b.at(0, k * 16), Tile::panel * 2, 0));
}
template <int Blocks, class A, class Tile> JEPA_DEVICE void issuePlain(float (&sums)[Blocks][4], const A &a, Tile &b) {
  static_assert(Tile::columns == Blocks * 8);
  JEPA_UNROLL
  for (int k = 0; k < Tile::rows / 16; ++k)
    tiles::issuePanels<0>(sums, a, b, k);
}

/// sums[64, N] += A[64, K] B[N, K]^T, B's rows a tile's. A is Fragments<K> or TileRows.
template <int Blocks, class A, int N, int K>
JEPA_DEVICE void multiplyTransposed(float (&sums)[Blocks][4], const A &a, Tile<N, K, bf16> &b) {
  wgmmaFence(sums);
  issueTransposed(sums, a, b);
  wgmmaCommit();
  wgmmaWait<0>(sums);
}

/// sums[64, N] += A[64, K] B[K, N], B a tile.
template <int Blocks, class A, int K, int N>
JEPA_DEVICE void multiplyPlain(float (&sums)[Blocks][4], const A &a, Tile<K, N, bf16> &b) {
  wgmmaFence(sums);
  issuePlain(sums, a, b);
  wgmmaCommit();
  wgmmaWait<0>(sums);
}

} // namespace hopper
} // namespace jepa::device
