//===- Packing.cpp - B in the layout that oneDNN multiplies fastest --------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/gemm/Packing.h"

#include "runtime/core/BFloat16.h"

#include <algorithm>
#include <cstring>

using namespace jepa::rt;

/// A panel's source is first copied with a row stride that is no power of two:
/// read in place, rows of 1024 floats fall into the same few cache lines and
/// the transposition runs at a quarter of its speed.
static constexpr std::int64_t panelStride = PackedMatrix::depthUnit + 16;

dnnl_memory_desc_t jepa::rt::plainLayout(std::int64_t rows, std::int64_t columns,
                                         std::int64_t rowStride, std::int64_t columnStride,
                                         int32_t type) {
  dnnl_dims_t sizes{rows, columns}, strides{rowStride, columnStride};
  dnnl_memory_desc_t layout;
  checkOneDnn(OneDnn::get().memory_desc_init_by_strides(&layout, 2, sizes, dnnlType(type), strides),
              "a matrix's layout");
  return layout;
}

PackedMatrix::PackedMatrix(const jepac_gemm_desc &d) : d(d) {
  const OneDnn &dnn = OneDnn::get();
  // Every product with this B shares the layout, so it is asked for one m.
  constexpr std::int64_t rows = 192;
  dnnl_memory_desc_t any;
  dnnl_dims_t sizes{d.k, d.n};
  checkOneDnn(dnn.memory_desc_init_by_tag(&any, 2, sizes, dnnlType(d.inputs), dnnl_format_tag_any),
              "a matrix's layout");
  auto probe = makeMatmul(plainLayout(rows, d.k, d.k, 1, d.inputs), any, nullptr,
                          plainLayout(rows, d.n, d.n, 1, JEPAC_F32));
  layout = probe->layout(dnnl_query_weights_md);
  const dnnl_blocking_desc_t &blocks = layout.format_desc.blocking;
  std::int64_t depth = 1, columns = 1;
  for (int i = 0; i < blocks.inner_nblks; ++i)
    (blocks.inner_idxs[i] == 0 ? depth : columns) *= blocks.inner_blks[i];
  blocked = layout.format_kind == dnnl_blocked && blocks.inner_nblks > 0 &&
            depthUnit % depth == 0 && columns <= panelColumns;
  if (blocked)
    panelColumns = panelColumns / columns * columns;
  else
    layout = plainLayout(d.k, d.n, d.n, 1, d.inputs);
  size = alignUp(static_cast<std::int64_t>(dnn.memory_desc_get_size(&layout)));
  panelsDeep = (d.k + depthUnit - 1) / depthUnit;
  panelCount = panelsDeep * ((d.n + panelColumns - 1) / panelColumns);
  for (std::int64_t panel :
       {std::int64_t(0), panelsDeep - 1, panelCount - panelsDeep, panelCount - 1}) {
    auto [deep, wide] = panelAt(panel);
    PanelKind kind;
    kind.from = d.transB ? plainLayout(deep.size, wide.size, 1, panelStride, d.inputs)
                         : plainLayout(deep.size, wide.size, d.roundsB ? panelColumns : d.ldb, 1, d.inputs);
    kind.to = partLayout(deep, wide);
    kind.reorder = makeReorder(kind.from, kind.to);
    kinds.try_emplace({deep.size, wide.size}, std::move(kind));
  }
}

std::pair<Range, Range> PackedMatrix::panelAt(std::int64_t panel) const {
  std::int64_t depthAt = panel % panelsDeep * depthUnit;
  std::int64_t columnAt = panel / panelsDeep * panelColumns;
  return {{depthAt, std::min(depthUnit, d.k - depthAt)},
          {columnAt, std::min(panelColumns, d.n - columnAt)}};
}

dnnl_memory_desc_t PackedMatrix::part(Range depth, Range columns) const {
  dnnl_dims_t sizes{depth.size, columns.size}, offsets{depth.begin, columns.begin};
  dnnl_memory_desc_t result;
  checkOneDnn(OneDnn::get().memory_desc_init_submemory(&result, &layout, sizes, offsets),
              "a panel");
  return result;
}

dnnl_memory_desc_t PackedMatrix::partLayout(Range depth, Range columns) const {
  dnnl_memory_desc_t result = part(depth, columns);
  result.offset0 = 0;
  return result;
}

std::int64_t PackedMatrix::partOffset(Range depth, Range columns) const {
  return part(depth, columns).offset0 * elementBytes(d.inputs);
}

static std::int64_t copyBytes(std::int64_t columns, int32_t type) {
  return alignUp(columns * panelStride * elementBytes(type));
}

std::int64_t PackedMatrix::scratchBytes() const {
  std::size_t most = 0;
  for (const auto &[sizes, kind] : kinds)
    most = std::max(most, kind.reorder->scratchBytes());
  return copyBytes(panelColumns, d.inputs) + alignUp(static_cast<std::int64_t>(most));
}

bool PackedMatrix::pack(std::int64_t panel, const void *b, void *packed, char *scratch) const {
  auto [deep, wide] = panelAt(panel);
  const PanelKind &kind = kinds.at({deep.size, wide.size});
  std::int64_t bytes = elementBytes(d.inputs);
  // Lines of the source: the columns of op(B) if transposed, else its rows.
  Range lines = d.transB ? wide : deep, within = d.transB ? deep : wide;
  std::int64_t first = lines.begin * d.ldb + within.begin, copyStride = d.transB ? panelStride : panelColumns;
  const char *source = static_cast<const char *>(b) + first * bytes;
  if (d.roundsB) {
    const float *from = static_cast<const float *>(b) + first;
    auto *to = reinterpret_cast<std::uint16_t *>(scratch);
    for (std::int64_t i = 0; i < lines.size; ++i)
      for (std::int64_t j = 0; j < within.size; ++j)
        to[i * copyStride + j] = floatToBfloat(from[i * d.ldb + j]);
    source = scratch;
  } else if (d.transB) {
    for (std::int64_t i = 0; i < lines.size; ++i)
      std::memcpy(scratch + i * copyStride * bytes, source + i * d.ldb * bytes,
                  static_cast<std::size_t>(within.size * bytes));
    source = scratch;
  }
  Primitive::Argument arguments[] = {
      {DNNL_ARG_FROM, &kind.from, source},
      {DNNL_ARG_TO, &kind.to, static_cast<char *>(packed) + partOffset(deep, wide)}};
  return kind.reorder->run(arguments, 2, scratch + copyBytes(panelColumns, d.inputs));
}
