//===- Gemm.cpp - matrix products of f32 through oneDNN -------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A call has two loops over the pool: (1) op(B) is packed into the layout that
// oneDNN prefers, panel by panel; (2) the tiles are multiplied, each by one
// single-threaded primitive. oneDNN's fast kernels take dense matrices only
// (others go to one that allocates its own memory): a tile of C whose rows are
// longer goes through a dense copy, and so does such a tile of A. Scratch is
// [packed B][one part per thread: tile of C, tile of A, oneDNN's own].
//
//===----------------------------------------------------------------------===//
#include "runtime/gemm/Gemm.h"

#include "runtime/core/Error.h"
#include "runtime/core/ThreadPool.h"

#ifndef JEPAC_WITH_ONEDNN

void jepa::rt::requireOneDnn() {
  throw Error("this runtime was built without oneDNN; install libdnnl-dev and build it again");
}

std::int64_t jepa::rt::gemmScratchBytes(const jepac_gemm_desc &, std::int64_t) {
  requireOneDnn();
  return 0;
}

extern "C" int64_t jepac_gemm_scratch_bytes(const jepac_gemm_desc *, int64_t) { return -1; }

extern "C" void jepac_gemm_f32(const jepac_gemm_desc *d, float *c, const float *a, const float *b,
                               const float *bias, void *) {
  jepa::rt::gemmByLoops(*d, c, a, b, bias);
}

#else

#include "runtime/gemm/OneDnn.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <shared_mutex>
#include <tuple>

using namespace jepa::rt;

namespace {

constexpr std::int64_t alignment = 128;
std::int64_t alignUp(std::int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

/// A packing panel. Its source is first copied with a row stride that is no
/// power of two: read in place, rows of 1024 floats fall into the same few cache
/// lines and the transposition runs at a quarter of its speed.
constexpr std::int64_t panelDepth = 256, panelStride = panelDepth + 16;

dnnl_memory_desc_t dense(std::int64_t rows, std::int64_t columns, std::int64_t rowStride,
                         std::int64_t columnStride) {
  dnnl_dims_t sizes{rows, columns}, strides{rowStride, columnStride};
  dnnl_memory_desc_t layout;
  checkOneDnn(OneDnn::get().memory_desc_init_by_strides(&layout, 2, sizes, dnnl_f32, strides),
              "a matrix's layout");
  return layout;
}

/// Part `index` of `parts` nearly equal ones of [0, size), in steps of `unit`.
struct Range {
  std::int64_t begin, size;
};
Range part(std::int64_t size, std::int64_t parts, std::int64_t index, std::int64_t unit) {
  std::int64_t units = (size + unit - 1) / unit;
  std::int64_t begin = std::min(units * index / parts * unit, size);
  return {begin, std::min(units * (index + 1) / parts * unit, size) - begin};
}

/// One shape of tile: its layouts and its primitive.
struct TileKind {
  dnnl_memory_desc_t a, b, bias, c;
  std::unique_ptr<Primitive> matmul;
};

/// One shape of packing panel.
struct PanelKind {
  dnnl_memory_desc_t from, to;
  std::unique_ptr<Primitive> reorder;
};

/// Everything about a shape that can be prepared. Immutable, shared by threads.
class Product {
public:
  Product(const jepac_gemm_desc &desc, bool bias);
  std::int64_t scratchBytes(std::int64_t threads) const {
    return alignment + packedBytes + threads * threadBytes;
  }
  void run(float *c, const float *a, const float *b, const float *bias, void *scratch) const;

private:
  using Sizes = std::pair<std::int64_t, std::int64_t>;
  void addTile(Range rows, Range columns, const dnnl_memory_desc_t *packedB);
  void preparePacking();
  dnnl_memory_desc_t panelOf(Range depth, Range columns) const;
  bool pack(std::int64_t panel, const float *b, float *packed, char *own) const;
  bool multiply(std::int64_t tile, float *c, const float *a, const float *b, const float *bias,
                char *own) const;
  const float *gather(const float *a, Range rows, float *copy) const;
  void store(float *c, const float *tile, Range rows, Range columns) const;

  jepac_gemm_desc d;
  bool hasBias;
  bool copiesA; ///< tiles of A go through scratch
  bool staged;  ///< tiles of C go through scratch
  GemmTiling tiling;
  dnnl_memory_desc_t packedLayout{};
  std::int64_t packedBytes = 0, threadBytes = 0, tileBytesC = 0, tileBytesA = 0;
  std::int64_t panelColumns = 64, panels = 0, panelsDeep = 0;
  std::map<Sizes, TileKind> tiles;
  std::map<Sizes, PanelKind> panelKinds;
};

Product::Product(const jepac_gemm_desc &desc, bool bias)
    : d(desc), hasBias(bias), tiling(gemmTiling(desc)) {
  staged = tiling.columns > 1 || d.ldc != d.n;
  copiesA = d.transA ? tiling.rows > 1 || d.lda != d.m : d.lda != d.k;
  if (tiling.packed)
    preparePacking();
  for (std::int64_t i = 0; i < tiling.rows; ++i)
    for (std::int64_t j = 0; j < tiling.columns; ++j)
      addTile(part(d.m, tiling.rows, i, 1), part(d.n, tiling.columns, j, panelColumns),
              tiling.packed ? &packedLayout : nullptr);
  std::int64_t work = 0;
  for (const auto &[sizes, kind] : tiles)
    work = std::max<std::int64_t>(work, static_cast<std::int64_t>(kind.matmul->scratchBytes()));
  threadBytes = tileBytesC + tileBytesA + alignUp(work);
  if (tiling.packed) {
    std::int64_t panel = panelColumns * panelStride * 4;
    for (const auto &[sizes, kind] : panelKinds)
      threadBytes = std::max(threadBytes, alignUp(panel) + alignUp(static_cast<std::int64_t>(
                                                               kind.reorder->scratchBytes())));
  }
}

/// The layout of a panel of the packed B, starting at its own first element.
dnnl_memory_desc_t Product::panelOf(Range depth, Range columns) const {
  dnnl_dims_t sizes{depth.size, columns.size}, offsets{depth.begin, columns.begin};
  dnnl_memory_desc_t layout;
  checkOneDnn(OneDnn::get().memory_desc_init_submemory(&layout, &packedLayout, sizes, offsets),
              "a panel");
  return layout;
}

void Product::preparePacking() {
  dnnl_memory_desc_t any;
  dnnl_dims_t sizes{d.k, d.n};
  checkOneDnn(OneDnn::get().memory_desc_init_by_tag(&any, 2, sizes, dnnl_f32, dnnl_format_tag_any),
              "a matrix's layout");
  std::int64_t rows = (d.m + tiling.rows - 1) / tiling.rows;
  auto probe = makeMatmul(dense(rows, d.k, d.transA ? 1 : d.k, d.transA ? rows : 1), any, nullptr,
                          dense(rows, d.n, d.n, 1), false);
  packedLayout = probe->layout(dnnl_query_weights_md);
  const dnnl_blocking_desc_t &blocks = packedLayout.format_desc.blocking;
  std::int64_t depth = 1, columns = 1;
  for (int i = 0; i < blocks.inner_nblks; ++i)
    (blocks.inner_idxs[i] == 0 ? depth : columns) *= blocks.inner_blks[i];
  // Where oneDNN takes plain matrices (no AVX-512), or blocks that do not fit
  // the panels, B is read as it is.
  tiling.packed = packedLayout.format_kind == dnnl_blocked && blocks.inner_nblks > 0 &&
                  panelDepth % depth == 0 && columns <= panelColumns;
  if (!tiling.packed)
    return;
  panelColumns = panelColumns / columns * columns;
  packedBytes =
      alignUp(static_cast<std::int64_t>(OneDnn::get().memory_desc_get_size(&packedLayout)));
  panelsDeep = (d.k + panelDepth - 1) / panelDepth;
  panels = panelsDeep * ((d.n + panelColumns - 1) / panelColumns);
  for (std::int64_t depthAt : {std::int64_t(0), (panelsDeep - 1) * panelDepth})
    for (std::int64_t columnAt : {std::int64_t(0), (d.n - 1) / panelColumns * panelColumns}) {
      Range deep{depthAt, std::min(panelDepth, d.k - depthAt)};
      Range wide{columnAt, std::min(panelColumns, d.n - columnAt)};
      PanelKind kind;
      kind.from = d.transB ? dense(deep.size, wide.size, 1, panelStride)
                           : dense(deep.size, wide.size, d.ldb, 1);
      kind.to = panelOf(deep, wide);
      kind.to.offset0 = 0;
      kind.reorder = makeReorder(kind.from, kind.to);
      panelKinds.try_emplace({deep.size, wide.size}, std::move(kind));
    }
}

void Product::addTile(Range rows, Range columns, const dnnl_memory_desc_t *packedB) {
  Sizes sizes{rows.size, columns.size};
  if (tiles.count(sizes) || rows.size == 0 || columns.size == 0)
    return;
  TileKind kind;
  kind.a = dense(rows.size, d.k, d.transA ? 1 : d.k, d.transA ? rows.size : 1);
  if (packedB) {
    kind.b = panelOf({0, d.k}, columns);
    kind.b.offset0 = 0;
  } else {
    kind.b = dense(d.k, columns.size, d.transB ? 1 : d.ldb, d.transB ? d.ldb : 1);
  }
  kind.bias = dense(1, columns.size, columns.size, 1);
  kind.c = dense(rows.size, columns.size, columns.size, 1);
  kind.matmul =
      makeMatmul(kind.a, kind.b, hasBias ? &kind.bias : nullptr, kind.c, d.accumulate && !staged);
  tiles.emplace(sizes, std::move(kind));
  if (staged)
    tileBytesC = std::max(tileBytesC, alignUp(rows.size * columns.size * 4));
  if (copiesA)
    tileBytesA = std::max(tileBytesA, alignUp(rows.size * d.k * 4));
}

bool Product::pack(std::int64_t panel, const float *b, float *packed, char *own) const {
  std::int64_t depthAt = panel % panelsDeep * panelDepth;
  std::int64_t columnAt = panel / panelsDeep * panelColumns;
  Range deep{depthAt, std::min(panelDepth, d.k - depthAt)};
  Range wide{columnAt, std::min(panelColumns, d.n - columnAt)};
  const PanelKind &kind = panelKinds.at({deep.size, wide.size});
  const float *source = b + depthAt * d.ldb + columnAt;
  if (d.transB) {
    auto *copy = reinterpret_cast<float *>(own);
    for (std::int64_t i = 0; i < wide.size; ++i)
      std::memcpy(copy + i * panelStride, b + (columnAt + i) * d.ldb + depthAt,
                  static_cast<std::size_t>(deep.size) * sizeof(float));
    source = copy;
  }
  Primitive::Argument arguments[] = {{DNNL_ARG_FROM, &kind.from, source},
                                     {DNNL_ARG_TO, &kind.to, packed + panelOf(deep, wide).offset0}};
  return kind.reorder->run(arguments, 2, own + alignUp(panelColumns * panelStride * 4));
}

/// The rows of A that a tile needs, dense: in place if they are so.
const float *Product::gather(const float *a, Range rows, float *copy) const {
  const float *from = a + rows.begin * (d.transA ? 1 : d.lda);
  if (!copiesA)
    return from;
  std::int64_t lines = d.transA ? d.k : rows.size, length = d.transA ? rows.size : d.k;
  for (std::int64_t i = 0; i < lines; ++i)
    std::memcpy(copy + i * length, from + i * d.lda,
                static_cast<std::size_t>(length) * sizeof(float));
  return copy;
}

void Product::store(float *c, const float *tile, Range rows, Range columns) const {
  for (std::int64_t i = 0; i < rows.size; ++i) {
    const float *from = tile + i * columns.size;
    float *to = c + (rows.begin + i) * d.ldc + columns.begin;
    if (d.accumulate)
      for (std::int64_t j = 0; j < columns.size; ++j)
        to[j] += from[j];
    else
      std::memcpy(to, from, static_cast<std::size_t>(columns.size) * sizeof(float));
  }
}

/// `b` is the packed B or B as it is.
bool Product::multiply(std::int64_t tile, float *c, const float *a, const float *b,
                       const float *bias, char *own) const {
  Range rows = part(d.m, tiling.rows, tile / tiling.columns, 1);
  Range columns = part(d.n, tiling.columns, tile % tiling.columns, panelColumns);
  const TileKind &kind = tiles.at({rows.size, columns.size});
  std::int64_t bOffset =
      tiling.packed ? panelOf({0, d.k}, columns).offset0 : columns.begin * (d.transB ? d.ldb : 1);
  float *out = staged ? reinterpret_cast<float *>(own) : c + rows.begin * d.n;
  Primitive::Argument arguments[] = {
      {DNNL_ARG_SRC, &kind.a, gather(a, rows, reinterpret_cast<float *>(own + tileBytesC))},
      {DNNL_ARG_WEIGHTS, &kind.b, b + bOffset},
      {DNNL_ARG_DST, &kind.c, out},
      {DNNL_ARG_BIAS, &kind.bias, bias + (bias ? columns.begin : 0)}};
  if (!kind.matmul->run(arguments, bias ? 4 : 3, own + tileBytesC + tileBytesA))
    return false;
  if (staged)
    store(c, out, rows, columns);
  return true;
}

void Product::run(float *c, const float *a, const float *b, const float *bias,
                  void *scratch) const {
  auto address = reinterpret_cast<std::uintptr_t>(scratch);
  char *base = static_cast<char *>(scratch) +
               (alignUp(static_cast<std::int64_t>(address)) - static_cast<std::int64_t>(address));
  auto *packed = reinterpret_cast<float *>(base);
  char *parts = base + packedBytes;
  std::atomic<bool> good{true};
  auto packPanels = [&](std::int64_t begin, std::int64_t end, std::int64_t thread) {
    for (std::int64_t panel = begin; panel < end; ++panel)
      if (!pack(panel, b, packed, parts + thread * threadBytes))
        good = false;
  };
  auto multiplyTiles = [&](std::int64_t begin, std::int64_t end, std::int64_t thread) {
    for (std::int64_t tile = begin; tile < end; ++tile)
      if (!multiply(tile, c, a, tiling.packed ? packed : b, bias, parts + thread * threadBytes))
        good = false;
  };
  try {
    if (tiling.packed)
      parallelFor(panels, 4, packPanels);
    parallelFor(tiling.rows * tiling.columns, 1, multiplyTiles);
  } catch (const std::exception &) {
    good = false;
  }
  if (good)
    return;
  // oneDNN failed in the middle of a step, which only a lack of memory can
  // bring about. Nothing may be thrown here, and nothing wrong passed on: not
  // a number is what the training loop stops at.
  for (std::int64_t i = 0; i < d.m; ++i)
    std::fill_n(c + i * d.ldc, d.n, std::numeric_limits<float>::quiet_NaN());
}

//===----------------------------------------------------------------------===//
// The products of this process
//===----------------------------------------------------------------------===//

void check(const jepac_gemm_desc &d) {
  constexpr std::int64_t most = std::int64_t(1) << 31;
  bool sizes = d.m > 0 && d.n > 0 && d.k > 0 && d.m < most && d.n < most && d.k < most;
  if (!sizes || d.lda < (d.transA ? d.m : d.k) || d.ldb < (d.transB ? d.k : d.n) || d.ldc < d.n)
    throw Error("a product of " + std::to_string(d.m) + " x " + std::to_string(d.n) + " x " +
                std::to_string(d.k) + " has impossible sizes or strides");
}

const Product &productOf(const jepac_gemm_desc &d, bool bias) {
  using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                         std::int64_t, bool, bool, bool, bool>;
  struct Products {
    std::shared_mutex mutex;
    std::map<Key, Product> byShape;
  };
  // Never destroyed: threads may outlive static objects.
  static auto &products = *new Products;
  Key key{d.m, d.n, d.k, d.lda, d.ldb, d.ldc, d.transA != 0, d.transB != 0, d.accumulate != 0,
          bias};
  {
    std::shared_lock lock(products.mutex);
    if (auto found = products.byShape.find(key); found != products.byShape.end())
      return found->second;
  }
  check(d);
  OneDnn::get().stream(); // primitives are made for one thread as well
  std::unique_lock lock(products.mutex);
  return products.byShape.try_emplace(key, d, bias).first->second;
}

} // namespace

void jepa::rt::requireOneDnn() { OneDnn::get(); }

std::int64_t jepa::rt::gemmScratchBytes(const jepac_gemm_desc &desc, std::int64_t threads) {
  threads = std::max<std::int64_t>(threads, 1);
  return std::max(productOf(desc, false).scratchBytes(threads),
                  productOf(desc, true).scratchBytes(threads));
}

extern "C" int64_t jepac_gemm_scratch_bytes(const jepac_gemm_desc *d, int64_t threads) {
  try {
    return gemmScratchBytes(*d, threads);
  } catch (const std::exception &) {
    return -1;
  }
}

extern "C" void jepac_gemm_f32(const jepac_gemm_desc *d, float *c, const float *a, const float *b,
                               const float *bias, void *scratch) {
  const Product *product = nullptr;
  try {
    product = &productOf(*d, bias != nullptr);
  } catch (const std::exception &) {
    return gemmByLoops(*d, c, a, b, bias);
  }
  product->run(c, a, b, bias, scratch);
}

#endif // JEPAC_WITH_ONEDNN
