//===- Epilogue.cpp - what works on a product's result as it comes --------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/gemm/Epilogue.h"

#include "runtime/gemm/Product.h"

#include <algorithm>
#include <atomic>

using namespace jepa::rt;

/// Parts across C, and down.
static std::int64_t across(const jepac_gemm_desc &d) { return ceilDiv(d.n, d.epilogueColumns); }
static std::int64_t down(const jepac_gemm_desc &d) { return ceilDiv(d.m, d.epilogueRows); }

/// Part `index` of [0, size) in parts of `length`.
static Range part(std::int64_t size, std::int64_t length, std::int64_t index) {
  return {index * length, std::min(length, size - index * length)};
}

static std::int64_t overlap(Range a, Range b) {
  return std::min(a.begin + a.size, b.begin + b.size) - std::max(a.begin, b.begin);
}

std::int64_t Epilogue::scratchBytes(const jepac_gemm_desc &d) {
  if (d.epilogueRows <= 0 || d.epilogueColumns <= 0)
    return 0;
  return gemmAlignment + alignUp(down(d) * across(d) * static_cast<std::int64_t>(sizeof(std::int64_t)));
}

Epilogue::Epilogue(const jepac_gemm_desc &d, jepac_kernel kernel, void *const *args, void *counters)
    : d(d), kernel(kernel), args(args) {
  if (!kernel)
    return;
  missing = reinterpret_cast<std::int64_t *>(alignUp(counters));
  for (std::int64_t i = 0, parts = across(d); i < down(d); ++i)
    for (std::int64_t j = 0; j < parts; ++j)
      missing[i * parts + j] = part(d.m, d.epilogueRows, i).size * part(d.n, d.epilogueColumns, j).size;
}

void Epilogue::finish(Range rows, Range columns, std::int64_t thread) const {
  if (!kernel || rows.size <= 0 || columns.size <= 0)
    return;
  std::int64_t parts = across(d);
  std::int64_t lastRow = (rows.begin + rows.size - 1) / d.epilogueRows;
  std::int64_t lastColumn = (columns.begin + columns.size - 1) / d.epilogueColumns;
  for (std::int64_t i = rows.begin / d.epilogueRows; i <= lastRow; ++i)
    for (std::int64_t j = columns.begin / d.epilogueColumns; j <= lastColumn; ++j) {
      std::int64_t index = i * parts + j;
      std::int64_t written =
          overlap(rows, part(d.m, d.epilogueRows, i)) * overlap(columns, part(d.n, d.epilogueColumns, j));
      // What others wrote of the part is visible to whoever takes the last of it.
      if (std::atomic_ref(missing[index]).fetch_sub(written, std::memory_order_acq_rel) == written)
        kernel(args, index, index + 1, thread);
    }
}

void Epilogue::runAll(const jepac_gemm_desc &d, jepac_kernel kernel, void *const *args) {
  if (kernel)
    ThreadPool::get().run(kernel, args, down(d) * across(d), 1);
}
