//===- TiledProduct.cpp - a product as tiles, one thread each -------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/gemm/TiledProduct.h"

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
  staged = tiling.columns > 1 || d.ldc != d.n;
  copiesA = d.transA ? tiling.rows > 1 || d.lda != d.m : d.lda != d.k;
  for (std::int64_t tile = 0; tile < tileCount(); ++tile)
    addKind(tileAt(tile));
  std::int64_t work = 0;
  for (const auto &[sizes, kind] : kinds)
    work = std::max(work, static_cast<std::int64_t>(kind.matmul->scratchBytes()));
  threadBytes = tileBytesC + tileBytesA + alignUp(work);
  if (packing)
    threadBytes = std::max(threadBytes, packing->scratchBytes());
  threadBytes += threadGap;
}

TiledProduct::Tile TiledProduct::tileAt(std::int64_t index) const {
  std::int64_t column = index % tiling.columns, row = index / tiling.columns;
  return {part(d.m, tiling.rows, row, 1), part(d.n, tiling.columns, column, packing ? packing->columnUnit() : 64)};
}

void TiledProduct::addKind(const Tile &tile) {
  auto [rows, columns] = tile;
  Sizes sizes{rows.size, columns.size};
  if (kinds.count(sizes) || rows.size == 0 || columns.size == 0)
    return;
  TileKind kind;
  kind.a = plainLayout(rows.size, d.k, d.transA ? 1 : d.k, d.transA ? rows.size : 1, d.inputs);
  kind.b = tiling.packed ? packing->partLayout({0, d.k}, columns)
                         : plainLayout(d.k, columns.size, d.transB ? 1 : d.ldb, d.transB ? d.ldb : 1, d.inputs);
  kind.bias = plainLayout(1, columns.size, columns.size, 1, JEPAC_F32);
  kind.c = plainLayout(rows.size, columns.size, columns.size, 1, d.result);
  kind.matmul = makeMatmul(kind.a, kind.b, hasBias ? &kind.bias : nullptr, kind.c);
  kinds.emplace(sizes, std::move(kind));
  if (staged)
    tileBytesC = std::max(tileBytesC, alignUp(rows.size * columns.size * bytesOut));
  if (copiesA)
    tileBytesA = std::max(tileBytesA, alignUp(rows.size * d.k * bytesIn));
}

//===----------------------------------------------------------------------===//
// One tile
//===----------------------------------------------------------------------===//

/// The part of A that a tile needs, dense: in place if it is so.
const char *TiledProduct::gather(const char *a, const Tile &tile, char *copy) const {
  const char *from = a + tile.rows.begin * (d.transA ? 1 : d.lda) * bytesIn;
  if (!copiesA)
    return from;
  std::int64_t lines = d.transA ? d.k : tile.rows.size;
  std::int64_t length = (d.transA ? tile.rows.size : d.k) * bytesIn;
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
bool TiledProduct::multiply(const Tile &tile, char *c, const char *a, const char *b, const float *bias,
                            char *own) const {
  auto [rows, columns] = tile;
  if (rows.size == 0 || columns.size == 0)
    return true;
  const TileKind &kind = kinds.at({rows.size, columns.size});
  std::int64_t bOffset =
      tiling.packed ? packing->partOffset({0, d.k}, columns) : columns.begin * (d.transB ? d.ldb : 1) * bytesIn;
  char *out = staged ? own : c + rows.begin * d.n * bytesOut;
  Primitive::Argument arguments[] = {{DNNL_ARG_SRC, &kind.a, gather(a, tile, own + tileBytesC)},
                                     {DNNL_ARG_WEIGHTS, &kind.b, b + bOffset},
                                     {DNNL_ARG_DST, &kind.c, out},
                                     {DNNL_ARG_BIAS, &kind.bias, bias + (bias ? columns.begin : 0)}};
  if (!kind.matmul->run(arguments, bias ? 4 : 3, own + tileBytesC + tileBytesA))
    return false;
  if (staged)
    store(c, out, tile);
  return true;
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

bool TiledProduct::run(void *c, const void *a, const void *b, const float *bias, void *scratch,
                       const Epilogue &epilogue) const {
  char *packed = alignUp(scratch), *parts = packed + packedSize;
  const void *source = b;
  if (tiling.packed && !d.packedB) {
    if (!pack(packed, b, parts))
      return false;
    source = packed;
  }
  return all(tileCount(), 1, [&](std::int64_t index, std::int64_t thread) {
    Tile tile = tileAt(index);
    bool good = multiply(tile, static_cast<char *>(c), static_cast<const char *>(a),
                         static_cast<const char *>(source), bias, parts + thread * threadBytes);
    if (good)
      epilogue.finish(tile.rows, tile.columns, thread);
    return good;
  });
}
