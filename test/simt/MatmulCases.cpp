//===- MatmulCases.cpp - products of matrices -----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "matmul.cuh"
#include "simt/Cases.h"

using namespace jepa::device;
using namespace simt;

#define MATMUL(name)                                                                                                   \
  extern "C" void matmul_##name(Rows<bf16>, Operand, Operand, int, int, int);                                          \
  extern "C" void matmul_##name##_narrow(Rows<float>, Operand, Operand, int, int, int);
MATMUL(transposed)
MATMUL(plain)

namespace {

#ifdef JEPA_HOPPER
template <bool PlainB> using Wide = Matmul<PlainB, 2>;
template <bool PlainB> using Narrow = Matmul<PlainB, 1>;
Operand operand(const std::vector<bf16> &matrix, int rows, int columns, int boxRows) {
  return {tensorMap(matrix.data(), rows, columns, columns, boxRows, 64)};
}
template <class M> constexpr int boxRowsA = M::boxRowsA;
template <class M> constexpr int boxRowsB = M::boxRowsB;
#else
template <bool PlainB> using Wide = Matmul<PlainB>;
template <bool PlainB> using Narrow = Matmul<PlainB>;
Operand operand(const std::vector<bf16> &matrix, int, int columns, int) { return {matrix.data(), columns}; }
template <class M> constexpr int boxRowsA = 0;
template <class M> constexpr int boxRowsB = 0;
#endif

template <class M, class T, bool PlainB, class Kernel>
void check(Run &run, Kernel kernel, int rows, int columns, int depth) {
  auto a = randomVector<bf16>(run, static_cast<std::size_t>(rows * depth));
  auto b = randomVector<bf16>(run, static_cast<std::size_t>(columns * depth));
  auto result = unwritten<T>(static_cast<std::size_t>(rows * columns));
  std::vector<double> expected;
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) {
      double sum = 0;
      for (int k = 0; k < depth; ++k)
        sum += value(a[static_cast<std::size_t>(i * depth + k)]) *
               value(b[static_cast<std::size_t>(PlainB ? k * columns + j : j * depth + k)]);
      expected.push_back(sum);
    }
  Dim3 grid{unsigned((columns + M::blockColumns - 1) / M::blockColumns),
            unsigned((rows + M::blockRows - 1) / M::blockRows)};
  run.launch(grid, M::threads, sizeof(typename M::Shared), kernel, Rows<T>{result.data(), columns},
             operand(a, rows, depth, boxRowsA<M>),
             operand(b, PlainB ? depth : columns, PlainB ? columns : depth, boxRowsB<M>), rows, columns, depth);
  run.compare("product", result, expected, sizeof(T) == 2 ? 4e-3 : 1e-5);
}

// The depth goes round the stages more than once, and ends within a tile.
const Register transposed("matmul", "transposed narrow", [](Run &run) {
  check<Narrow<false>, float, false>(run, matmul_transposed_narrow, 70, 72, 64 * 9 + 24);
});
const Register plain("matmul", "plain narrow",
                     [](Run &run) { check<Narrow<true>, float, true>(run, matmul_plain_narrow, 61, 136, 64 * 9 + 8); });
const Register transposedWide("matmul", "transposed wide", [](Run &run) {
  check<Wide<false>, bf16, false>(run, matmul_transposed, 130, 120, 64 * 5 + 40);
});
const Register plainWide("matmul", "plain wide",
                         [](Run &run) { check<Wide<true>, bf16, true>(run, matmul_plain, 67, 200, 48); });

} // namespace
