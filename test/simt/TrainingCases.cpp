//===- TrainingCases.cpp - what surrounds the layers ----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "adamw.cuh"
#include "power_loss.cuh"
#include "simt/Cases.h"

#include <algorithm>
#include <cmath>

using namespace jepa::device;
using namespace simt;

extern "C" {
void squared_norm_0(float *, const unsigned char *);
void squared_norm_1(float *, const unsigned char *);
void adamw_0(unsigned char *, const float *);
void squared_norm_0_sum(float *, const float *);
void squared_norm_1_sum(float *, const float *);
extern LaunchInfo squared_norm_0_launch, squared_norm_0_sum_launch, squared_norm_1_launch, squared_norm_1_sum_launch,
    adamw_0_launch;
}

namespace {

enum Kind { Clips, Length, Packed };

template <class T> struct LossKernels {
  LaunchInfo &lossLaunch, &sumLaunch, &gradLaunch;
  void (*loss)(float *, const T *, const float *, const int *);
  void (*sum)(float *, const float *);
  void (*grad)(T *, const float *, const T *, const float *, const int *);
};

template <class T> void checkLoss(Run &run, int width, Kind kind, double exponent, const LossKernels<T> &kernels) {
  constexpr int clips = 3, tokens = 13, rows = clips * tokens;
  const std::vector<int> bounds{2, 9, 10, 33}, length{5};
  auto count = static_cast<std::size_t>(rows * width);
  auto predicted = randomVector<T>(run, count);
  auto target = randomVector<float>(run, count);
  target[3] = toFloat(predicted[3]); // a difference of zero
  auto grads = unwritten<T>(count);
  std::vector<double> expected(count), loss(1);
  const float upstream = 0.75f;
  for (int row = 0; row < rows; ++row) {
    double weight = 1.0 / rows;
    if (kind == Length)
      weight = row % tokens < length[0] ? 1.0 / (clips * length[0]) : 0;
    if (kind == Packed)
      weight = row < 2 || row >= 33 ? 0 : 1.0 / 3 / (row < 9 ? 7 : row < 10 ? 1 : 23);
    for (int c = 0; c < width; ++c) {
      auto at = static_cast<std::size_t>(row * width + c);
      double d = value(predicted[at]) - double(target[at]), size = std::fabs(d);
      loss[0] += weight / width * std::pow(size, exponent) / exponent;
      expected[at] = d == 0 ? 0 : double(upstream) * weight / width * std::pow(size, exponent - 1) * (d < 0 ? -1 : 1);
    }
  }
  const int *limit = kind == Length ? length.data() : kind == Packed ? bounds.data() : nullptr;
  auto partial = unwritten<float>(2), total = unwritten<float>(1);
  run.launch({2}, kernels.lossLaunch, kernels.loss, partial.data(), predicted.data(), target.data(), limit);
  run.launch({1}, kernels.sumLaunch, kernels.sum, total.data(), partial.data());
  run.compare("loss", total, loss, 1e-5);
  run.launch({(rows + 3) / 4}, kernels.gradLaunch, kernels.grad, grads.data(), &upstream, predicted.data(),
             target.data(), limit);
  run.compare("grad", grads, expected, sizeof(T) == 2 ? 4e-3 : 1e-5);
}

} // namespace

#define LOSS(name, width, T, kind, exponent)                                                                           \
  extern "C" void power_loss_##name(float *, const T *, const float *, const int *);                                   \
  extern "C" void power_loss_sum_##name(float *, const float *);                                                       \
  extern "C" void power_loss_grad_##name(T *, const float *, const T *, const float *, const int *);                   \
  extern "C" LaunchInfo power_loss_##name##_launch, power_loss_sum_##name##_launch, power_loss_grad_##name##_launch;   \
  static const Register loss##name("power_loss", #name, [](Run &run) {                                                 \
    checkLoss<T>(run, width, kind, exponent,                                                                           \
                 {power_loss_##name##_launch, power_loss_sum_##name##_launch, power_loss_grad_##name##_launch,         \
                  power_loss_##name, power_loss_sum_##name, power_loss_grad_##name});                                  \
  });

LOSS(42_clips, 42, float, Clips, 1.5)
LOSS(42_length, 42, float, Length, 1)
LOSS(42_packed, 42, float, Packed, 2)
LOSS(400_clips, 400, bf16, Clips, 1)
LOSS(400_length, 400, bf16, Length, 2)
LOSS(400_packed, 400, bf16, Packed, 1.5)

namespace {

/// The arena that adamw_0_places is of: all gradients, then each parameter with what moves with it, then the norms.
class Arena {
public:
  template <class T> T *take(std::size_t count) {
    T *address = reinterpret_cast<T *>(bytes.data() + used);
    used = (used + count * sizeof(T) + 63) / 64 * 64;
    return used <= bytes.size() ? address : throw Wrong("the arena is too small");
  }
  template <class T> T *fill(const std::vector<T> &values) {
    return std::copy(values.begin(), values.end(), take<T>(values.size())) - values.size();
  }
  unsigned char *start() { return bytes.data(); }

private:
  std::vector<unsigned char> bytes = std::vector<unsigned char>(181696);
  std::size_t used = 0;
};

struct Trained {
  std::size_t count;
  bool decays, teacher, copy;
  std::vector<float> value = {}, first = {}, second = {}, teacherValue = {}, gradient = {};
  float *at[4] = {}, *gradientAt = nullptr;
  bf16 *copies[2] = {};
};

void checkAdamW(Run &run) {
  Trained all[] = {
      {1, false, true, true}, {4099, true, true, false}, {4096, false, true, true}, {30, true, false, true}};
  Arena arena;
  double norms[2] = {};
  for (std::size_t i = 0; i < 4; ++i) {
    Trained &its = all[i];
    its.gradientAt = arena.fill(its.gradient = randomVector<float>(run, its.count));
    for (float x : its.gradient)
      norms[i / 2] += double(x) * double(x);
  }
  for (Trained &its : all) {
    its.at[0] = arena.fill(its.value = randomVector<float>(run, its.count));
    its.at[1] = arena.fill(its.first = randomVector<float>(run, its.count));
    its.second = randomVector<float>(run, its.count);
    for (float &x : its.second)
      x *= x;
    its.at[2] = arena.fill(its.second);
    its.teacherValue = randomVector<float>(run, its.count);
    its.at[3] = its.teacher ? arena.fill(its.teacherValue) : nullptr;
    its.copies[0] = its.copy ? arena.fill(unwritten<bf16>(its.count)) : nullptr;
    its.copies[1] = its.copy && its.teacher ? arena.fill(unwritten<bf16>(its.count)) : nullptr;
  }
  float *normsAt[2] = {arena.fill(unwritten<float>(1)), arena.fill(unwritten<float>(1))};

  for (int module : {0, 1}) {
    auto partial = unwritten<float>(2);
    run.launch({2}, module ? squared_norm_1_launch : squared_norm_0_launch, module ? squared_norm_1 : squared_norm_0,
               partial.data(), arena.start());
    run.launch({1}, module ? squared_norm_1_sum_launch : squared_norm_0_sum_launch,
               module ? squared_norm_1_sum : squared_norm_0_sum, normsAt[module], partial.data());
    run.compare("norm", std::vector<float>{*normsAt[module]}, {norms[module]}, 1e-5);
  }

  for (float clip : {0.0f, 10.0f}) {
    const std::vector<float> hyper{1e-3f, 0.05f,  0.99f, 1 - 0.9f * 0.9f, 1 - 0.999f * 0.999f, clip,
                                   0.9f,  0.999f, 1e-8f};
    run.launch({5}, adamw_0_launch, adamw_0, arena.start(), hyper.data());
    for (std::size_t i = 0; i < 4; ++i) {
      Trained &old = all[i];
      double fit = clip > 0 ? std::min(1.0, double(clip) / (std::sqrt(norms[i / 2]) + 1e-6)) : 1;
      std::vector<double> value, first, second, teacher;
      for (std::size_t j = 0; j < old.count; ++j) {
        double g = double(old.gradient[j]) * fit;
        first.push_back(0.9 * double(old.first[j]) + 0.1 * g);
        second.push_back(0.999 * double(old.second[j]) + 0.001 * g * g);
        double kept = double(old.value[j]) * (old.decays ? 1 - 1e-3 * 0.05 : 1);
        value.push_back(kept - 1e-3 * first[j] / double(hyper[3]) / (std::sqrt(second[j] / double(hyper[4])) + 1e-8));
        teacher.push_back(0.99 * double(old.teacherValue[j]) + 0.01 * value[j]);
      }
      auto now = [&](auto *at) { return std::vector(at, at + old.count); };
      run.compare("value", old.value = now(old.at[0]), value, 1e-5);
      run.compare("first", old.first = now(old.at[1]), first, 1e-5);
      run.compare("second", old.second = now(old.at[2]), second, 1e-4);
      run.compare("gradient", now(old.gradientAt), values(old.gradient), 0);
      if (old.teacher)
        run.compare("teacher", old.teacherValue = now(old.at[3]), teacher, 1e-5);
      if (old.copies[0])
        run.compare("copy", now(old.copies[0]), value, 4e-3);
      if (old.copies[1])
        run.compare("teacherCopy", now(old.copies[1]), teacher, 4e-3);
    }
  }
}
const Register adamwSweep("adamw", "sweep", checkAdamW);

} // namespace

//===----------------------------------------------------------------------===//
// Means
//===----------------------------------------------------------------------===//

namespace {

template <class T> struct MeanKernels {
  LaunchInfo &chunksLaunch, &sumLaunch, &splatLaunch;
  void (*chunks)(float *, const T *);
  void (*sum)(float *, const float *);
  void (*splat)(T *, const float *);
};

template <class T> void checkMean(Run &run, std::size_t count, unsigned chunks, const MeanKernels<T> &kernels) {
  auto from = randomVector<T>(run, count), filled = unwritten<T>(count);
  std::vector<double> mean(1);
  for (T x : from)
    mean[0] += value(x) / double(count);
  auto partial = unwritten<float>(chunks), total = unwritten<float>(1);
  run.launch({chunks}, kernels.chunksLaunch, kernels.chunks, partial.data(), from.data());
  run.launch({1}, kernels.sumLaunch, kernels.sum, total.data(), partial.data());
  run.compare("mean", total, mean, 1e-4);
  const float same = 0.7f;
  auto numbers = static_cast<unsigned>(128 * 16 / sizeof(T));
  run.launch({(static_cast<unsigned>(count) + numbers - 1) / numbers}, kernels.splatLaunch, kernels.splat,
             filled.data(), &same);
  run.compare("splat", filled, std::vector<double>(count, value(fromFloat<T>(same))), 0);
}

} // namespace

#define MEAN(name, T, count, chunks)                                                                                   \
  extern "C" void mean_chunks_##name(float *, const T *);                                                              \
  extern "C" void mean_sum_##name(float *, const float *);                                                             \
  extern "C" void splat_##name(T *, const float *);                                                                    \
  extern "C" LaunchInfo mean_chunks_##name##_launch, mean_sum_##name##_launch, splat_##name##_launch;                  \
  static const Register mean##name("mean", #name, [](Run &run) {                                                       \
    checkMean<T>(run, count, chunks,                                                                                   \
                 {mean_chunks_##name##_launch, mean_sum_##name##_launch, splat_##name##_launch, mean_chunks_##name,    \
                  mean_sum_##name, splat_##name});                                                                     \
  });

MEAN(one, float, 1, 1)
MEAN(float, float, 4099, 2)
MEAN(bf16, bf16, 8191, 2)
MEAN(whole, bf16, 1024, 1)
