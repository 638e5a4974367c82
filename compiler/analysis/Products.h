//===- Products.h - matrix products as the GEMM library is asked about them ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_ANALYSIS_PRODUCTS_H
#define JEPA_COMPILER_ANALYSIS_PRODUCTS_H

#include <cstdint>
#include <functional>

namespace jepa {

/// A product for the GEMM library: c[m, n] = op(a)[m, k] op(b)[k, n] (+ bias[n]), row-major, with row strides. Elements
/// are f32 or bf16 as the buffers say, the bias f32.
struct Product {
  int64_t m, n, k, lda, ldb, ldc;
  bool transA = false, transB = false;
  /// Set by KernelContext::product.
  bool bf16Inputs = false, bf16Result = false;
  /// Set by KernelContext::product: b is f32 where a is bf16, and counts as rounded.
  bool roundsB = false;
  /// b is in the library's own layout.
  bool packedB = false;
  /// The parts of c that an epilogue works on; 0 without one.
  int64_t epilogueRows = 0, epilogueColumns = 0;
};

/// What the GEMM library says of a product: bytes of its scratch, and of its b when packed.
struct ProductLibrary {
  std::function<int64_t(const Product &)> scratchBytes, packedBytes;
};

} // namespace jepa

#endif // JEPA_COMPILER_ANALYSIS_PRODUCTS_H
