//===- AmxProduct.h - a product of bf16 on the processor's matrix unit -----===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_GEMM_AMXPRODUCT_H
#define JEPA_RUNTIME_GEMM_AMXPRODUCT_H

#include "runtime/gemm/AmxTiles.h"
#include "runtime/gemm/Product.h"

namespace jepa::rt {

/// How a product is cut for the matrix unit, in units of 32: tasks of `rows` x
/// `columns` panels, sums over `steps` at a time. Follows from the shape alone.
struct AmxTiling {
  std::int64_t rows, columns, steps;
};
AmxTiling amxTiling(const jepac_gemm_desc &desc);

/// A product of bf16 in two loops over the pool: (1) op(B) is packed, unless it
/// is, and op(A), if transposed; (2) tasks of some rows and columns of C run on
/// one thread each. A task goes over k in chunks whose part of op(B) stays in
/// the second cache, and within a chunk, over its rows, 32 of which stay in the
/// first. Scratch is [packed op(B)][packed op(A)][one part per thread: the
/// task's sums, 32 rows of op(A)].
class AmxProduct final : public Product {
public:
  explicit AmxProduct(const jepac_gemm_desc &desc);

  std::int64_t scratchBytes(std::int64_t threads) const override;
  std::int64_t packedBytes() const override;
  bool run(void *c, const void *a, const void *b, const float *bias, void *scratch,
           const Epilogue &epilogue) const override;
  bool pack(void *packed, const void *b, void *scratch) const override;

private:
  struct Operands {
    char *c;
    const std::uint16_t *a, *b; ///< op(A) as it is, or packed; op(B) packed
    const float *bias;
    const Epilogue &epilogue;
  };
  void packAll(std::uint16_t *panels, amx::Source source, bool isA) const;
  void multiply(std::int64_t task, const Operands &operands, char *own, std::int64_t thread) const;
  amx::Result blockOf(const Operands &operands, std::int64_t row, std::int64_t column) const;
  amx::Rows rowsAt(const Operands &operands, std::int64_t panel, std::int64_t step, std::int64_t steps,
                   std::uint16_t *copy) const;

  jepac_gemm_desc d;
  AmxTiling tiling;
  std::int64_t rowPanels, columnPanels, steps, rowTasks, columnTasks, threadBytes;
  bool copiesA; ///< rows of op(A) go through scratch, 32 at a time
  bool streams; ///< C goes to memory past the caches, if nothing follows inside
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_GEMM_AMXPRODUCT_H
