//===- WidenedProduct.h - a product of bf16 as one of f32 ------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_GEMM_WIDENEDPRODUCT_H
#define JEPA_RUNTIME_GEMM_WIDENEDPRODUCT_H

#include "runtime/gemm/TiledProduct.h"

namespace jepa::rt {

/// Where the library has no bf16: in f32, between copies. Scratch is [A][op(B)
/// as stored][C][the f32 product's own]; a packed B is packed f32.
class WidenedProduct final : public Product {
public:
  WidenedProduct(const jepac_gemm_desc &desc, bool bias);

  std::int64_t scratchBytes(std::int64_t threads) const override;
  std::int64_t packedBytes() const override { return tiled.packedBytes(); }
  bool run(void *c, const void *a, const void *b, const float *bias, void *scratch,
           const Epilogue &epilogue) const override;
  bool pack(void *packed, const void *b, void *scratch) const override;

private:
  void widenB(char *to, const void *b) const;

  jepac_gemm_desc d;
  TiledProduct tiled;
  std::int64_t aBytes, bBytes, cBytes;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_GEMM_WIDENEDPRODUCT_H
