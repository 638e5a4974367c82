//===- TokenCases.cpp - what moves tokens ---------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "patchify.cuh"
#include "simt/Cases.h"
#include "tokens.cuh"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace jepa::device;
using namespace simt;

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

//===----------------------------------------------------------------------===//
// Patchify
//===----------------------------------------------------------------------===//

template <class T> struct PatchifyKernels {
  LaunchInfo &allLaunch, &maskedLaunch, &packedLaunch;
  void (*all)(T *, const float *, const int *);
  void (*masked)(T *, const float *, const int *, const int *);
  void (*packed)(T *, const float *, const int *, const int *);
};

template <class T, int Time, int Height, int Width, int Patch, int Tubelet>
void checkPatchify(Run &run, const PatchifyKernels<T> &kernels) {
  constexpr int clips = 2, rows = Height / Patch, columns = Width / Patch, perClip = Time / Tubelet * rows * columns;
  constexpr int numbers = 3 * Tubelet * Patch * Patch;
  constexpr double scale[] = {0.02f, 0.03f, 0.05f}, shift[] = {-1.5f, -2.0f, 0.25f};
  // As many bytes as a clip has of them, not of numbers: the sanitizer sees what is read past them.
  std::vector<unsigned char> bytes(clips * Time * Height * Width * 3);
  for (unsigned char &byte : bytes)
    byte = static_cast<unsigned char>(run.random());
  auto floats = randomVector<float>(run, bytes.size());
  const int isBytes[] = {0, 1};
  // All tokens, a mask's of each clip, and a mask through both clips; of numbers, said in two ways, and of bytes.
  for (int kind = 0; kind < 3; ++kind)
    for (const int *clipBytes : {static_cast<const int *>(nullptr), isBytes, isBytes + 1}) {
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
                int time = token / (rows * columns) * Tubelet + t, column = token % columns * Patch + x;
                int row = token / columns % rows * Patch + y;
                if (clipBytes && *clipBytes) {
                  int at = (((clip * Time + time) * Height + row) * Width + column) * 3 + c;
                  expected.push_back(bytes[static_cast<std::size_t>(at)] * scale[c] + shift[c]);
                } else {
                  int at = (((clip * 3 + c) * Time + time) * Height + row) * Width + column;
                  expected.push_back(double(floats[static_cast<std::size_t>(at)]));
                }
              }
      }
      auto *source = clipBytes && *clipBytes ? reinterpret_cast<const float *>(bytes.data()) : floats.data();
      Dim3 grid{unsigned(each), unsigned(lists)};
      if (kind == 0)
        run.launch(grid, kernels.allLaunch, kernels.all, result.data(), source, clipBytes);
      else
        run.launch(grid, kind == 1 ? kernels.maskedLaunch : kernels.packedLaunch,
                   kind == 1 ? kernels.masked : kernels.packed, result.data(), source, clipBytes, mask.data());
      run.compare("tokens", result, expected, rounding<T>);
    }
}

} // namespace

#define PATCHIFY(name, T, ...)                                                                                         \
  extern "C" void patchify_##name(T *, const float *, const int *);                                                    \
  extern "C" void patchify_##name##_masked(T *, const float *, const int *, const int *);                              \
  extern "C" void patchify_##name##_packed(T *, const float *, const int *, const int *);                              \
  extern "C" LaunchInfo patchify_##name##_launch, patchify_##name##_masked_launch, patchify_##name##_packed_launch;    \
  static const Register patchify##name("patchify", #name, [](Run &run) {                                               \
    checkPatchify<T, __VA_ARGS__>(run, {patchify_##name##_launch, patchify_##name##_masked_launch,                     \
                                        patchify_##name##_packed_launch, patchify_##name, patchify_##name##_masked,    \
                                        patchify_##name##_packed});                                                    \
  });

PATCHIFY(16, bf16, 4, 32, 48, 16, 2)
PATCHIFY(14, float, 3, 28, 42, 14, 3)

//===----------------------------------------------------------------------===//
// Selections
//===----------------------------------------------------------------------===//

namespace {

template <class T> struct TokenKernels {
  LaunchInfo *gatherLaunch[2], *scatterLaunch[2];
  void (*gather[2])(T *, const T *, const int *);
  void (*scatter[2])(T *, const T *, const int *);
};

template <class T> void checkTokens(Run &run, int width, const TokenKernels<T> &kernels) {
  constexpr int clips = 3, tokens = 11, masked = 4;
  auto at = [&](int row, int column) { return static_cast<std::size_t>(row * width + column); };
  for (bool table : {false, true}) {
    // A table is gone through once for each clip.
    auto mask = randomMask(run, clips, masked, table ? clips * tokens : tokens);
    auto from = randomVector<T>(run, at(table ? tokens : clips * tokens, 0));
    auto gathered = unwritten<T>(at(clips * masked, 0)), scattered = unwritten<T>(from.size());
    std::vector<double> expected, sums(from.size());
    for (int i = 0; i < clips * masked; ++i)
      for (int c = 0; c < width; ++c) {
        int row = (table ? 0 : i / masked * tokens) + mask[static_cast<std::size_t>(i)] % tokens;
        expected.push_back(value(from[at(row, c)]));
        sums[at(row, c)] += expected.back();
      }
    run.launch({1, clips}, *kernels.gatherLaunch[table], kernels.gather[table], gathered.data(), from.data(),
               mask.data());
    run.compare("gathered", gathered, expected, 0);
    run.launch({3, table ? 1u : clips}, *kernels.scatterLaunch[table], kernels.scatter[table], scattered.data(),
               gathered.data(), mask.data());
    run.compare("scattered", scattered, sums, rounding<T>);
  }
}

} // namespace

#define TOKENS(width, T)                                                                                               \
  extern "C" void gather_##width(T *, const T *, const int *);                                                         \
  extern "C" void gather_table_##width(T *, const T *, const int *);                                                   \
  extern "C" void scatter_##width(T *, const T *, const int *);                                                        \
  extern "C" void scatter_table_##width(T *, const T *, const int *);                                                  \
  extern "C" LaunchInfo gather_##width##_launch, gather_table_##width##_launch, scatter_##width##_launch,              \
      scatter_table_##width##_launch;                                                                                  \
  static const Register tokens##width("tokens", #width, [](Run &run) {                                                 \
    checkTokens<T>(run, width,                                                                                         \
                   {{&gather_##width##_launch, &gather_table_##width##_launch},                                        \
                    {&scatter_##width##_launch, &scatter_table_##width##_launch},                                      \
                    {gather_##width, gather_table_##width},                                                            \
                    {scatter_##width, scatter_table_##width}});                                                        \
  });

TOKENS(20, float)
TOKENS(1032, bf16)

//===----------------------------------------------------------------------===//
// Segments
//===----------------------------------------------------------------------===//

namespace {

struct SegmentKernels {
  LaunchInfo &leftLaunch, &rightLaunch, &sliceLaunch, &padLaunch;
  void (*left)(bf16 *, const float *);
  void (*right)(bf16 *, const bf16 *);
  void (*slice)(float *, const bf16 *);
  void (*pad)(bf16 *, const float *);
};

void checkSegments(Run &run, std::size_t width, const SegmentKernels &kernels) {
  auto left = randomVector<float>(run, 2 * 5 * width);
  auto right = randomVector<bf16>(run, 2 * 8 * width);
  auto joined = unwritten<bf16>(2 * 13 * width), padded = joined;
  auto slice = unwritten<float>(2 * 6 * width);
  std::vector<double> all, some, zeros;
  for (std::size_t clip = 0; clip < 2; ++clip)
    for (std::size_t token = 0; token < 13; ++token)
      for (std::size_t c = 0; c < width; ++c) {
        all.push_back(token < 5 ? value(fromFloat<bf16>(left[(clip * 5 + token) * width + c]))
                                : value(right[(clip * 8 + token - 5) * width + c]));
        bool inside = token >= 3 && token < 9;
        zeros.push_back(inside ? all.back() : 0);
        if (inside)
          some.push_back(all.back());
      }
  run.launch({2, 2}, kernels.leftLaunch, kernels.left, joined.data(), left.data());
  run.launch({2, 2}, kernels.rightLaunch, kernels.right, joined.data(), right.data());
  run.compare("joined", joined, all, 0);
  run.launch({2, 2}, kernels.sliceLaunch, kernels.slice, slice.data(), joined.data());
  run.compare("slice", slice, some, 0);
  run.launch({4, 2}, kernels.padLaunch, kernels.pad, padded.data(), slice.data());
  run.compare("padded", padded, zeros, 0);
}

} // namespace

#define SEGMENTS(width)                                                                                                \
  extern "C" void concat_tokens_left_##width(bf16 *, const float *);                                                   \
  extern "C" void concat_tokens_right_##width(bf16 *, const bf16 *);                                                   \
  extern "C" void slice_tokens_##width(float *, const bf16 *);                                                         \
  extern "C" void pad_tokens_##width(bf16 *, const float *);                                                           \
  extern "C" LaunchInfo concat_tokens_left_##width##_launch, concat_tokens_right_##width##_launch,                     \
      slice_tokens_##width##_launch, pad_tokens_##width##_launch;                                                      \
  static const Register segments##width("segments", #width, [](Run &run) {                                             \
    checkSegments(run, width,                                                                                          \
                  {concat_tokens_left_##width##_launch, concat_tokens_right_##width##_launch,                          \
                   slice_tokens_##width##_launch, pad_tokens_##width##_launch, concat_tokens_left_##width,             \
                   concat_tokens_right_##width, slice_tokens_##width, pad_tokens_##width});                            \
  });

SEGMENTS(3)
SEGMENTS(264)
SEGMENTS(1024)

//===----------------------------------------------------------------------===//
// Parts of the features
//===----------------------------------------------------------------------===//

namespace {

template <class T> struct ThirdKernels {
  LaunchInfo &sliceLaunch, &gatherLaunch, &scatterLaunch, &clearLaunch;
  void (*slice)(T *, const T *);
  void (*gather)(T *, const T *, const int *);
  void (*scatter)(T *, const T *, const int *);
  void (*clear)(T *);
};

template <class T> void checkThirds(Run &run, std::size_t width, const ThirdKernels<T> &kernels) {
  constexpr std::size_t clips = 2, tokens = 13, masked = 4;
  auto mask = randomMask(run, clips, masked, tokens);
  auto whole = randomVector<T>(run, clips * tokens * 3 * width);
  auto third = [&](std::size_t token, std::size_t c) { return token * 3 * width + width + c; };
  std::vector<double> slice, listed, cleared = values(whole), scattered;
  for (std::size_t clip = 0; clip < clips; ++clip)
    for (std::size_t token = 3; token < 9; ++token)
      for (std::size_t c = 0; c < width; ++c)
        slice.push_back(value(whole[third(clip * tokens + token, c)]));
  for (std::size_t token = 0; token < clips * tokens; ++token)
    for (std::size_t c = 0; c < width; ++c)
      cleared[third(token, c)] = 0;
  scattered = cleared;
  for (std::size_t i = 0; i < clips * masked; ++i)
    for (std::size_t c = 0; c < width; ++c) {
      std::size_t at = third(i / masked * tokens + static_cast<std::size_t>(mask[i]), c);
      listed.push_back(value(whole[at]));
      scattered[at] = listed.back();
    }
  auto sliced = unwritten<T>(slice.size()), gathered = unwritten<T>(listed.size());
  run.launch({2, clips}, kernels.sliceLaunch, kernels.slice, sliced.data(), whole.data());
  run.compare("slice", sliced, slice, 0);
  run.launch({1, clips}, kernels.gatherLaunch, kernels.gather, gathered.data(), whole.data(), mask.data());
  run.compare("gathered", gathered, listed, 0);
  auto result = whole;
  run.launch({4, clips}, kernels.scatterLaunch, kernels.scatter, result.data(), gathered.data(), mask.data());
  run.compare("scattered", result, scattered, 0);
  result = whole;
  run.launch({4, clips}, kernels.clearLaunch, kernels.clear, result.data());
  run.compare("cleared", result, cleared, 0);
}

} // namespace

#define THIRDS(width, T)                                                                                               \
  extern "C" void slice_third_##width(T *, const T *);                                                                 \
  extern "C" void gather_third_##width(T *, const T *, const int *);                                                   \
  extern "C" void scatter_third_##width(T *, const T *, const int *);                                                  \
  extern "C" void clear_third_##width(T *);                                                                            \
  extern "C" LaunchInfo slice_third_##width##_launch, gather_third_##width##_launch, scatter_third_##width##_launch,   \
      clear_third_##width##_launch;                                                                                    \
  static const Register thirds##width("thirds", #width, [](Run &run) {                                                 \
    checkThirds<T>(run, width,                                                                                         \
                   {slice_third_##width##_launch, gather_third_##width##_launch, scatter_third_##width##_launch,       \
                    clear_third_##width##_launch, slice_third_##width, gather_third_##width, scatter_third_##width,    \
                    clear_third_##width});                                                                             \
  });

THIRDS(24, float)
THIRDS(1032, bf16)

//===----------------------------------------------------------------------===//
// Deviations
//===----------------------------------------------------------------------===//

namespace {

template <class T> struct StdKernels {
  LaunchInfo &stdLaunch, &gradLaunch;
  void (*std)(float *, const T *, const int *);
  void (*grad)(T *, const float *, const T *, const float *, const int *);
};

/// Three spans of tokens, [begin, end), which are clips of 13 or lie somewhere in 39.
template <class T>
void checkStd(Run &run, const int (&spans)[3][2], const std::vector<int> &limit, const StdKernels<T> &kernels) {
  constexpr std::size_t width = 42, rows = 39;
  auto x = randomVector<T>(run, rows * width, 2);
  auto upstream = randomVector<float>(run, 3 * width);
  auto std = unwritten<float>(3 * width);
  auto xGrad = unwritten<T>(rows * width);
  std::vector<double> expected(3 * width), grads(rows * width);
  for (std::size_t s = 0; s < 3; ++s)
    for (std::size_t c = 0; c < width; ++c) {
      auto begin = static_cast<std::size_t>(spans[s][0]), end = static_cast<std::size_t>(spans[s][1]);
      double count = double(end - begin), mean = 0, squares = 0;
      for (std::size_t row = begin; row < end; ++row)
        mean += value(x[row * width + c]) / count;
      for (std::size_t row = begin; row < end; ++row)
        squares += std::pow(value(x[row * width + c]) - mean, 2);
      double its = expected[s * width + c] = std::sqrt(squares / (count - 1) + 1e-4);
      for (std::size_t row = begin; row < end; ++row)
        grads[row * width + c] =
            double(upstream[s * width + c]) * (value(x[row * width + c]) - mean) / ((count - 1) * its);
    }
  run.launch({2, 3}, kernels.stdLaunch, kernels.std, std.data(), x.data(), limit.data());
  run.compare("std", std, expected, 1e-5);
  run.launch({2, 3}, kernels.gradLaunch, kernels.grad, xGrad.data(), upstream.data(), x.data(), std.data(),
             limit.data());
  run.compare("grad", xGrad, grads, sizeof(T) == 2 ? 4e-3 : 1e-5);
}

} // namespace

#define TOKEN_STD(name, T, limit, ...)                                                                                 \
  extern "C" void token_std_##name(float *, const T *, const int *);                                                   \
  extern "C" void token_std_grad_##name(T *, const float *, const T *, const float *, const int *);                    \
  extern "C" LaunchInfo token_std_##name##_launch, token_std_grad_##name##_launch;                                     \
  static const Register std_##name("token_std", #name, [](Run &run) {                                                  \
    checkStd<T>(run, __VA_ARGS__, limit,                                                                               \
                {token_std_##name##_launch, token_std_grad_##name##_launch, token_std_##name, token_std_grad_##name}); \
  });

#define LIST(...)                                                                                                      \
  { __VA_ARGS__ }
TOKEN_STD(clips, float, LIST(), {{0, 13}, {13, 26}, {26, 39}})
TOKEN_STD(length, bf16, LIST(5), {{0, 5}, {13, 18}, {26, 31}})
TOKEN_STD(packed, float, LIST(2, 9, 11, 33), {{2, 9}, {9, 11}, {11, 33}})
