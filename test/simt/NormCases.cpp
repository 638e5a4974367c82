//===- NormCases.cpp - layer norm and its adjoint -------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "layer_norm.cuh"
#include "simt/Cases.h"

#include <cmath>

using namespace jepa::device;
using namespace simt;

#define NORM(width, T, rows)                                                                                           \
  extern "C" void layer_norm_##width(bf16 *, T *, const T *, const bf16 *, const float *, const float *, int);         \
  extern "C" void layer_norm_grad_##width(T *, float *, const bf16 *, const T *, const T *, const float *, int, int);  \
  static const Register register##width("layer_norm", #width, [](Run &run) {                                           \
    for (bool affine : {true, false})                                                                                  \
      for (bool residual : {true, false})                                                                              \
        check<width, T>(run, rows, affine, residual, layer_norm_##width, layer_norm_grad_##width);                     \
  });

extern "C" void sum_rows(float *, const float *, int, int);

namespace {

template <int Width, class T, class Forward, class Backward>
void check(Run &run, int rows, bool affine, bool residual, Forward forward, Backward backward) {
  auto count = static_cast<std::size_t>(rows * Width);
  auto x = randomVector<T>(run, count, 2);
  auto more = randomVector<bf16>(run, count), gradient = randomVector<bf16>(run, count);
  auto weight = randomVector<float>(run, Width), bias = randomVector<float>(run, Width);
  auto past = randomVector<T>(run, count);
  auto result = unwritten<bf16>(count);
  auto sum = unwritten<T>(count), xGrad = sum;
  const double tolerance = sizeof(T) == 2 ? 1e-2 : 5e-3; // the result is bf16 in either case

  std::vector<double> expected(count), sums(count, NAN), grads(count), weightGrad(Width), biasGrad(Width);
  for (int row = 0; row < rows; ++row) {
    auto at = [&](int column) { return static_cast<std::size_t>(row * Width + column); };
    double mean = 0, variance = 0, meanGrad = 0, along = 0;
    std::vector<double> h(Width), g(Width);
    for (int c = 0; c < Width; ++c) {
      auto column = static_cast<std::size_t>(c);
      h[column] = value(x[at(c)]);
      if (residual)
        h[column] = sums[at(c)] = value(fromFloat<T>(toFloat(x[at(c)]) + toFloat(more[at(c)])));
      mean += h[column] / Width;
    }
    for (double v : h)
      variance += (v - mean) * (v - mean) / Width;
    double scale = 1 / std::sqrt(variance + 1e-6);
    for (int c = 0; c < Width; ++c) {
      auto column = static_cast<std::size_t>(c);
      h[column] = (h[column] - mean) * scale;
      double dy = value(gradient[at(c)]), w = affine ? double(weight[column]) : 1;
      expected[at(c)] = h[column] * w + (affine ? double(bias[column]) : 0);
      weightGrad[column] += dy * h[column];
      biasGrad[column] += dy;
      g[column] = dy * w;
      meanGrad += g[column] / Width;
      along += g[column] * h[column] / Width;
    }
    for (int c = 0; c < Width; ++c) {
      auto column = static_cast<std::size_t>(c);
      grads[at(c)] = scale * (g[column] - meanGrad - h[column] * along) + (residual ? value(past[at(c)]) : 0);
    }
  }

  unsigned blocks = (unsigned(rows) + 3) / 4;
  run.launch({blocks}, 128, 0, forward, result.data(), sum.data(), x.data(), residual ? more.data() : nullptr,
             affine ? weight.data() : nullptr, bias.data(), rows);
  run.compare("result", result, expected, tolerance);
  run.compare("sum", sum, sums, 0);

  // Blocks of 6 rows, which no number of warps divides.
  unsigned parts = (unsigned(rows) + 5) / 6;
  auto partial = unwritten<float>(parts * 2 * Width), total = unwritten<float>(2 * Width);
  run.launch({parts}, 128, sizeof(typename LayerNormGrad<Width>::Shared), backward, xGrad.data(),
             affine ? partial.data() : nullptr, gradient.data(), residual ? sum.data() : x.data(),
             residual ? past.data() : nullptr, affine ? weight.data() : nullptr, rows, 6);
  run.compare("xGrad", xGrad, grads, sizeof(T) == 2 ? 1e-2 : 1e-4);
  if (!affine)
    return;
  run.launch({(2 * Width + 31) / 32}, 128, sizeof(SumRows::Shared), sum_rows, total.data(), partial.data(), int(parts),
             2 * Width);
  weightGrad.insert(weightGrad.end(), biasGrad.begin(), biasGrad.end());
  run.compare("weightGrad", total, weightGrad, 1e-4);
}

} // namespace

NORM(33, float, 14)
NORM(36, bf16, 9)
NORM(48, bf16, 5)
NORM(384, float, 7)
NORM(1280, bf16, 3)
NORM(1408, bf16, 2)
