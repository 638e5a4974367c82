//===- Product.cpp - what a product of cuBLASLt computes ------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "simt/driver/Product.h"

#include <cmath>
#include <cstdlib>
#include <cstring>

using namespace fake;
using namespace jepa::rt::cuda::lt;

static constexpr int ok = 0, invalid = 7, unsupported = 15;

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

static std::size_t bytesOf(Type type) { return type == typeE4m3 ? 1 : type == typeBf16 ? 2 : 4; }

/// 1 sign, 4 exponent (bias 7), 3 mantissa; no infinities.
static float fromE4m3(std::uint8_t bits) {
  int exponent = bits >> 3 & 15, mantissa = bits & 7;
  float value = exponent == 15 && mantissa == 7 ? NAN
                : exponent == 0                 ? std::ldexp(static_cast<float>(mantissa), -9)
                                                : std::ldexp(1 + static_cast<float>(mantissa) / 8, exponent - 7);
  return bits & 0x80 ? -value : value;
}

static float numberAt(Type type, const void *data, std::int64_t at) {
  if (type == typeE4m3)
    return fromE4m3(static_cast<const std::uint8_t *>(data)[at]);
  if (type == typeF32)
    return static_cast<const float *>(data)[at];
  std::uint32_t bits = std::uint32_t(static_cast<const std::uint16_t *>(data)[at]) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

static void store(Type type, void *data, std::int64_t at, float value) {
  if (type == typeF32) {
    static_cast<float *>(data)[at] = value;
    return;
  }
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  static_cast<std::uint16_t *>(data)[at] =
      static_cast<std::uint16_t>(value != value ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// The tanh form.
static constexpr double root = 0.7978845608028654, cubic = 0.044715;
static double gelu(double x) { return 0.5 * x * (1 + std::tanh(root * (x + cubic * x * x * x))); }
static double geluGrad(double x) {
  double t = std::tanh(root * (x + cubic * x * x * x));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root * (1 + 3 * cubic * x * x);
}

//===----------------------------------------------------------------------===//
// What may be asked for
//===----------------------------------------------------------------------===//

static bool isOne(std::uint32_t epilogue, std::initializer_list<std::uint32_t> of) {
  for (std::uint32_t one : of)
    if (epilogue == one)
      return true;
  return false;
}
static bool addsBias(std::uint32_t e) { return isOne(e, {4, 36, 164}); }
static bool isGelu(std::uint32_t e) { return isOne(e, {32, 36, 160, 164}); }
static bool storesAux(std::uint32_t e) { return isOne(e, {160, 164}); }
static bool isGeluGrad(std::uint32_t e) { return isOne(e, {192, 208}); }
static bool gradsBias(std::uint32_t e) { return isOne(e, {208, 256, 512}); }

int fake::checkProduct(const ProductDesc &desc, const MatrixLayout &a, const MatrixLayout &b, const MatrixLayout &c,
                       const MatrixLayout &d) {
  std::uint32_t e = desc.epilogue;
  if (!isOne(e, {1, 4, 32, 36, 160, 164, 192, 208, 256, 512}) || desc.transA < 0 || desc.transA > 1 ||
      desc.transB < 0 || desc.transB > 1)
    return invalid;
  std::int64_t k = desc.transA ? a.rows : a.columns;
  if ((desc.transA ? a.columns : a.rows) != d.rows || (desc.transB ? b.rows : b.columns) != d.columns ||
      (desc.transB ? b.columns : b.rows) != k || c.rows != d.rows || c.columns != d.columns)
    return invalid;
  for (const MatrixLayout *matrix : {&a, &b, &c, &d})
    if (matrix->rows < 1 || matrix->columns < 1 || matrix->stride < matrix->rows)
      return invalid;
  if (a.type != b.type || c.type != d.type || (d.type != typeF32 && d.type != typeBf16))
    return unsupported;
  if (a.type == typeF32 && d.type != typeF32)
    return unsupported;
  if (a.type == typeE4m3) {
    // "All matrix dimensions must meet the optimal requirements", A is transposed and B is not.
    bool fits = desc.transA == 1 && desc.transB == 0 && a.stride % 16 == 0 && b.stride % 16 == 0 && k % 16 == 0 &&
                d.rows % 16 == 0 && d.columns % 16 == 0 && !isGeluGrad(e) && !gradsBias(e);
    if (!fits)
      return unsupported;
  } else if (desc.scaleA || desc.scaleB) {
    return invalid;
  }
  if (gradsBias(e) && std::getenv("JEPAC_FAKE_CUBLASLT_NO_BIAS_GRAD"))
    return unsupported;
  if (addsBias(e) || gradsBias(e)) {
    Type natural = a.type == typeE4m3 ? typeBf16 : d.type;
    if (desc.biasType != -1 && desc.biasType != natural)
      return unsupported;
  }
  if ((storesAux(e) || isGeluGrad(e)) && (desc.auxStride % 8 || desc.auxStride < d.rows))
    return invalid;
  return ok;
}

int fake::checkPlaces(const ProductCall &call) {
  auto aligned = [](const void *address, std::size_t bytes) {
    return address && reinterpret_cast<std::uintptr_t>(address) % bytes == 0;
  };
  const ProductDesc &desc = call.desc;
  std::size_t least = call.aLayout.type == typeE4m3 ? 16 : bytesOf(call.aLayout.type);
  if (!aligned(call.a, least) || !aligned(call.b, least) || !aligned(call.d, bytesOf(call.dLayout.type)))
    return invalid;
  if ((addsBias(desc.epilogue) || gradsBias(desc.epilogue)) && !aligned(desc.bias, bytesOf(call.dLayout.type)))
    return invalid;
  if ((storesAux(desc.epilogue) || isGeluGrad(desc.epilogue)) && !aligned(desc.aux, 16))
    return invalid;
  if (call.halves && !aligned(call.halves, 16))
    return invalid;
  return ok;
}

//===----------------------------------------------------------------------===//
// The product
//===----------------------------------------------------------------------===//

/// op(matrix) as rows of `length` numbers that lie together: [rows of op(A), k] or [columns of op(B), k].
static std::vector<float> vectorsOf(const MatrixLayout &layout, const void *data, bool alongColumns, std::int64_t count,
                                    std::int64_t length) {
  std::vector<float> values(static_cast<std::size_t>(count * length));
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t j = 0; j < length; ++j)
      values[static_cast<std::size_t>(i * length + j)] =
          numberAt(layout.type, data, alongColumns ? j + i * layout.stride : i + j * layout.stride);
  return values;
}

static double dot(const float *x, const float *y, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i)
    sum += double(x[i]) * double(y[i]);
  return sum;
}

void ProductCall::run() const {
  std::int64_t rows = dLayout.rows, columns = dLayout.columns, k = desc.transA ? aLayout.rows : aLayout.columns;
  // A column of the stored A is a row of its transpose.
  std::vector<float> left = vectorsOf(aLayout, a, desc.transA, rows, k);
  std::vector<float> right = vectorsOf(bLayout, b, !desc.transB, columns, k);
  std::uint32_t e = desc.epilogue;
  Type biasType = desc.biasType == -1 ? dLayout.type : Type(desc.biasType);
  double scale = double(desc.scaleA ? *desc.scaleA : 1) * double(desc.scaleB ? *desc.scaleB : 1);
  std::vector<double> biasGrad(static_cast<std::size_t>(e == 512 ? columns : rows));
  std::int64_t half = halves ? k / 2 : 0;
  for (std::int64_t column = 0; column < columns; ++column)
    for (std::int64_t row = 0; row < rows; ++row) {
      const float *x = left.data() + row * k, *y = right.data() + column * k;
      if (halves)
        halves[column * rows + row] = static_cast<float>(dot(x, y, half));
      double value = dot(x + half, y + half, k - half);
      if (halves)
        value = double(static_cast<float>(value)) + double(halves[column * rows + row]);
      value *= scale;
      if (addsBias(e))
        value += double(numberAt(biasType, desc.bias, row));
      std::int64_t auxAt = column * desc.auxStride + row;
      if (storesAux(e))
        store(dLayout.type, desc.aux, auxAt, static_cast<float>(value));
      if (isGelu(e))
        value = gelu(value);
      if (isGeluGrad(e))
        value *= geluGrad(double(numberAt(dLayout.type, desc.aux, auxAt)));
      if (e == 208)
        biasGrad[static_cast<std::size_t>(row)] += value;
      store(dLayout.type, d, column * dLayout.stride + row, static_cast<float>(value));
    }
  if (e == 256 || e == 512) {
    const std::vector<float> &from = e == 256 ? left : right;
    for (std::size_t i = 0; i < biasGrad.size(); ++i)
      for (std::int64_t j = 0; j < k; ++j)
        biasGrad[i] += double(from[i * static_cast<std::size_t>(k) + static_cast<std::size_t>(j)]);
  }
  if (gradsBias(e))
    for (std::size_t i = 0; i < biasGrad.size(); ++i)
      store(biasType, desc.bias, static_cast<std::int64_t>(i), static_cast<float>(biasGrad[i]));
}
