//===- Gemm.h - matrix products of f32 and bf16 ---------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The work behind jepac_gemm (runtime/core/Abi.h). A product is cut into
// tiles whose number and sizes follow from the shape alone; each runs on one
// thread, so threads never change results.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_GEMM_GEMM_H
#define JEPA_RUNTIME_GEMM_GEMM_H

#include "runtime/core/Abi.h"

#include <cstdint>
#include <string>
#include <vector>

namespace jepa::rt {

/// Lets products use no instructions beyond those of a processor with `features` (LLVM's names), as the generated code
/// around them does: their scratch and their sums then are what they were planned for, on whatever processor. To be called
/// before any other function here; a limit that the environment sets (ONEDNN_MAX_CPU_ISA) stays. No features, no limit.
void limitProducts(const std::vector<std::string> &features);

/// Throws Error unless oneDNN can be used: call it before the first step of a
/// plan that has products.
void requireOneDnn();

/// Whether products of bf16 run as such here. Where not (no AVX-512), their
/// operands are widened to f32 first: right, and slower. Throws Error.
bool gemmHasBf16();

/// Whether they run on the processor's matrix unit (AMX). Throws Error.
bool gemmHasMatrixUnit();

/// Scratch for a product on up to `threads` threads, with and without bias, and
/// for its packing; makes its primitives as well. Throws Error.
std::int64_t gemmScratchBytes(const jepac_gemm_desc &desc, std::int64_t threads);

/// The product by plain loops with sums in f32, over rows in parallel: what
/// remains where oneDNN is missing, and the tests' second opinion. The epilogue,
/// if any, gets its parts afterwards.
void gemmByLoops(const jepac_gemm_desc &desc, void *c, const void *a, const void *b,
                 const float *bias, jepac_kernel epilogue = nullptr, void *const *args = nullptr);

/// How a shape is cut, for people who measure: `rows` x `columns` tiles of C.
struct GemmTiling {
  std::int64_t rows = 1, columns = 1;
  bool packed = false; ///< B is brought into oneDNN's layout once per call
};
GemmTiling gemmTiling(const jepac_gemm_desc &desc);

/// "363 x 768 x 3072", for messages.
std::string gemmShape(const jepac_gemm_desc &desc);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_GEMM_GEMM_H
