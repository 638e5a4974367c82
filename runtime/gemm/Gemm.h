//===- Gemm.h - matrix products of f32 ------------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The work behind jepac_gemm_f32 (runtime/core/Abi.h). A product is cut into
// tiles whose number and sizes follow from the shape alone; each runs on one
// thread, so threads never change results.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_GEMM_GEMM_H
#define JEPA_RUNTIME_GEMM_GEMM_H

#include "runtime/core/Abi.h"

#include <cstdint>
#include <string>

namespace jepa::rt {

/// Throws Error unless oneDNN can be used: call it before the first step of a
/// plan that has products.
void requireOneDnn();

/// Scratch for a product on up to `threads` threads, with and without bias;
/// makes its primitives as well. Throws Error.
std::int64_t gemmScratchBytes(const jepac_gemm_desc &desc, std::int64_t threads);

/// The product by plain loops in f32, over rows in parallel: what remains where
/// oneDNN is missing, and the tests' second opinion.
void gemmByLoops(const jepac_gemm_desc &desc, float *c, const float *a, const float *b,
                 const float *bias);

/// How a shape is cut: `rows` x `columns` tiles, for people who measure.
struct GemmTiling {
  std::int64_t rows = 1, columns = 1;
  bool packed = false; ///< B is brought into oneDNN's layout once per call
};
GemmTiling gemmTiling(const jepac_gemm_desc &desc);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_GEMM_GEMM_H
