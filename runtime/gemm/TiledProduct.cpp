//===- TiledProduct.cpp - a product as tiles, one thread each -------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/gemm/TiledProduct.h"

#include "runtime/core/BFloat16.h"
#include "runtime/core/ThreadPool.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>

using namespace jepa::rt;

/// Part `index` of `parts` nearly equal ones of [0, size), in steps of `unit`.
static Range part(std::int64_t size, std::int64_t parts, std::int64_t index, std::int64_t unit) {
  std::int64_t units = (size + unit - 1) / unit;
  std::int64_t begin = std::min(units * index / parts * unit, size);
  return {begin, std::min(units * (index + 1) / parts * unit, size) - begin};
}

static std::size_t count(std::int64_t bytes) { return static_cast<std::size_t>(bytes); }

//===----------------------------------------------------------------------===//
// What can be prepared
//===----------------------------------------------------------------------===//

TiledProduct::TiledProduct(const jepac_gemm_desc &desc, bool bias)
    : d(desc), hasBias(bias), tiling(gemmTiling(desc)), bytesIn(elementBytes(desc.inputs)),
      bytesOut(elementBytes(desc.result)) {
  if (tiling.packed) {
    packing.emplace(d);
    tiling.packed = d.packedB || d.roundsB || packing->worthwhile();
    if (tiling.packed && !d.packedB)
      packedSize = packing->bytes();
  }
  std::int64_t units = (d.k + PackedMatrix::depthUnit - 1) / PackedMatrix::depthUnit;
  chunk = (units + tiling.depths - 1) / tiling.depths * PackedMatrix::depthUnit;
  tiling.depths = (d.k + chunk - 1) / chunk;
  bool cut = tiling.depths > 1;
  staged = !cut && (tiling.columns > 1 || d.ldc != d.n);
  copiesA = d.transA ? tiling.rows > 1 || d.lda != d.m : cut || d.lda != d.k;
  if (cut)
    partialBytes = alignUp(tiling.depths * d.m * d.n * 4);
  for (std::int64_t tile = 0; tile < tileCount(); ++tile)
    addKind(tileAt(tile));
  std::int64_t work = 0;
  for (const auto &[sizes, kind] : kinds)
    work = std::max(work, static_cast<std::int64_t>(kind.matmul->scratchBytes()));
  threadBytes = tileBytesC + tileBytesA + alignUp(work);
  if (packing)
    threadBytes = std::max(threadBytes, packing->scratchBytes());
}

TiledProduct::Tile TiledProduct::tileAt(std::int64_t index) const {
  std::int64_t column = index % tiling.columns, row = index / tiling.columns % tiling.rows;
  std::int64_t depth = index / tiling.columns / tiling.rows;
  return {part(d.m, tiling.rows, row, 1),
          part(d.n, tiling.columns, column, packing ? packing->columnUnit() : 64),
          {depth * chunk, std::min(chunk, d.k - depth * chunk)},
          depth};
}

void TiledProduct::addKind(const Tile &tile) {
  auto [rows, columns, depth, index] = tile;
  Sizes sizes{rows.size, columns.size, depth.size};
  if (kinds.count(sizes) || rows.size == 0 || columns.size == 0)
    return;
  bool cut = tiling.depths > 1;
  TileKind kind;
  kind.a = plainLayout(rows.size, depth.size, d.transA ? 1 : depth.size, d.transA ? rows.size : 1,
                       d.inputs);
  kind.b = tiling.packed ? packing->partLayout(depth, columns)
                         : plainLayout(depth.size, columns.size, d.transB ? 1 : d.ldb,
                                       d.transB ? d.ldb : 1, d.inputs);
  kind.bias = plainLayout(1, columns.size, columns.size, 1, JEPAC_F32);
  kind.c = plainLayout(rows.size, columns.size, columns.size, 1, cut ? JEPAC_F32 : d.result);
  kind.matmul = makeMatmul(kind.a, kind.b, hasBias && !cut ? &kind.bias : nullptr, kind.c);
  kinds.emplace(sizes, std::move(kind));
  if (staged)
    tileBytesC = std::max(tileBytesC, alignUp(rows.size * columns.size * bytesOut));
  if (copiesA)
    tileBytesA = std::max(tileBytesA, alignUp(rows.size * depth.size * bytesIn));
}

//===----------------------------------------------------------------------===//
// One tile
//===----------------------------------------------------------------------===//

/// The part of A that a tile needs, dense: in place if it is so.
const char *TiledProduct::gather(const char *a, const Tile &tile, char *copy) const {
  const char *from = a + (d.transA ? tile.depth.begin * d.lda + tile.rows.begin
                                   : tile.rows.begin * d.lda + tile.depth.begin) *
                             bytesIn;
  if (!copiesA)
    return from;
  std::int64_t lines = d.transA ? tile.depth.size : tile.rows.size;
  std::int64_t length = (d.transA ? tile.rows.size : tile.depth.size) * bytesIn;
  for (std::int64_t i = 0; i < lines; ++i)
    std::memcpy(copy + i * length, from + i * d.lda * bytesIn, count(length));
  return copy;
}

void TiledProduct::store(char *c, const char *from, const Tile &tile) const {
  std::int64_t length = tile.columns.size * bytesOut;
  char *to = c + (tile.rows.begin * d.ldc + tile.columns.begin) * bytesOut;
  for (std::int64_t i = 0; i < tile.rows.size; ++i)
    std::memcpy(to + i * d.ldc * bytesOut, from + i * length, count(length));
}

/// `b` is the packed B or B as it is.
bool TiledProduct::multiply(const Tile &tile, char *c, const char *a, const char *b,
                            const float *bias, char *partial, char *own) const {
  auto [rows, columns, depth, index] = tile;
  if (rows.size == 0 || columns.size == 0)
    return true;
  const TileKind &kind = kinds.at({rows.size, columns.size, depth.size});
  std::int64_t bOffset = tiling.packed ? packing->partOffset(depth, columns)
                         : d.transB    ? (columns.begin * d.ldb + depth.begin) * bytesIn
                                       : (depth.begin * d.ldb + columns.begin) * bytesIn;
  bool cut = tiling.depths > 1;
  char *out = cut      ? partial + (index * d.m + rows.begin) * d.n * 4
              : staged ? own
                       : c + rows.begin * d.n * bytesOut;
  Primitive::Argument arguments[] = {
      {DNNL_ARG_SRC, &kind.a, gather(a, tile, own + tileBytesC)},
      {DNNL_ARG_WEIGHTS, &kind.b, b + bOffset},
      {DNNL_ARG_DST, &kind.c, out},
      {DNNL_ARG_BIAS, &kind.bias, bias + (bias ? columns.begin : 0)}};
  if (!kind.matmul->run(arguments, bias && !cut ? 4 : 3, own + tileBytesC + tileBytesA))
    return false;
  if (staged)
    store(c, out, tile);
  return true;
}

/// One row of C from the chunks' sums.
void TiledProduct::sumChunks(char *c, const float *partial, const float *bias,
                             std::int64_t row) const {
  constexpr std::int64_t width = 64;
  for (std::int64_t begin = 0; begin < d.n; begin += width) {
    std::int64_t columns = std::min(width, d.n - begin);
    float sum[width];
    for (std::int64_t j = 0; j < columns; ++j)
      sum[j] = bias ? bias[begin + j] : 0.0F;
    for (std::int64_t i = 0; i < tiling.depths; ++i) {
      const float *from = partial + (i * d.m + row) * d.n + begin;
      for (std::int64_t j = 0; j < columns; ++j)
        sum[j] += from[j];
    }
    char *to = c + (row * d.ldc + begin) * bytesOut;
    if (d.result == JEPAC_F32) {
      std::memcpy(to, sum, count(columns * 4));
      continue;
    }
    for (std::int64_t j = 0; j < columns; ++j)
      reinterpret_cast<std::uint16_t *>(to)[j] = floatToBfloat(sum[j]);
  }
}

//===----------------------------------------------------------------------===//
// Runs
//===----------------------------------------------------------------------===//

/// Runs `body(index, thread)` over [0, size) in chunks; false if one call was.
template <class Body> static bool all(std::int64_t size, std::int64_t grain, Body body) {
  std::atomic<bool> good{true};
  try {
    parallelFor(size, grain, [&](std::int64_t begin, std::int64_t end, std::int64_t thread) {
      for (std::int64_t index = begin; index < end; ++index)
        if (!body(index, thread))
          good = false;
    });
  } catch (const std::exception &) {
    return false;
  }
  return good;
}

bool TiledProduct::pack(void *packed, const void *b, void *scratch) const {
  char *parts = alignUp(scratch);
  return all(packing->panels(), 4, [&](std::int64_t panel, std::int64_t thread) {
    return packing->pack(panel, b, packed, parts + thread * threadBytes);
  });
}

bool TiledProduct::run(void *c, const void *a, const void *b, const float *bias,
                       void *scratch) const {
  char *packed = alignUp(scratch), *partial = packed + packedSize, *parts = partial + partialBytes;
  const void *source = b;
  if (tiling.packed && !d.packedB) {
    if (!pack(packed, b, parts))
      return false;
    source = packed;
  }
  bool good = all(tileCount(), 1, [&](std::int64_t tile, std::int64_t thread) {
    return multiply(tileAt(tile), static_cast<char *>(c), static_cast<const char *>(a),
                    static_cast<const char *>(source), bias, partial, parts + thread * threadBytes);
  });
  if (!good || tiling.depths == 1)
    return good;
  constexpr std::int64_t rowsAtOnce = 16;
  return all(d.m, rowsAtOnce, [&](std::int64_t row, std::int64_t) {
    sumChunks(static_cast<char *>(c), reinterpret_cast<const float *>(partial), bias, row);
    return true;
  });
}
