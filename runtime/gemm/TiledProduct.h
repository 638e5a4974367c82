//===- TiledProduct.h - a product as tiles, one thread each ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_GEMM_TILEDPRODUCT_H
#define JEPA_RUNTIME_GEMM_TILEDPRODUCT_H

#include "runtime/gemm/Gemm.h"
#include "runtime/gemm/Packing.h"

#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace jepa::rt {

/// A product through oneDNN. Runs as two loops over the pool: (1) op(B) is packed, unless it
/// is or one tile alone uses it; (2) the tiles are multiplied, each by one
/// single-threaded primitive. k is never cut: few rows and columns already make
/// as many tiles as are worth a task.
///
/// oneDNN's fast kernels take dense matrices only (others go to one that
/// allocates its own memory): a tile of C whose rows are longer goes through a
/// dense copy, and so does such a tile of A. Scratch is [packed B][one part per
/// thread: tile of C, tile of A, oneDNN's own].
class TiledProduct final : public Product {
public:
  /// Throws Error when oneDNN refuses the shape or the element types.
  TiledProduct(const jepac_gemm_desc &desc, bool bias);

  std::int64_t scratchBytes(std::int64_t threads) const override {
    return gemmAlignment + packedSize + threads * threadBytes;
  }
  std::int64_t packedBytes() const override { return packing->bytes(); }
  bool run(void *c, const void *a, const void *b, const float *bias, void *scratch,
           const Epilogue &epilogue) const override;
  bool pack(void *packed, const void *b, void *scratch) const override;

private:
  /// Rows and columns of C.
  struct Tile {
    Range rows, columns;
  };
  /// One shape of tile: its layouts and its primitive.
  struct TileKind {
    dnnl_memory_desc_t a, b, bias, c;
    std::unique_ptr<Primitive> matmul;
  };
  using Sizes = std::pair<std::int64_t, std::int64_t>;

  Tile tileAt(std::int64_t index) const;
  std::int64_t tileCount() const { return tiling.rows * tiling.columns; }
  void addKind(const Tile &tile);
  bool multiply(const Tile &tile, char *c, const char *a, const char *b, const float *bias,
                char *own) const;
  const char *gather(const char *a, const Tile &tile, char *copy) const;
  void store(char *c, const char *from, const Tile &tile) const;

  jepac_gemm_desc d;
  bool hasBias;
  bool copiesA; ///< tiles of A go through scratch
  bool staged;  ///< tiles of C go through scratch
  GemmTiling tiling;
  std::optional<PackedMatrix> packing;
  std::int64_t bytesIn, bytesOut;
  std::int64_t packedSize = 0, threadBytes = 0, tileBytesC = 0, tileBytesA = 0;
  std::map<Sizes, TileKind> kinds;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_GEMM_TILEDPRODUCT_H
