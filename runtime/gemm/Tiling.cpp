//===- Tiling.cpp - how a product is cut, and the product by loops --------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/BFloat16.h"
#include "runtime/core/ThreadPool.h"
#include "runtime/gemm/Gemm.h"
#include "runtime/gemm/Product.h"

#include <algorithm>

using namespace jepa::rt;

// Nothing here may depend on the number of threads: the tiles decide in which
// order sums are rounded.
GemmTiling jepa::rt::gemmTiling(const jepac_gemm_desc &d) {
  constexpr double worthATask = 4e6; // FLOPs: some tens of microseconds
  double flops =
      2.0 * static_cast<double>(d.m) * static_cast<double>(d.n) * static_cast<double>(d.k);
  auto affordable = static_cast<std::int64_t>(std::clamp(flops / worthATask, 1.0, 1e6));
  GemmTiling tiling;
  constexpr std::int64_t goodRows = 192, leastRows = 48, goodColumns = 512, leastColumns = 128;
  constexpr std::int64_t wanted = 8; // tiles, so that a few threads end together
  std::int64_t rows = std::max<std::int64_t>((d.m + goodRows / 2) / goodRows, 1);
  if (rows > 2)
    rows = (rows + 2) / 4 * 4;
  // A tile of some columns goes through scratch, because oneDNN's fast kernels
  // write dense results only. A long contraction hides that, and a B beyond the
  // inner caches pays for it: fewer bytes of it pass per tile. A transposed A
  // would be copied once per cut.
  std::int64_t columns = 1;
  if ((d.k >= 512 && !d.transA) || d.m <= leastRows) {
    if (d.n * d.k >= (std::int64_t(1) << 20))
      columns = std::max<std::int64_t>(d.n / goodColumns, 1);
    columns = std::max(columns, std::min(ceilDiv(wanted, rows), d.n / leastColumns));
  } else if (rows < wanted) {
    rows = std::min(wanted, ceilDiv(d.m, leastRows));
  }
  tiling.rows = std::clamp<std::int64_t>(rows, 1, std::min(affordable, d.m));
  tiling.columns =
      std::clamp<std::int64_t>(columns, 1, std::max<std::int64_t>(affordable / tiling.rows, 1));
  bool denseB = d.ldb == (d.transB ? d.k : d.n);
  // One tile of rows uses B once: then oneDNN packs it on the way, if dense.
  tiling.packed = d.packedB || d.roundsB || tiling.rows > 1 || !denseB || (tiling.columns > 1 && !d.transB);
  return tiling;
}

/// Element `index` of a matrix.
static float element(const void *matrix, std::int64_t index, std::int32_t type) {
  return type == JEPAC_BF16 ? bfloatToFloat(static_cast<const std::uint16_t *>(matrix)[index])
                            : static_cast<const float *>(matrix)[index];
}

void jepa::rt::gemmByLoops(const jepac_gemm_desc &d, void *c, const void *a, const void *b,
                           const float *bias, jepac_kernel epilogue, void *const *args) {
  auto weight = [&](std::int64_t index) {
    float value = element(b, index, d.roundsB ? JEPAC_F32 : d.inputs);
    return d.roundsB ? bfloatToFloat(floatToBfloat(value)) : value;
  };
  auto rows = [&](std::int64_t begin, std::int64_t end, std::int64_t) {
    for (std::int64_t i = begin; i < end; ++i)
      for (std::int64_t j = 0; j < d.n; ++j) {
        float sum = bias ? bias[j] : 0.0F;
        for (std::int64_t p = 0; p < d.k; ++p)
          sum += element(a, d.transA ? p * d.lda + i : i * d.lda + p, d.inputs) *
                 weight(d.transB ? j * d.ldb + p : p * d.ldb + j);
        if (d.result == JEPAC_BF16)
          static_cast<std::uint16_t *>(c)[i * d.ldc + j] = floatToBfloat(sum);
        else
          static_cast<float *>(c)[i * d.ldc + j] = sum;
      }
  };
  parallelFor(d.m, 4, rows);
  Epilogue::runAll(d, epilogue, args);
}
