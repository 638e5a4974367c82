//===- Tiling.cpp - how a product is cut, and the product by loops --------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/ThreadPool.h"
#include "runtime/gemm/Gemm.h"

#include <algorithm>

using namespace jepa::rt;

static std::int64_t ceilDiv(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Nothing here may depend on the number of threads: the tiles decide in which
// order sums are rounded.
GemmTiling jepa::rt::gemmTiling(const jepac_gemm_desc &d) {
  constexpr double worthATask = 4e6; // FLOPs: some tens of microseconds
  double flops = 2.0 * static_cast<double>(d.m) * static_cast<double>(d.n) *
                 static_cast<double>(d.k);
  auto affordable = static_cast<std::int64_t>(std::clamp(flops / worthATask, 1.0, 1e6));
  GemmTiling tiling;
  // A large B is read from the outer cache by every tile, which more rows pay
  // for; a small one stays near.
  bool large = d.n * d.k >= (std::int64_t(1) << 20);
  std::int64_t rows = ceilDiv(d.m, large ? 96 : 64);
  if (rows > 2)
    rows = ceilDiv(rows, 4) * 4; // two and four threads end together
  tiling.rows = std::clamp<std::int64_t>(std::min(rows, d.m), 1, affordable);
  // Columns are cut when rows alone keep few threads busy. Such a tile goes
  // through scratch, because oneDNN's fast kernels write dense results only;
  // a long contraction hides that.
  constexpr std::int64_t wanted = 8, leastColumns = 256;
  if (tiling.rows < wanted && (d.k >= 512 || tiling.rows == 1)) {
    std::int64_t columns = std::min(ceilDiv(wanted, tiling.rows), affordable / tiling.rows);
    tiling.columns = std::clamp<std::int64_t>(std::min(columns, d.n / leastColumns), 1, wanted);
  }
  tiling.packed = tiling.rows > 1;
  return tiling;
}

void jepa::rt::gemmByLoops(const jepac_gemm_desc &d, float *c, const float *a, const float *b,
                           const float *bias) {
  auto rows = [&](std::int64_t begin, std::int64_t end, std::int64_t) {
    for (std::int64_t i = begin; i < end; ++i)
      for (std::int64_t j = 0; j < d.n; ++j) {
        float sum = bias ? bias[j] : 0.0f;
        for (std::int64_t p = 0; p < d.k; ++p)
          sum += a[d.transA ? p * d.lda + i : i * d.lda + p] *
                 b[d.transB ? j * d.ldb + p : p * d.ldb + j];
        float &out = c[i * d.ldc + j];
        out = d.accumulate ? out + sum : sum;
      }
  };
  parallelFor(d.m, 4, rows);
}
