//===- Packing.h - B in the layout that oneDNN multiplies fastest ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_GEMM_PACKING_H
#define JEPA_RUNTIME_GEMM_PACKING_H

#include "runtime/core/Abi.h"
#include "runtime/gemm/OneDnn.h"
#include "runtime/gemm/Product.h"

#include <cstdint>
#include <map>
#include <utility>

namespace jepa::rt {

inline dnnl_data_type_t dnnlType(int32_t type) { return type == JEPAC_BF16 ? dnnl_bf16 : dnnl_f32; }

/// A matrix with those sizes and strides in elements.
dnnl_memory_desc_t plainLayout(std::int64_t rows, std::int64_t columns, std::int64_t rowStride,
                               std::int64_t columnStride, int32_t type);

/// The packed form of op(B)[k, n]: its layout, which depends on k, n and the
/// element type alone, and the panels that it is written by. Immutable, shared
/// by threads.
class PackedMatrix {
public:
  explicit PackedMatrix(const jepac_gemm_desc &d);

  /// False where oneDNN prefers plain matrices (no AVX-512): packing gains
  /// nothing then, and only makes op(B) dense.
  bool worthwhile() const { return blocked; }
  std::int64_t bytes() const { return size; }
  std::int64_t panels() const { return panelCount; }
  /// Scratch of one thread.
  std::int64_t scratchBytes() const;

  /// Writes one panel. Returns whether it did.
  bool pack(std::int64_t panel, const void *b, void *packed, char *scratch) const;

  /// The layout of a part, as if it started at its own first element.
  dnnl_memory_desc_t partLayout(Range depth, Range columns) const;
  /// The place of a part's first element, in bytes.
  std::int64_t partOffset(Range depth, Range columns) const;

  /// Parts start at multiples of these.
  static constexpr std::int64_t depthUnit = 256;
  std::int64_t columnUnit() const { return panelColumns; }

private:
  struct PanelKind {
    dnnl_memory_desc_t from, to;
    std::unique_ptr<Primitive> reorder;
  };
  dnnl_memory_desc_t part(Range depth, Range columns) const;
  std::pair<Range, Range> panelAt(std::int64_t panel) const;

  jepac_gemm_desc d;
  bool blocked = false;
  dnnl_memory_desc_t layout{};
  std::int64_t size = 0, panelColumns = 64, panelsDeep = 0, panelCount = 0;
  std::map<std::pair<std::int64_t, std::int64_t>, PanelKind> kinds;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_GEMM_PACKING_H
