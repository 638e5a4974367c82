//===- step.h - what a step's text is written in --------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The text of a step names its launches and products in order. Binaries run the
// same calls as object code, captured as one CUDA graph; whoever wants to run
// the text itself defines these two.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <initializer_list>

/// Blocks of a grid along x, y and z.
struct Grid {
  unsigned x, y, z;
};

/// Puts a kernel of kernels.cu into the stream; its block is what `<kernel>_launch` says.
void launch(const char *kernel, Grid grid, std::initializer_list<char *> arguments);

/// c[m,n] = op(a)[m,k] op(b)[k,n], row-major, with row strides in elements.
struct Product {
  std::int64_t m, n, k, lda, ldb, ldc;
  bool transA, transB;
  const char *inputs, *result; ///< "float", "bf16" or, of inputs, "e4m3"
  const char *epilogue;        ///< "none", "bias", "gelu", "dgelu" or "bias_grad"
};

/// Puts a product into the stream; what it does not use is null. b of e4m3 is multiplied by a float.
void product(const Product &product, char *c, char *a, char *b, char *bias, char *aux, char *workspace,
             char *scale = nullptr);
