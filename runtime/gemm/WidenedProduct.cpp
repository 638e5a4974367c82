//===- WidenedProduct.cpp - a product of bf16 as one of f32 ----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/gemm/WidenedProduct.h"

#include "runtime/core/BFloat16.h"

using namespace jepa::rt;

static constexpr std::int64_t rowsAtOnce = 16;

static jepac_gemm_desc widen(jepac_gemm_desc d) {
  d.lda = d.transA ? d.m : d.k;
  d.ldb = d.transB ? d.k : d.n;
  if (d.result == JEPAC_BF16)
    d.ldc = d.n;
  d.inputs = d.result = JEPAC_F32;
  d.roundsB = 0;
  return d;
}

static void widenMatrix(char *to, const void *from, std::int64_t rows, std::int64_t columns, std::int64_t stride) {
  forEach(rows, rowsAtOnce, [&](std::int64_t i) {
    for (std::int64_t j = 0; j < columns; ++j)
      reinterpret_cast<float *>(to)[i * columns + j] =
          bfloatToFloat(static_cast<const std::uint16_t *>(from)[i * stride + j]);
  });
}

WidenedProduct::WidenedProduct(const jepac_gemm_desc &desc, bool bias)
    : d(desc), tiled(widen(desc), bias), aBytes(alignUp(d.m * d.k * 4)), bBytes(d.packedB ? 0 : alignUp(d.k * d.n * 4)),
      cBytes(d.result == JEPAC_F32 ? 0 : alignUp(d.m * d.n * 4)) {}

void WidenedProduct::widenB(char *to, const void *b) const {
  if (d.roundsB) {
    std::int64_t columns = d.transB ? d.k : d.n;
    return forEach(d.transB ? d.n : d.k, rowsAtOnce, [&](std::int64_t i) {
      for (std::int64_t j = 0; j < columns; ++j)
        reinterpret_cast<float *>(to)[i * columns + j] =
            bfloatToFloat(floatToBfloat(static_cast<const float *>(b)[i * d.ldb + j]));
    });
  }
  widenMatrix(to, b, d.transB ? d.n : d.k, d.transB ? d.k : d.n, d.ldb);
}

std::int64_t WidenedProduct::scratchBytes(std::int64_t threads) const {
  // A packed B is widened before it is packed.
  return aBytes + (d.packedB ? alignUp(d.k * d.n * 4) : bBytes) + cBytes + tiled.scratchBytes(threads);
}

bool WidenedProduct::run(void *c, const void *a, const void *b, const float *bias, void *scratch,
                         const Epilogue &epilogue) const {
  char *wideA = static_cast<char *>(scratch), *wideB = wideA + aBytes, *wideC = wideB + bBytes;
  widenMatrix(wideA, a, d.transA ? d.k : d.m, d.transA ? d.m : d.k, d.lda);
  if (!d.packedB)
    widenB(wideB, b);
  const void *source = d.packedB ? b : wideB;
  if (d.result == JEPAC_F32)
    return tiled.run(c, wideA, source, bias, wideC + cBytes, epilogue);
  if (!tiled.run(wideC, wideA, source, bias, wideC + cBytes, Epilogue(d)))
    return false;
  parallelFor(d.m, rowsAtOnce, [&](std::int64_t begin, std::int64_t end, std::int64_t thread) {
    for (std::int64_t i = begin; i < end; ++i)
      for (std::int64_t j = 0; j < d.n; ++j)
        static_cast<std::uint16_t *>(c)[i * d.ldc + j] = floatToBfloat(reinterpret_cast<float *>(wideC)[i * d.n + j]);
    epilogue.finish({begin, end - begin}, {0, d.n}, thread);
  });
  return true;
}

bool WidenedProduct::pack(void *packed, const void *b, void *scratch) const {
  widenB(static_cast<char *>(scratch), b);
  return tiled.pack(packed, scratch, static_cast<char *>(scratch) + alignUp(d.k * d.n * 4));
}
