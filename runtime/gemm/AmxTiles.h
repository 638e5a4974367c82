//===- AmxTiles.h - bf16 products on the processor's matrix unit ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Terminology: a *tile* is what one register of the unit holds, 16 lines of 16
// pairs of bf16. A *step* is 32 of k: two tiles, of 32 rows of op(A) or of 32
// columns of op(B). A *panel* is all steps of such 32, zeros where the matrix
// ends. A tile of op(A) has a line per row, with neighbours in k as pairs; one
// of op(B) has a line per pair of neighbours in k.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_GEMM_AMXTILES_H
#define JEPA_RUNTIME_GEMM_AMXTILES_H

#include <cstdint>

namespace jepa::rt::amx {

/// Rows or columns of a panel, and k of a step.
inline constexpr std::int64_t width = 32;
inline constexpr std::int64_t tileElements = 16 * 32, stepElements = 2 * tileElements;

inline std::int64_t countSteps(std::int64_t size) { return (size + width - 1) / width; }

/// Part of a matrix of bf16, or of f32 to be rounded, with one dimension along
/// k: `alongK` says that neighbours in k are neighbours in memory, `stride` is
/// between the lines.
struct Source {
  const void *data;
  std::int64_t stride;
  bool alongK;
  bool f32 = false;
};

/// Writes the first countSteps(depth) steps of the panels, `apart` elements from each other, of `across` rows or
/// columns. `data` is the element (0, 0) of the part, bf16 for rows.
void packRows(std::uint16_t *panels, std::int64_t apart, Source a, std::int64_t across, std::int64_t depth);
void packColumns(std::uint16_t *panels, std::int64_t apart, Source b, std::int64_t across, std::int64_t depth);

/// 32 rows of op(A) as the unit loads them: in place, or a panel.
struct Rows {
  const std::uint16_t *data;
  std::int64_t stride; ///< elements between rows
  std::int64_t half;   ///< elements from the first 16 rows to the others
  std::int64_t step;   ///< elements from one step to the next

  static Rows inPlace(const std::uint16_t *data, std::int64_t stride) { return {data, stride, 16 * stride, width}; }
  static Rows panel(const std::uint16_t *data) { return {data, width, tileElements, stepElements}; }
};

/// Between these two a thread may call multiply, and nobody else who uses the unit.
void begin();
void end();

/// Writes 32 x 32 sums of f32, four tiles after each other: those `before`, or
/// none, plus `steps` of a panel of op(B). `ahead` is brought to the second
/// cache on the way: `lines` cache lines per step.
void multiply(float *sums, const float *before, Rows a, const std::uint16_t *b, std::int64_t steps, const void *ahead,
              std::int64_t lines);

/// Where 32 x 32 sums go: the first `rows` and `columns` of them, plus bias.
struct Result {
  void *c; ///< the first element, f32 or bf16
  std::int64_t stride, rows, columns;
  bool bf16;
  const float *bias; ///< of these columns, or null
  bool streams;      ///< past the caches, where lines of f32 are whole
};
void store(const Result &result, const float *sums);
/// Brings what a store will write to the first cache.
void prefetch(const Result &result);

} // namespace jepa::rt::amx

#endif // JEPA_RUNTIME_GEMM_AMXTILES_H
