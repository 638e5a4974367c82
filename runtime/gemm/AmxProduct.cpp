//===- AmxProduct.cpp - a product of bf16 on the processor's matrix unit ---===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/gemm/AmxProduct.h"

#include <algorithm>

using namespace jepa::rt;
using amx::stepElements, amx::width;

static constexpr std::int64_t stepBytes = stepElements * 2, sumBytes = width * width * 4;
/// Steps that one task of the packing loop packs, of one panel or of as many panels one: those along the source's
/// lines.
static constexpr std::int64_t packedAtOnce = 16;
/// A result of so many would push all else out of the second cache, and be gone itself before somebody reads it.
static constexpr std::int64_t streamedBytes = 1 << 20;

// Nothing here may depend on the number of threads: chunks decide in which order sums are rounded.
AmxTiling jepa::rt::amxTiling(const jepac_gemm_desc &d) {
  // 256 of k: 32 rows, and as many columns, share the first cache; 12 for a k that would leave a chunk half empty.
  constexpr std::int64_t goodSteps = 8, mostSteps = 12, goodRows = 8, goodColumns = 8, wanted = 8;
  std::int64_t rows = amx::countSteps(d.m), columns = amx::countSteps(d.n), steps = amx::countSteps(d.k);
  std::int64_t rowTasks = ceilDiv(rows, goodRows), columnTasks = ceilDiv(columns, goodColumns);
  // Enough tasks that a few threads end together, unless they become too small to be worth it.
  constexpr std::int64_t leastColumns = 4, leastRows = 2;
  if (rowTasks * columnTasks < wanted)
    columnTasks = std::clamp(ceilDiv(wanted, rowTasks), columnTasks, std::max(columnTasks, columns / leastColumns));
  if (rowTasks * columnTasks < wanted)
    rowTasks = std::clamp(ceilDiv(wanted, columnTasks), rowTasks, std::max(rowTasks, rows / leastRows));
  std::int64_t chunks = steps <= mostSteps ? 1 : ceilDiv(steps, goodSteps);
  return {ceilDiv(rows, rowTasks), ceilDiv(columns, columnTasks), ceilDiv(steps, chunks)};
}

AmxProduct::AmxProduct(const jepac_gemm_desc &desc)
    : d(desc), tiling(amxTiling(desc)), rowPanels(amx::countSteps(d.m)), columnPanels(amx::countSteps(d.n)),
      steps(amx::countSteps(d.k)), rowTasks(ceilDiv(rowPanels, tiling.rows)),
      columnTasks(ceilDiv(columnPanels, tiling.columns)), copiesA(!d.transA && d.k % width != 0),
      streams(d.result == JEPAC_F32 && d.m * d.n * 4 >= streamedBytes) {
  std::int64_t kept = tiling.steps < steps ? tiling.rows * tiling.columns : 0;
  threadBytes = alignUp(kept * sumBytes + 2 * sumBytes + tiling.steps * stepBytes) + threadGap;
}

std::int64_t AmxProduct::packedBytes() const { return alignUp(columnPanels * steps * stepBytes); }

std::int64_t AmxProduct::scratchBytes(std::int64_t threads) const {
  std::int64_t packed = (d.packedB ? 0 : packedBytes()) + (d.transA ? alignUp(rowPanels * steps * stepBytes) : 0);
  return gemmAlignment + packed + threads * threadBytes;
}

/// Brings all of an operand into panels, in parallel.
void AmxProduct::packAll(std::uint16_t *panels, amx::Source source, bool isA) const {
  std::int64_t size = isA ? d.m : d.n, panelCount = amx::countSteps(size);
  std::int64_t panelsAtOnce = source.alongK ? 1 : packedAtOnce, stepsAtOnce = source.alongK ? packedAtOnce : 1;
  std::int64_t down = ceilDiv(steps, stepsAtOnce);
  forEach(ceilDiv(panelCount, panelsAtOnce) * down, 4, [&](std::int64_t index) {
    std::int64_t panel = index / down * panelsAtOnce, step = index % down * stepsAtOnce;
    amx::Source part = source;
    std::int64_t offset = source.alongK ? panel * source.stride + step : step * source.stride + panel;
    part.data = static_cast<const char *>(source.data) + offset * width * (source.f32 ? 4 : 2);
    (isA ? amx::packRows : amx::packColumns)(panels + (panel * steps + step) * stepElements, steps * stepElements, part,
                                             std::min(panelsAtOnce * width, size - panel * width),
                                             std::min(stepsAtOnce * width, d.k - step * width));
  });
}

/// The steps [step, step + count) of 32 rows of op(A).
amx::Rows AmxProduct::rowsAt(const Operands &operands, std::int64_t panel, std::int64_t step, std::int64_t count,
                             std::uint16_t *copy) const {
  if (d.transA)
    return amx::Rows::panel(operands.a + (panel * steps + step) * stepElements);
  const std::uint16_t *from = operands.a + panel * width * d.lda + step * width;
  std::int64_t rows = std::min(width, d.m - panel * width);
  if (!copiesA && rows == width)
    return amx::Rows::inPlace(from, d.lda);
  amx::packRows(copy, /*apart=*/0, {from, d.lda, true}, rows, std::min(count * width, d.k - step * width));
  return amx::Rows::panel(copy);
}

/// Where 32 x 32 sums go, by row and column panel.
amx::Result AmxProduct::blockOf(const Operands &operands, std::int64_t row, std::int64_t column) const {
  std::int64_t bytes = elementBytes(d.result);
  return {operands.c + (row * width * d.ldc + column * width) * bytes,
          d.ldc,
          std::min(width, d.m - row * width),
          std::min(width, d.n - column * width),
          bytes == 2,
          operands.bias ? operands.bias + column * width : nullptr,
          streams && !operands.epilogue.isThere()};
}

void AmxProduct::multiply(std::int64_t task, const Operands &operands, char *own, std::int64_t thread) const {
  // Neighbours share what there is less of, columns of op(B) or rows of op(A), and do not write side by side.
  bool downFirst = rowTasks > columnTasks;
  std::int64_t firstRow = (downFirst ? task % rowTasks : task / columnTasks) * tiling.rows;
  std::int64_t firstColumn = (downFirst ? task / rowTasks : task % columnTasks) * tiling.columns;
  std::int64_t lastRow = std::min(firstRow + tiling.rows, rowPanels);
  std::int64_t lastColumn = std::min(firstColumn + tiling.columns, columnPanels);
  Range columns{firstColumn * width, std::min(lastColumn * width, d.n) - firstColumn * width};
  auto *copy = reinterpret_cast<std::uint16_t *>(own);
  auto *finished = reinterpret_cast<float *>(own + tiling.steps * stepBytes), *sums = finished + 2 * width * width;
  amx::begin();
  for (std::int64_t step = 0; step < steps; step += tiling.steps) {
    std::int64_t count = std::min(tiling.steps, steps - step);
    bool isLast = step + count == steps;
    // Each row of panels fetches its share of the next chunk.
    std::int64_t lines = isLast ? 0 : ceilDiv(stepBytes / 64, lastRow - firstRow);
    for (std::int64_t i = firstRow; i < lastRow; ++i) {
      amx::Rows rows = rowsAt(operands, i, step, count, copy);
      for (std::int64_t j = firstColumn; j < lastColumn; ++j) {
        const std::uint16_t *b = operands.b + (j * steps + step) * stepElements;
        const std::uint16_t *ahead = b + count * stepElements + (i - firstRow) * count * lines * 32;
        float *kept = sums + ((i - firstRow) * tiling.columns + j - firstColumn) * width * width;
        // Two in turn, so that a block's sums are stored while the next one's are computed.
        float *sum = isLast ? finished + j % 2 * width * width : kept;
        // C is rarely in a cache: the memory answers while this block is computed.
        if (isLast && j + 1 < lastColumn)
          amx::prefetch(blockOf(operands, i, j + 1));
        else if (isLast && i + 1 < lastRow)
          amx::prefetch(blockOf(operands, i + 1, firstColumn));
        amx::multiply(sum, step ? kept : nullptr, rows, b, count, ahead, lines);
        if (isLast)
          amx::store(blockOf(operands, i, j), sum);
      }
      if (isLast)
        operands.epilogue.finish({i * width, std::min(width, d.m - i * width)}, columns, thread);
    }
  }
  amx::end();
}

bool AmxProduct::pack(void *packed, const void *b, void *) const {
  packAll(static_cast<std::uint16_t *>(packed), {b, d.ldb, d.transB != 0, d.roundsB != 0}, /*isA=*/false);
  return true;
}

bool AmxProduct::run(void *c, const void *a, const void *b, const float *bias, void *scratch,
                     const Epilogue &epilogue) const {
  char *own = alignUp(scratch);
  Operands operands{static_cast<char *>(c), static_cast<const std::uint16_t *>(a),
                    static_cast<const std::uint16_t *>(b), bias, epilogue};
  if (!d.packedB) {
    pack(own, b, nullptr);
    operands.b = reinterpret_cast<const std::uint16_t *>(own);
    own += packedBytes();
  }
  if (d.transA) {
    auto *panels = reinterpret_cast<std::uint16_t *>(own);
    packAll(panels, {operands.a, d.lda, false}, /*isA=*/true);
    operands.a = panels;
    own += alignUp(rowPanels * steps * stepBytes);
  }
  parallelFor(rowTasks * columnTasks, 1, [&](std::int64_t begin, std::int64_t end, std::int64_t thread) {
    for (std::int64_t task = begin; task < end; ++task)
      multiply(task, operands, own + thread * threadBytes, thread);
  });
  return true;
}
