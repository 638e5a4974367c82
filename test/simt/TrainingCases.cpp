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
void squared_norm_0(float *, const unsigned char *);
void squared_norm_1(float *, const unsigned char *);
void adamw_0(unsigned char *, const float *);
void sum_all(float *, const float *, int, float);
extern LaunchInfo squared_norm_0_launch, squared_norm_1_launch, adamw_0_launch;
}

namespace {

/// Of T's rounding.
template <class T> constexpr double rounding = sizeof(T) == 2 ? 4e-3 : 1e-6;

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
    unsigned chunks = module ? 2 : 3;
    auto partial = unwritten<float>(chunks);
    run.launch({chunks}, module ? squared_norm_1_launch : squared_norm_0_launch,
               module ? squared_norm_1 : squared_norm_0, partial.data(), arena.start());
    run.launch({1}, 128, sizeof(SumAll::Shared), sum_all, normsAt[module], partial.data(), int(chunks), 1.0f);
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
