//===- Product.h - what a product of cuBLASLt computes --------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_TEST_SIMT_DRIVER_PRODUCT_H
#define JEPA_TEST_SIMT_DRIVER_PRODUCT_H

#include "runtime/cuda/CublasLt.h"
#include "simt/driver/Machine.h"

namespace fake {

/// cublasLtMatmulDesc_t's attributes.
struct ProductDesc {
  std::int32_t transA = 0, transB = 0;
  std::uint32_t epilogue = 1;
  void *bias = nullptr, *aux = nullptr;
  std::int64_t auxStride = 0;
  const float *scaleA = nullptr, *scaleB = nullptr;
  std::int32_t biasType = -1;
  std::int8_t fastSums = 0;
};

/// Column-major.
struct MatrixLayout {
  jepa::rt::cuda::lt::Type type;
  std::int64_t rows, columns, stride;
};

/// D = epilogue(op(A) op(B)).
struct ProductCall {
  ProductDesc desc;
  MatrixLayout aLayout, bLayout, dLayout;
  const void *a, *b;
  void *d;
  float *halves; ///< where not null, k is summed in two halves, the first of which goes here

  void run() const;
};

/// The library's status for a description, and for a call's addresses: 0, 7 (invalid value) or 15 (not supported).
int checkProduct(const ProductDesc &desc, const MatrixLayout &a, const MatrixLayout &b, const MatrixLayout &c,
                 const MatrixLayout &d);
int checkPlaces(const ProductCall &call);

} // namespace fake

#endif // JEPA_TEST_SIMT_DRIVER_PRODUCT_H
