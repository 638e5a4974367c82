//===- matmul.cu - products as they are emitted ---------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "matmul.cuh"

using namespace jepa::device;

#ifdef JEPA_HOPPER
// Twice: with one consumer, 256 threads are what ThreadSanitizer follows without losing any.
#define MATMUL(name, plainB)                                                                                           \
  JEPA_KERNEL(Matmul<plainB>::threads, 1)                                                                              \
  matmul_##name(Rows<bf16> result, const JEPA_GRID_CONSTANT Operand a, const JEPA_GRID_CONSTANT Operand b, int rows,   \
                int columns, int depth) {                                                                              \
    Matmul<plainB>::run(result, a, b, rows, columns, depth);                                                           \
  }                                                                                                                    \
  JEPA_KERNEL(Matmul<plainB, 1>::threads, 1)                                                                           \
  matmul_##name##_narrow(Rows<float> result, const JEPA_GRID_CONSTANT Operand a, const JEPA_GRID_CONSTANT Operand b,   \
                         int rows, int columns, int depth) {                                                           \
    Matmul<plainB, 1>::run(result, a, b, rows, columns, depth);                                                        \
  }
#else
#define MATMUL(name, plainB)                                                                                           \
  JEPA_KERNEL(Matmul<plainB>::threads)                                                                                 \
  matmul_##name(Rows<bf16> result, const JEPA_GRID_CONSTANT Operand a, const JEPA_GRID_CONSTANT Operand b, int rows,   \
                int columns, int depth) {                                                                              \
    Matmul<plainB>::run(result, a, b, rows, columns, depth);                                                           \
  }                                                                                                                    \
  JEPA_KERNEL(Matmul<plainB>::threads)                                                                                 \
  matmul_##name##_narrow(Rows<float> result, const JEPA_GRID_CONSTANT Operand a, const JEPA_GRID_CONSTANT Operand b,   \
                         int rows, int columns, int depth) {                                                           \
    Matmul<plainB>::run(result, a, b, rows, columns, depth);                                                           \
  }
#endif

MATMUL(transposed, false)
MATMUL(plain, true)
