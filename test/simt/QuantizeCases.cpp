//===- QuantizeCases.cpp - tensors of e4m3 --------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "quantize.cuh"
#include "simt/Cases.h"

#include <cmath>

using namespace jepa::device;
using namespace simt;

extern "C" {
void largest_size_bf16(float *, const bf16 *);
void largest_size_f32(float *, const float *);
void quantize_bf16(e4m3 *, const bf16 *, const float *);
void quantize_f32(e4m3 *, const float *, const float *);
void quantize_scale_3(float *, const float *);
void layer_norm_e4m3(e4m3 *, const bf16 *);
void layer_norm_exact(float *, const bf16 *);
void attention_e4m3(e4m3 *, float *, const bf16 *);
void attention_exact(float *, float *, const bf16 *);
extern LaunchInfo largest_size_bf16_launch, largest_size_f32_launch, quantize_bf16_launch, quantize_f32_launch,
    quantize_scale_3_launch, layer_norm_e4m3_launch, layer_norm_exact_launch, attention_e4m3_launch,
    attention_exact_launch;
}

namespace {

/// What a byte stands for, by the format's definition.
double decode(unsigned bits) {
  int exponent = static_cast<int>(bits >> 3 & 15), mantissa = static_cast<int>(bits & 7);
  double size = (bits & 0x7f) == 0x7f ? NAN
                : exponent            ? std::ldexp(8 + mantissa, exponent - 10)
                                      : std::ldexp(mantissa, -9);
  return bits & 0x80 ? -size : size;
}

/// The nearest of all bytes; of two, the even one.
double nearest(double x) {
  double best = NAN;
  unsigned byte = 0;
  for (unsigned bits = 0; bits < 256; ++bits) {
    double y = decode(bits), distance = std::fabs(y - x);
    if (std::isnan(y) || (bits == 0x80))
      continue;
    if (std::isnan(best) || distance < std::fabs(best - x) ||
        (distance == std::fabs(best - x) && bits % 2 == 0 && byte % 2))
      best = y, byte = bits;
  }
  return best;
}

std::vector<double> decoded(const std::vector<e4m3> &bytes) {
  std::vector<double> numbers;
  for (e4m3 x : bytes)
    numbers.push_back(decode(x.bits));
  return numbers;
}
std::vector<float> floats(const std::vector<double> &numbers) { return {numbers.begin(), numbers.end()}; }

template <class T>
void check(Run &run, std::size_t count, const LaunchInfo &sizeLaunch, void (*largestSize)(float *, const T *),
           const LaunchInfo &quantizeLaunch, void (*quantize)(e4m3 *, const T *, const float *)) {
  for (bool zero : {false, true}) {
    auto x = randomVector<T>(run, count, zero ? 0.0f : 0.01f);
    auto partial = unwritten<float>(3), scale = unwritten<float>(1);
    std::vector<e4m3> bytes(count, {0x7f});
    double most = 0;
    for (T number : x)
      most = std::fmax(most, std::fabs(value(number)));
    run.launch({3}, sizeLaunch, largestSize, partial.data(), x.data());
    run.launch({1}, quantize_scale_3_launch, quantize_scale_3, scale.data(), partial.data());
    run.compare("scale", scale, {zero ? 1 : most / 448}, 1e-7);
    run.launch({3}, quantizeLaunch, quantize, bytes.data(), x.data(), scale.data());
    std::vector<double> expected;
    for (T number : x)
      expected.push_back(nearest(double(toFloat(number) * (1.0f / scale[0]))));
    run.compare("bytes", floats(decoded(bytes)), expected, 0);
  }
}

const Register ofBf16("quantize", "bf16", [](Run &run) {
  check<bf16>(run, 7000, largest_size_bf16_launch, largest_size_bf16, quantize_bf16_launch, quantize_bf16);
});
const Register ofF32("quantize", "f32", [](Run &run) {
  check<float>(run, 3 * 1024 + 5, largest_size_f32_launch, largest_size_f32, quantize_f32_launch, quantize_f32);
});

/// Every number that is halfway between two, its neighbours, and what is too large.
void checkRounding(Run &run) {
  std::vector<float> x;
  for (unsigned bits = 0; bits < 0x7e; ++bits) {
    auto middle = static_cast<float>((decode(bits) + decode(bits + 1)) / 2);
    for (float number :
         {static_cast<float>(decode(bits)), std::nextafter(middle, 0.0f), middle, std::nextafter(middle, 500.0f)})
      x.insert(x.end(), {number, -number});
  }
  x.insert(x.end(), {448, -448, 460, 470, -1e9f, INFINITY, 1e-30f});
  std::vector<double> expected;
  for (float number : x)
    expected.push_back(nearest(std::fmin(std::fmax(double(number), -448), 448)));
  x.resize(3 * 1024 + 5);
  expected.resize(x.size());
  std::vector<e4m3> bytes(x.size(), {0x7f});
  const float one = 1;
  run.launch({3}, quantize_f32_launch, quantize_f32, bytes.data(), x.data(), &one);
  run.compare("bytes", floats(decoded(bytes)), expected, 0);
}
const Register rounding("quantize", "rounding", checkRounding);

/// What is stored is what f32 would hold, rounded.
void compareRounded(Run &run, const std::vector<e4m3> &bytes, const std::vector<float> &exact) {
  std::vector<double> expected;
  for (float number : exact)
    expected.push_back(nearest(number));
  run.compare("bytes", floats(decoded(bytes)), expected, 0);
}

void checkNorm(Run &run) {
  auto x = randomVector<bf16>(run, 6 * 80);
  std::vector<e4m3> bytes(x.size(), {0x7f});
  auto exact = unwritten<float>(x.size());
  run.launch({2}, layer_norm_e4m3_launch, layer_norm_e4m3, bytes.data(), x.data());
  run.launch({2}, layer_norm_exact_launch, layer_norm_exact, exact.data(), x.data());
  compareRounded(run, bytes, exact);
}
const Register norm("quantize", "norm", checkNorm);

void checkAttention(Run &run) {
  auto qkv = randomVector<bf16>(run, 2 * 140 * 144);
  std::vector<e4m3> bytes(2 * 140 * 48, {0x7f});
  auto exact = unwritten<float>(bytes.size()), logsumexp = unwritten<float>(2 * 2 * 140), other = logsumexp;
  run.launch({3, 2, 2}, attention_e4m3_launch, attention_e4m3, bytes.data(), logsumexp.data(), qkv.data());
  run.launch({3, 2, 2}, attention_exact_launch, attention_exact, exact.data(), other.data(), qkv.data());
  compareRounded(run, bytes, exact);
  run.compare("logsumexp", logsumexp, values(other), 0);
}
const Register attention("quantize", "attention", checkAttention);

} // namespace
