//===- LayoutCases.cpp - where wgmma and the copy engine put things -------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products of one warpgroup, in numbers that tell each element from its
// neighbours and whose sums are exact: a result that is right to the bit says
// where each operand was read and each sum was kept. What a GPU says of them is
// what the executor must say.
//
//===----------------------------------------------------------------------===//
#include "simt/Cases.h"
#include "simt/Primitives.h"

using namespace jepa::device;
using namespace simt;

#define LAYOUT(n, depth, plain, registers)                                                                             \
  extern "C" void layout_##n##_##depth##_##plain##_##registers(float *, TensorMap, TensorMap);                         \
  static const Register register_##n##_##depth##_##plain##_##registers(                                                \
      "layout", #n " " #depth " " #plain " " #registers,                                                               \
      [](Run &run) { check(run, n, depth, plain, layout_##n##_##depth##_##plain##_##registers); });

namespace {

/// Small whole numbers.
std::vector<bf16> numbers(std::size_t count, unsigned step) {
  std::vector<bf16> all(count);
  for (std::size_t i = 0; i < count; ++i)
    all[i] = fromFloat<bf16>(static_cast<float>((i * step + i / 7) % 61) - 30);
  return all;
}

/// Widths of a tile's panels, as tile.cuh cuts them.
int panelOf(int columns) { return columns % 64 == 0 ? 64 : columns % 32 == 0 ? 32 : 16; }

void check(Run &run, int n, int depth, bool plain, void (*kernel)(float *, TensorMap, TensorMap)) {
  int rowsB = plain ? depth : n, columnsB = plain ? n : depth;
  auto a = numbers(static_cast<std::size_t>(64 * depth), 37), b = numbers(static_cast<std::size_t>(n * depth), 23);
  TensorMap mapA = tensorMap(a.data(), 64, depth, depth, 64, panelOf(depth));
  TensorMap mapB = tensorMap(b.data(), rowsB, columnsB, columnsB, rowsB, panelOf(columnsB));
  auto result = unwritten<float>(static_cast<std::size_t>(64 * n));
  std::vector<double> expected;
  for (int i = 0; i < 64; ++i)
    for (int j = 0; j < n; ++j) {
      double sum = 0;
      for (int k = 0; k < depth; ++k)
        sum += value(a[static_cast<std::size_t>(i * depth + k)]) *
               value(b[static_cast<std::size_t>(plain ? k * n + j : j * depth + k)]);
      expected.push_back(sum);
    }
  run.launch({1}, 128, 64 << 10, kernel, result.data(), mapA, mapB);
  run.compare("product", result, expected, 0);
}

LAYOUT(16, 16, 0, 0)
LAYOUT(32, 32, 0, 1)
LAYOUT(64, 64, 0, 0)
LAYOUT(128, 48, 0, 1)
LAYOUT(16, 64, 1, 1)
LAYOUT(32, 16, 1, 0)
LAYOUT(64, 32, 1, 0)
LAYOUT(128, 64, 1, 1)
LAYOUT(80, 16, 1, 1)
LAYOUT(96, 32, 1, 0)

} // namespace
