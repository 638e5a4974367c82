//===- tokens.cu - what moves tokens, as it is emitted --------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "patchify.cuh"
#include "tokens.cuh"

using namespace jepa::device;

// All of a clip's tokens, a mask's of each clip, and a mask's through both clips.
#define NORMALISATION                                                                                                  \
  {                                                                                                                    \
    {0.02f, 0.03f, 0.05f}, { -1.5f, -2.0f, 0.25f }                                                                     \
  }
#define PATCHIFY(name, T, ...)                                                                                         \
  JEPA_KERNEL(Patchify<__VA_ARGS__>::threads) patchify_##name(T *to, const float *clip, const int *clipBytes) {        \
    Patchify<__VA_ARGS__>::run(to, clip, clipBytes, nullptr, NORMALISATION);                                           \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(patchify_##name, 3, Patchify<__VA_ARGS__>)                                                          \
  JEPA_KERNEL(Patchify<__VA_ARGS__>::threads)                                                                          \
  patchify_##name##_masked(T *to, const float *clip, const int *clipBytes, const int *tokens) {                        \
    Patchify<__VA_ARGS__>::run(to, clip, clipBytes, tokens, NORMALISATION);                                            \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(patchify_##name##_masked, 4, Patchify<__VA_ARGS__>)                                                 \
  JEPA_KERNEL(Patchify<__VA_ARGS__>::threads)                                                                          \
  patchify_##name##_packed(T *to, const float *clip, const int *clipBytes, const int *tokens) {                        \
    Patchify<__VA_ARGS__>::run(to, clip, clipBytes, tokens, NORMALISATION, true);                                      \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(patchify_##name##_packed, 4, Patchify<__VA_ARGS__>)

PATCHIFY(16, bf16, 4, 32, 48, 16, 2)
PATCHIFY(14, float, 3, 28, 42, 14, 3)

// Three clips of eleven tokens, of which masks choose four; a table of eleven, through which they go three times.
#define TOKENS(width, T)                                                                                               \
  JEPA_KERNEL(GatherTokens<width>::threads) gather_##width(T *to, const T *from, const int *mask) {                    \
    GatherTokens<width>::run(Rows<T>{to, width}, Rows<const T>{from, width}, mask, 4, 11);                             \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(gather_##width, 3, GatherTokens<width>)                                                             \
  JEPA_KERNEL(GatherTokens<width>::threads) gather_table_##width(T *to, const T *from, const int *mask) {              \
    GatherTokens<width>::run(Rows<T>{to, width}, Rows<const T>{from, width}, mask, 4, 11, true, true);                 \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(gather_table_##width, 3, GatherTokens<width>)                                                       \
  JEPA_KERNEL(ScatterTokens<width>::threads) scatter_##width(T *to, const T *from, const int *mask) {                  \
    ScatterTokens<width>::run(Rows<T>{to, width}, 11, Rows<const T>{from, width}, mask, 4, 3);                         \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(scatter_##width, 3, ScatterTokens<width>)                                                           \
  JEPA_KERNEL(ScatterTokens<width>::threads) scatter_table_##width(T *to, const T *from, const int *mask) {            \
    ScatterTokens<width>::run(Rows<T>{to, width}, 11, Rows<const T>{from, width}, mask, 4, 3, true, 3);                \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(scatter_table_##width, 3, ScatterTokens<width>)

TOKENS(20, float)
TOKENS(1032, bf16)

// Two clips: five tokens and eight, joined and in another precision; tokens [3, 9) of them; and zeros around these.
#define SEGMENTS(width)                                                                                                \
  JEPA_KERNEL(CopyTokens<width>::threads) concat_tokens_left_##width(bf16 *to, const float *from) {                    \
    CopyTokens<width>::run(Rows<bf16>{to, width}, 13, 0, Rows<const float>{from, width}, 5, 0, 5);                     \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(concat_tokens_left_##width, 2, CopyTokens<width>)                                                   \
  JEPA_KERNEL(CopyTokens<width>::threads) concat_tokens_right_##width(bf16 *to, const bf16 *from) {                    \
    CopyTokens<width>::run(Rows<bf16>{to, width}, 13, 5, Rows<const bf16>{from, width}, 8, 0, 8);                      \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(concat_tokens_right_##width, 2, CopyTokens<width>)                                                  \
  JEPA_KERNEL(CopyTokens<width>::threads) slice_tokens_##width(float *to, const bf16 *from) {                          \
    CopyTokens<width>::run(Rows<float>{to, width}, 6, 0, Rows<const bf16>{from, width}, 13, 3, 6);                     \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(slice_tokens_##width, 2, CopyTokens<width>)                                                         \
  JEPA_KERNEL(PadTokens<width>::threads) pad_tokens_##width(bf16 *to, const float *from) {                             \
    PadTokens<width>::run(Rows<bf16>{to, width}, 13, 3, Rows<const float>{from, width}, 6);                            \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(pad_tokens_##width, 2, PadTokens<width>)

SEGMENTS(3)
SEGMENTS(264)
SEGMENTS(1024)

// The middle third of the features of two clips of 13 tokens: [3, 9) of them, four that a mask lists, and these put
// back among zeros.
#define THIRDS(width, T)                                                                                               \
  JEPA_KERNEL(CopyTokens<width>::threads) slice_third_##width(T *to, const T *from) {                                  \
    CopyTokens<width>::run(Rows<T>{to, width}, 6, 0, Rows<const T>{from + width, 3 * width}, 13, 3, 6);                \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(slice_third_##width, 2, CopyTokens<width>)                                                          \
  JEPA_KERNEL(GatherTokens<width>::threads) gather_third_##width(T *to, const T *from, const int *mask) {              \
    GatherTokens<width>::run(Rows<T>{to, width}, Rows<const T>{from + width, 3 * width}, mask, 4, 13);                 \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(gather_third_##width, 3, GatherTokens<width>)                                                       \
  JEPA_KERNEL(ScatterTokens<width>::threads) scatter_third_##width(T *to, const T *from, const int *mask) {            \
    ScatterTokens<width>::run(Rows<T>{to + width, 3 * width}, 13, Rows<const T>{from, width}, mask, 4, 2);             \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(scatter_third_##width, 3, ScatterTokens<width>)                                                     \
  JEPA_KERNEL(ClearTokens<width>::threads) clear_third_##width(T *to) {                                                \
    ClearTokens<width>::run(Rows<T>{to + width, 3 * width}, 13);                                                       \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(clear_third_##width, 1, ClearTokens<width>)

THIRDS(24, float)
THIRDS(1032, bf16)

// Deviations of three clips of 13 tokens, of their first *length, and of three samples in 39.
#define TOKEN_STD(name, T, spans)                                                                                      \
  JEPA_KERNEL(TokenStd<42>::threads) token_std_##name(float *to, const T *from, [[maybe_unused]] const int *limit) {   \
    TokenStd<42>::run(to, from, spans, 1e-4f);                                                                         \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(token_std_##name, 3, TokenStd<42>)                                                                  \
  JEPA_KERNEL(TokenStdGrad<42>::threads)                                                                               \
  token_std_grad_##name(T *xGrad, const float *stdGrad, const T *x, const float *std,                                  \
                        [[maybe_unused]] const int *limit) {                                                           \
    TokenStdGrad<42>::run(xGrad, stdGrad, x, std, spans);                                                              \
  }                                                                                                                    \
  JEPA_LAUNCH_INFO(token_std_grad_##name, 5, TokenStdGrad<42>)

#define ARGUMENTS(...) __VA_ARGS__
TOKEN_STD(clips, float, ARGUMENTS(TokenSpans{13, nullptr, nullptr, 0}))
TOKEN_STD(length, bf16, ARGUMENTS(TokenSpans{13, limit, nullptr, 0}))
TOKEN_STD(packed, float, ARGUMENTS(TokenSpans{39, nullptr, limit, 3}))
