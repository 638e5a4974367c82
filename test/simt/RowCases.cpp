//===- RowCases.cpp - groups of row ops -----------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "row.cuh"
#include "simt/Cases.h"

#include <cmath>

using namespace jepa::device;
using namespace simt;

namespace {

/// Of T's rounding, and of a sum or two of f32.
template <class T> constexpr double rounding = sizeof(T) == 2 ? 4e-3 : 1e-5;

unsigned parts(int rows, int each) { return unsigned((rows + each - 1) / each); }

} // namespace

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

namespace {

/// What the norms of some rows are, and their adjoints, with a weight and without.
struct Norms {
  std::vector<double> normal, result, xGrad, plainGrad, sums;

  template <class T>
  Norms(int rows, int width, const std::vector<T> &x, const std::vector<bf16> &gradient,
        const std::vector<float> &weight, const std::vector<float> &bias)
      : normal(x.size()), result(x.size()), xGrad(x.size()), plainGrad(x.size()), sums(2 * weight.size()) {
    for (int row = 0; row < rows; ++row) {
      auto begin = static_cast<std::size_t>(row * width);
      double mean = 0, variance = 0;
      for (int c = 0; c < width; ++c)
        mean += value(x[begin + unsigned(c)]) / width;
      for (int c = 0; c < width; ++c)
        variance += std::pow(value(x[begin + unsigned(c)]) - mean, 2) / width;
      double scale = 1 / std::sqrt(variance + 1e-6), means[2] = {}, along[2] = {};
      for (unsigned c = 0; c < unsigned(width); ++c) {
        double dy = value(gradient[begin + c]), n = normal[begin + c] = (value(x[begin + c]) - mean) * scale;
        result[begin + c] = n * double(weight[c]) + double(bias[c]);
        sums[c] += dy * n;
        sums[weight.size() + c] += dy;
        for (int weighted : {0, 1}) {
          double g = weighted ? dy * double(weight[c]) : dy;
          means[weighted] += g / width;
          along[weighted] += g * n / width;
        }
      }
      for (unsigned c = 0; c < unsigned(width); ++c) {
        double dy = value(gradient[begin + c]), n = normal[begin + c];
        plainGrad[begin + c] = scale * (dy - means[0] - n * along[0]);
        xGrad[begin + c] = scale * (dy * double(weight[c]) - means[1] - n * along[1]);
      }
    }
  }
};

template <class T> struct NormKernels {
  LaunchInfo &forward, &backward, &plain, &sum;
  void (*addNorm)(T *, bf16 *, const T *, const bf16 *, const float *, const float *);
  void (*grad)(T *, float *, const bf16 *, const T *, const T *, const float *);
  void (*plainNorm)(float *, T *, const bf16 *, const T *);
  void (*sumRows)(float *, const float *);
};

template <class T> void checkNorm(Run &run, int width, int rows, int each, const NormKernels<T> &kernels) {
  auto count = static_cast<std::size_t>(rows * width), columns = static_cast<std::size_t>(width);
  auto x = randomVector<T>(run, count, 2), past = randomVector<T>(run, count);
  auto product = randomVector<bf16>(run, count), gradient = randomVector<bf16>(run, count);
  auto weight = randomVector<float>(run, columns), bias = randomVector<float>(run, columns);
  auto sum = unwritten<T>(count), xGrad = sum, plainGrad = sum;
  auto result = unwritten<bf16>(count);
  auto normal = unwritten<float>(count);

  std::vector<T> sums;
  for (std::size_t i = 0; i < count; ++i)
    sums.push_back(fromFloat<T>(toFloat(x[i]) + toFloat(product[i])));
  Norms ofSums(rows, width, sums, gradient, weight, bias), ofX(rows, width, x, gradient, weight, bias);

  Dim3 grid{parts(rows, RowBlock<1>::rows)};
  run.launch(grid, kernels.forward, kernels.addNorm, sum.data(), result.data(), x.data(), product.data(), weight.data(),
             bias.data());
  run.compare("sum", sum, values(sums), 0);
  run.compare("result", result, ofSums.result, 4e-3);
  run.launch(grid, kernels.plain, kernels.plainNorm, normal.data(), plainGrad.data(), gradient.data(), x.data());
  run.compare("normal", normal, ofX.normal, 1e-5);
  run.compare("plainGrad", plainGrad, ofX.plainGrad, rounding<T>);

  unsigned blocks = parts(rows, each);
  auto partial = unwritten<float>(blocks * 2 * columns), total = unwritten<float>(2 * columns);
  run.launch({blocks}, kernels.backward, kernels.grad, xGrad.data(), partial.data(), gradient.data(), x.data(),
             past.data(), weight.data());
  for (std::size_t i = 0; i < count; ++i)
    ofX.xGrad[i] += value(past[i]);
  run.compare("xGrad", xGrad, ofX.xGrad, rounding<T>);
  run.launch({parts(2 * width, 32)}, kernels.sum, kernels.sumRows, total.data(), partial.data());
  run.compare("weightGrad", total, ofX.sums, 1e-5);
}

} // namespace

#define NORM(width, T, count, each)                                                                                    \
  extern "C" void add_layer_norm_##width(T *, bf16 *, const T *, const bf16 *, const float *, const float *);          \
  extern "C" void layer_norm_grad_##width(T *, float *, const bf16 *, const T *, const T *, const float *);            \
  extern "C" void plain_norm_##width(float *, T *, const bf16 *, const T *);                                           \
  extern "C" void sum_rows_##width(float *, const float *);                                                            \
  extern "C" LaunchInfo add_layer_norm_##width##_launch, layer_norm_grad_##width##_launch,                             \
      plain_norm_##width##_launch, sum_rows_##width##_launch;                                                          \
  static const Register norm##width("row", "layer norm " #width, [](Run &run) {                                        \
    checkNorm<T>(run, width, count, each,                                                                              \
                 {add_layer_norm_##width##_launch, layer_norm_grad_##width##_launch, plain_norm_##width##_launch,      \
                  sum_rows_##width##_launch, add_layer_norm_##width, layer_norm_grad_##width, plain_norm_##width,      \
                  sum_rows_##width});                                                                                  \
  });

NORM(1, float, 5, 3)
NORM(33, float, 14, 6)
NORM(36, bf16, 9, 6)
NORM(48, bf16, 5, 6)
NORM(384, float, 7, 6)
NORM(1280, bf16, 3, 6)
NORM(1408, bf16, 2, 6)

//===----------------------------------------------------------------------===//
// Tiles of columns
//===----------------------------------------------------------------------===//

namespace {

template <class T> struct GeluKernels {
  LaunchInfo &forward, &backward;
  void (*gelu)(T *, const T *, const float *);
  void (*grad)(T *, float *, const T *, const T *);
};

template <class T> void checkGelu(Run &run, int width, unsigned tiles, const GeluKernels<T> &kernels) {
  constexpr int rows = 9, each = 7;
  auto count = static_cast<std::size_t>(rows * width), columns = static_cast<std::size_t>(width);
  auto x = randomVector<T>(run, count, 3), gradient = randomVector<T>(run, count);
  auto bias = randomVector<float>(run, columns);
  auto y = unwritten<T>(count), xGrad = y;
  unsigned blocks = parts(rows, each);
  auto partial = unwritten<float>(blocks * columns);
  auto normal = [](double v) { return 0.5 * (1 + std::erf(v / std::sqrt(2))); };
  std::vector<double> expected, grads, sums(blocks * columns);
  for (std::size_t i = 0; i < count; ++i) {
    double v = value(x[i]), shifted = v + double(bias[i % columns]);
    expected.push_back(shifted * normal(shifted));
    grads.push_back(value(gradient[i]) * (normal(v) + v * std::exp(-v * v / 2) / std::sqrt(2 * M_PI)));
    sums[i / columns / each * columns + i % columns] += grads.back();
  }
  run.launch({parts(rows, RowBlock<1>::rows), tiles}, kernels.forward, kernels.gelu, y.data(), x.data(), bias.data());
  run.compare("gelu", y, expected, rounding<T>);
  run.launch({blocks, tiles}, kernels.backward, kernels.grad, xGrad.data(), partial.data(), gradient.data(), x.data());
  run.compare("geluGrad", xGrad, grads, rounding<T>);
  run.compare("biasGrad", partial, sums, 1e-5);
}

} // namespace

#define GELU(width, T)                                                                                                 \
  extern "C" void gelu_##width(T *, const T *, const float *);                                                         \
  extern "C" void gelu_grad_##width(T *, float *, const T *, const T *);                                               \
  extern "C" LaunchInfo gelu_##width##_launch, gelu_grad_##width##_launch;                                             \
  static const Register gelu##width("row", "gelu " #width, [](Run &run) {                                              \
    checkGelu<T>(run, width, ColumnTile<width>::tiles,                                                                 \
                 {gelu_##width##_launch, gelu_grad_##width##_launch, gelu_##width, gelu_grad_##width});                \
  });

GELU(192, float)
GELU(521, float)
GELU(1032, bf16)

//===----------------------------------------------------------------------===//
// Strides, and the other ops
//===----------------------------------------------------------------------===//

extern "C" {
void concat_features(bf16 *, const bf16 *, const float *);
void split_features(float *, float *, const bf16 *);
void softmax_77(float *, float *, float *, const float *, const float *);
extern LaunchInfo concat_features_launch, split_features_launch, softmax_77_launch;
}

namespace {

void checkFeatures(Run &run) {
  constexpr std::size_t rows = 6, left = 20, right = 22;
  auto first = randomVector<bf16>(run, rows * left);
  auto second = randomVector<float>(run, rows * right);
  auto joined = unwritten<bf16>(rows * (left + right));
  auto scaled = unwritten<float>(rows * left), positive = unwritten<float>(rows * right);
  std::vector<double> expected, halves, larger;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t c = 0; c < left; ++c) {
      expected.push_back(value(first[row * left + c]));
      halves.push_back(0.5 - 2 * expected.back());
    }
    for (std::size_t c = 0; c < right; ++c) {
      expected.push_back(value(fromFloat<bf16>(second[row * right + c])));
      larger.push_back(std::fmax(expected.back(), 0));
    }
  }
  Dim3 grid{parts(rows, RowBlock<20>::rows)};
  run.launch(grid, concat_features_launch, concat_features, joined.data(), first.data(), second.data());
  run.compare("joined", joined, expected, 0);
  run.launch(grid, split_features_launch, split_features, scaled.data(), positive.data(), joined.data());
  run.compare("scaled", scaled, halves, 1e-6);
  run.compare("positive", positive, larger, 0);
}
const Register features("row", "features", checkFeatures);

void checkSoftmax(Run &run) {
  constexpr std::size_t rows = 6, width = 77;
  auto x = randomVector<float>(run, rows * width, 5), gradient = randomVector<float>(run, rows * width);
  auto y = unwritten<float>(rows * width), xGrad = y, reluGrad = y;
  std::vector<double> expected(rows * width), grads, masked;
  for (std::size_t row = 0; row < rows; ++row) {
    double sum = 0, along = 0;
    for (std::size_t i = row * width; i < (row + 1) * width; ++i)
      sum += expected[i] = std::exp(double(x[i]));
    for (std::size_t i = row * width; i < (row + 1) * width; ++i)
      along += double(gradient[i]) * (expected[i] /= sum);
    for (std::size_t i = row * width; i < (row + 1) * width; ++i) {
      grads.push_back(expected[i] * (double(gradient[i]) - along));
      masked.push_back(x[i] > 0 ? double(gradient[i]) : 0);
    }
  }
  run.launch({parts(rows, RowBlock<77>::rows)}, softmax_77_launch, softmax_77, y.data(), xGrad.data(), reluGrad.data(),
             gradient.data(), x.data());
  run.compare("softmax", y, expected, 1e-5);
  run.compare("softmaxGrad", xGrad, grads, 1e-5);
  run.compare("reluGrad", reluGrad, masked, 0);
}
const Register softmaxRows("row", "softmax", checkSoftmax);

} // namespace
