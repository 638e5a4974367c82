//===- TrainingCases.cpp - what surrounds the layers ----------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "adamw.cuh"
#include "patchify.cuh"
#include "power_loss.cuh"
#include "simt/Cases.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace jepa::device;
using namespace simt;

extern "C" {
void gelu_bf16(bf16 *, const bf16 *, int);
void gelu_f32(float *, const float *, int);
void gelu_grad_bf16(bf16 *, const bf16 *, const bf16 *, int);
void gelu_grad_f32(float *, const float *, const float *, int);
void patchify_16(bf16 *, const unsigned char *, const int *, Normalisation, bool);
void patchify_14(float *, const unsigned char *, const int *, Normalisation, bool);
void gather_20(float *, const float *, const int *, int, bool, bool);
void scatter_20(float *, const float *, const int *, int, int, bool);
void gather_1032(bf16 *, const bf16 *, const int *, int, bool, bool);
void scatter_1032(bf16 *, const bf16 *, const int *, int, int, bool);
void power_loss_42(float *, const float *, const float *, TokenWeights, float);
void power_loss_grad_42(float *, const float *, const float *, const float *, TokenWeights, float);
void power_loss_400(float *, const bf16 *, const float *, TokenWeights, float);
void power_loss_grad_400(bf16 *, const float *, const bf16 *, const float *, TokenWeights, float);
void squared_norm(float *, const Parameter *, const Chunk *);
void adamw(const Parameter *, const Chunk *, const Hyper *, const float *);
void sum_all(float *, const float *, int, float);
}

namespace {

/// Of T's rounding.
template <class T> constexpr double rounding = sizeof(T) == 2 ? 4e-3 : 1e-6;

template <class T, class Forward, class Backward> void checkGelu(Run &run, Forward forward, Backward backward) {
  for (int count : {1, 127 * 8, 2053}) {
    auto size = static_cast<std::size_t>(count);
    auto x = randomVector<T>(run, size, 3), gradient = randomVector<T>(run, size);
    auto y = unwritten<T>(size), xGrad = y;
    std::vector<double> expected, grads;
    for (std::size_t i = 0; i < size; ++i) {
      double v = value(x[i]), p = 0.5 * (1 + std::erf(v / std::sqrt(2)));
      expected.push_back(v * p);
      grads.push_back(value(gradient[i]) * (p + v * std::exp(-v * v / 2) / std::sqrt(2 * M_PI)));
    }
    unsigned blocks = (unsigned(count) + 128 * 16 / sizeof(T) - 1) / (128 * 16 / sizeof(T));
    run.launch({blocks}, 128, 0, forward, y.data(), x.data(), count);
    run.launch({blocks}, 128, 0, backward, xGrad.data(), gradient.data(), x.data(), count);
    run.compare("gelu", y, expected, rounding<T>);
    run.compare("geluGrad", xGrad, grads, rounding<T>);
  }
}
const Register geluBf16("gelu", "bf16", [](Run &run) { checkGelu<bf16>(run, gelu_bf16, gelu_grad_bf16); });
const Register geluF32("gelu", "f32", [](Run &run) { checkGelu<float>(run, gelu_f32, gelu_grad_f32); });

/// Ascending numbers below `most`, for each of some clips.
std::vector<int> randomMask(Run &run, int clips, int count, int most) {
  std::vector<int> mask;
  for (int clip = 0; clip < clips; ++clip) {
    std::vector<int> all(static_cast<std::size_t>(most));
    std::iota(all.begin(), all.end(), 0);
    std::shuffle(all.begin(), all.end(), run.random);
    std::sort(all.begin(), all.begin() + count);
    mask.insert(mask.end(), all.begin(), all.begin() + count);
  }
  return mask;
}

template <class T, int Time, int Height, int Width, int Patch, int Tubelet, class Kernel>
void checkPatchify(Run &run, Kernel kernel) {
  constexpr int clips = 2, rows = Height / Patch, columns = Width / Patch, perClip = Time / Tubelet * rows * columns;
  constexpr int numbers = 3 * Tubelet * Patch * Patch;
  std::vector<unsigned char> frames(clips * Time * Height * Width * 3);
  for (unsigned char &byte : frames)
    byte = static_cast<unsigned char>(run.random());
  Normalisation norm{{0.02f, 0.03f, 0.05f}, {-1.5f, -2.0f, 0.25f}};
  // All tokens, a mask's of each clip, and a mask through both clips.
  for (int kind = 0; kind < 3; ++kind) {
    int each = kind == 0 ? perClip : kind == 1 ? perClip / 2 : perClip + 1, lists = kind == 2 ? 1 : clips;
    std::vector<int> mask = randomMask(run, lists, each, kind == 2 ? clips * perClip : perClip);
    auto result = unwritten<T>(static_cast<std::size_t>(lists * each * numbers));
    std::vector<double> expected;
    for (int i = 0; i < lists * each; ++i) {
      int token = kind ? mask[static_cast<std::size_t>(i)] : i, clip = kind == 1 ? i / each : token / perClip;
      token %= perClip;
      for (int c = 0; c < 3; ++c)
        for (int t = 0; t < Tubelet; ++t)
          for (int y = 0; y < Patch; ++y)
            for (int x = 0; x < Patch; ++x) {
              int frame = clip * Time + token / (rows * columns) * Tubelet + t;
              int line = frame * Height + token / columns % rows * Patch + y;
              int byte = frames[static_cast<std::size_t>((line * Width + token % columns * Patch + x) * 3 + c)];
              expected.push_back(byte * double(norm.scale[c]) + double(norm.shift[c]));
            }
    }
    run.launch({unsigned(each), unsigned(lists)}, 128, 0, kernel, result.data(), frames.data(),
               kind ? mask.data() : nullptr, norm, kind == 2);
    run.compare("tokens", result, expected, rounding<T>);
  }
}
const Register patchify16("patchify", "16", [](Run &run) { checkPatchify<bf16, 4, 32, 48, 16, 2>(run, patchify_16); });
const Register patchify14("patchify", "14", [](Run &run) { checkPatchify<float, 3, 28, 42, 14, 3>(run, patchify_14); });

template <class T, int Width, class Gather, class Scatter> void checkTokens(Run &run, Gather gather, Scatter scatter) {
  constexpr int clips = 3, tokens = 11, masked = 4;
  auto mask = randomMask(run, clips, masked, tokens);
  auto at = [](int row, int column) { return static_cast<std::size_t>(row * Width + column); };
  for (bool table : {false, true}) {
    auto from = randomVector<T>(run, at(table ? tokens : clips * tokens, 0));
    auto gathered = unwritten<T>(at(clips * masked, 0)), scattered = unwritten<T>(from.size());
    std::vector<double> expected, sums(from.size());
    for (int i = 0; i < clips * masked; ++i)
      for (int c = 0; c < Width; ++c) {
        int row = (table ? 0 : i / masked * tokens) + mask[static_cast<std::size_t>(i)];
        expected.push_back(value(from[at(row, c)]));
        sums[at(row, c)] += expected.back();
      }
    // Cyclic: the same tokens of a later turn.
    std::vector<int> turned = mask;
    for (int &token : turned)
      token += table ? 2 * tokens : 0;
    run.launch({masked, clips}, 128, 0, gather, gathered.data(), from.data(), turned.data(), tokens, table, table);
    run.compare("gathered", gathered, expected, 0);
    run.launch({tokens, table ? 1u : clips}, 128, 0, scatter, scattered.data(), gathered.data(), mask.data(), masked,
               clips, table);
    run.compare("scattered", scattered, sums, rounding<T>);
  }
}
const Register tokens20("tokens", "20", [](Run &run) { checkTokens<float, 20>(run, gather_20, scatter_20); });
const Register tokens1032("tokens", "1032", [](Run &run) { checkTokens<bf16, 1032>(run, gather_1032, scatter_1032); });

template <class T, int Width, class Loss, class Grad> void checkLoss(Run &run, Loss lossKernel, Grad gradKernel) {
  constexpr int clips = 3, tokens = 13, rows = clips * tokens;
  const int length = 5;
  const std::vector<int> bounds{2, 9, 10, 33};
  for (int kind = 0; kind < 3; ++kind)
    for (float exponent : {1.0f, 2.0f, 1.5f}) {
      auto predicted = randomVector<T>(run, rows * Width);
      auto target = randomVector<float>(run, rows * Width);
      target[3] = toFloat(predicted[3]); // a difference of zero
      auto grads = unwritten<T>(rows * Width);
      std::vector<double> expected(rows * Width), loss(1);
      const float upstream = 0.75f;
      for (int row = 0; row < rows; ++row) {
        double weight = 1.0 / rows;
        if (kind == 1)
          weight = row % tokens < length ? 1.0 / (clips * length) : 0;
        if (kind == 2)
          weight = row < 2 || row >= 33 ? 0 : 1.0 / 3 / (row < 9 ? 7 : row < 10 ? 1 : 23);
        for (int c = 0; c < Width; ++c) {
          auto at = static_cast<std::size_t>(row * Width + c);
          double d = value(predicted[at]) - double(target[at]), size = std::fabs(d);
          loss[0] += weight / Width * std::pow(size, exponent) / double(exponent);
          expected[at] = d == 0 ? 0 : upstream * weight / Width * std::pow(size, exponent - 1.0) * (d < 0 ? -1 : 1);
        }
      }
      TokenWeights weights{rows, tokens, kind == 1 ? &length : nullptr, kind == 2 ? bounds.data() : nullptr, 3};
      unsigned blocks = (rows + 31) / 32;
      auto partial = unwritten<float>(blocks), total = unwritten<float>(1);
      run.launch({blocks}, 128, sizeof(typename PowerLoss<Width>::Shared), lossKernel, partial.data(), predicted.data(),
                 target.data(), weights, exponent);
      run.launch({1}, 128, sizeof(SumAll::Shared), sum_all, total.data(), partial.data(), int(blocks), 1 / exponent);
      run.compare("loss", total, loss, 1e-5);
      run.launch({(rows + 3) / 4}, 128, 0, gradKernel, grads.data(), &upstream, predicted.data(), target.data(),
                 weights, exponent);
      run.compare("grad", grads, expected, sizeof(T) == 2 ? 4e-3 : 1e-5);
    }
}
const Register loss42("power_loss", "42",
                      [](Run &run) { checkLoss<float, 42>(run, power_loss_42, power_loss_grad_42); });
const Register loss400("power_loss", "400",
                       [](Run &run) { checkLoss<bf16, 400>(run, power_loss_400, power_loss_grad_400); });

void checkAdamW(Run &run) {
  const std::vector<std::size_t> counts{1, 4099, 30, 4096};
  struct Tensors {
    std::vector<float> value, first, second, teacher, gradient;
    std::vector<bf16> copy, teacherCopy;
  };
  std::vector<Tensors> all;
  std::vector<Parameter> parameters;
  std::vector<Chunk> chunks;
  double norm = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    Tensors its;
    for (auto *vector : {&its.value, &its.first, &its.second, &its.teacher, &its.gradient})
      *vector = randomVector<float>(run, counts[i]);
    for (float &x : its.second)
      x *= x;
    its.copy = its.teacherCopy = unwritten<bf16>(counts[i]);
    for (float x : its.gradient)
      norm += double(x) * double(x);
    all.push_back(std::move(its));
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    Tensors &its = all[i];
    bool teacher = i != 2, copy = i != 1;
    parameters.push_back({its.value.data(), its.first.data(), its.second.data(), teacher ? its.teacher.data() : nullptr,
                          copy ? its.copy.data() : nullptr, copy ? its.teacherCopy.data() : nullptr,
                          its.gradient.data(), static_cast<long long>(counts[i]), i % 2 == 1});
    for (std::size_t begin = 0; begin < counts[i]; begin += Chunk::numbers)
      chunks.push_back({static_cast<int>(i), static_cast<long long>(begin)});
  }
  auto partial = unwritten<float>(chunks.size()), total = unwritten<float>(1);
  auto blocks = static_cast<unsigned>(chunks.size());
  run.launch({blocks}, 128, sizeof(SquaredNorm::Shared), squared_norm, partial.data(), parameters.data(),
             chunks.data());
  run.launch({1}, 128, sizeof(SumAll::Shared), sum_all, total.data(), partial.data(), int(blocks), 1.0f);
  run.compare("norm", total, {norm}, 1e-5);

  for (float clip : {0.0f, 10.0f}) {
    Hyper h{1e-3f, 0.05f, 0.99f, 1 - 0.9f * 0.9f, 1 - 0.999f * 0.999f, clip, 0.9f, 0.999f, 1e-8f};
    std::vector<Tensors> before = all;
    run.launch({blocks}, 128, 0, adamw, parameters.data(), chunks.data(), &h, total.data());
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const Tensors &old = before[i], &its = all[i];
      std::vector<double> value, first, second, teacher;
      for (std::size_t j = 0; j < counts[i]; ++j) {
        double g = double(old.gradient[j]) * (clip > 0 ? std::min(1.0, double(clip) / (std::sqrt(norm) + 1e-6)) : 1);
        first.push_back(0.9 * double(old.first[j]) + 0.1 * g);
        second.push_back(0.999 * double(old.second[j]) + 0.001 * g * g);
        double kept = double(old.value[j]) * (i % 2 == 1 ? 1 - 1e-3 * 0.05 : 1);
        value.push_back(kept - 1e-3 * first[j] / double(h.correction1) /
                                   (std::sqrt(second[j] / double(h.correction2)) + 1e-8));
        teacher.push_back(i == 2 ? double(old.teacher[j]) : 0.99 * double(old.teacher[j]) + 0.01 * value[j]);
      }
      run.compare("value", its.value, value, 1e-5);
      run.compare("first", its.first, first, 1e-5);
      run.compare("second", its.second, second, 1e-4);
      run.compare("teacher", its.teacher, teacher, 1e-5);
      std::vector<double> none(counts[i], NAN);
      run.compare("copy", its.copy, i == 1 ? none : value, 4e-3);
      run.compare("teacherCopy", its.teacherCopy, i == 1 || i == 2 ? none : teacher, 4e-3);
    }
  }
}
const Register adamwSweep("adamw", "sweep", checkAdamW);

} // namespace
