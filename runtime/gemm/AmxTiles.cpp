//===- AmxTiles.cpp - bf16 products on the processor's matrix unit --------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/gemm/AmxTiles.h"

#include <immintrin.h>

#include <algorithm>

using namespace jepa::rt::amx;

#define JEPA_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
#define JEPA_AMX __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,amx-tile,amx-bf16")))

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

/// Transposes 16 lines of 16 pairs.
JEPA_AVX512 static void transpose(__m512i *lines) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(lines[i], lines[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(lines[i], lines[i + 1]);
  }
  for (int i = 0; i < 16; i += 4)
    for (int j = 0; j < 2; ++j) {
      lines[i + 2 * j] = _mm512_unpacklo_epi64(t[i + j], t[i + j + 2]);
      lines[i + 2 * j + 1] = _mm512_unpackhi_epi64(t[i + j], t[i + j + 2]);
    }
  // lines[4 i + j] has, in its quarter q, the pairs 4 q + j of lines 4 i to 4 i + 3.
  for (int j = 0; j < 4; ++j) {
    __m512i a = _mm512_shuffle_i32x4(lines[j], lines[4 + j], 0x88),
            b = _mm512_shuffle_i32x4(lines[8 + j], lines[12 + j], 0x88);
    __m512i c = _mm512_shuffle_i32x4(lines[j], lines[4 + j], 0xdd),
            d = _mm512_shuffle_i32x4(lines[8 + j], lines[12 + j], 0xdd);
    t[j] = _mm512_shuffle_i32x4(a, b, 0x88);
    t[8 + j] = _mm512_shuffle_i32x4(a, b, 0xdd);
    t[4 + j] = _mm512_shuffle_i32x4(c, d, 0x88);
    t[12 + j] = _mm512_shuffle_i32x4(c, d, 0xdd);
  }
  std::copy_n(t, 16, lines);
}

static std::uint32_t firstBits(std::int64_t count) {
  return count >= 32 ? ~0U : (1U << std::max<std::int64_t>(count, 0)) - 1;
}

/// Up to 32 elements, as bf16. Brings the 32 behind them to the first cache, whatever they are: these pieces are too
/// short for the processor to see what is needed next.
JEPA_AVX512 static __m512i load(std::uint32_t mask, const std::uint16_t *from) {
  _mm_prefetch(from + width, _MM_HINT_T0);
  return _mm512_maskz_loadu_epi16(mask, from);
}
JEPA_AVX512 static __m512i load(std::uint32_t mask, const float *from) {
  _mm_prefetch(from + width, _MM_HINT_T0);
  _mm_prefetch(from + width + width / 2, _MM_HINT_T0);
  __m512 low = _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), from);
  __m512 high = _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask >> 16), from + 16);
  return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/// The two tiles of a step, of what is there of `across` times `depth`; `byRow` ones have a line per row or column, the
/// others a line per pair.
template <bool alongK, bool byRow, class Element>
JEPA_AVX512 static void packStep(std::uint16_t *to, const Element *from, std::int64_t stride, std::int64_t across,
                                 std::int64_t depth) {
  __m512i lines[2][16];
  if constexpr (alongK) {
    std::uint32_t mask = firstBits(depth);
    for (int i = 0; i < 32; ++i)
      lines[i / 16][i % 16] = i < across ? load(mask, from + i * stride) : _mm512_setzero_si512();
  } else {
    std::uint32_t mask = firstBits(across);
    const __m512i low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37,
                                         5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
    const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
    for (int pair = 0; pair < 16; ++pair) {
      __m512i even = _mm512_setzero_si512(), odd = even;
      if (2 * pair < depth)
        even = load(mask, from + 2 * pair * stride);
      if (2 * pair + 1 < depth)
        odd = load(mask, from + (2 * pair + 1) * stride);
      lines[0][pair] = _mm512_permutex2var_epi16(even, low, odd);
      lines[1][pair] = _mm512_permutex2var_epi16(even, high, odd);
    }
  }
  for (int tile = 0; tile < 2; ++tile) {
    if constexpr (alongK != byRow)
      transpose(lines[tile]);
    for (int i = 0; i < 16; ++i)
      _mm512_store_si512(to + tile * tileElements + i * 32, lines[tile][i]);
  }
}

// Along the lines of the source, whichever way they go.
template <bool byRow, class Element>
static void packPanels(std::uint16_t *panels, std::int64_t apart, Source source, std::int64_t across,
                       std::int64_t depth) {
  const auto *from = static_cast<const Element *>(source.data);
  auto at = [&](std::int64_t i, std::int64_t k) { return panels + i / width * apart + k / width * stepElements; };
  if (source.alongK) {
    for (std::int64_t i = 0; i < across; i += width)
      for (std::int64_t k = 0; k < depth; k += width)
        packStep<true, byRow>(at(i, k), from + i * source.stride + k, source.stride, across - i, depth - k);
  } else {
    for (std::int64_t k = 0; k < depth; k += width)
      for (std::int64_t i = 0; i < across; i += width)
        packStep<false, byRow>(at(i, k), from + k * source.stride + i, source.stride, across - i, depth - k);
  }
}

void jepa::rt::amx::packRows(std::uint16_t *panels, std::int64_t apart, Source a, std::int64_t across,
                             std::int64_t depth) {
  packPanels<true, std::uint16_t>(panels, apart, a, across, depth);
}

void jepa::rt::amx::packColumns(std::uint16_t *panels, std::int64_t apart, Source b, std::int64_t across,
                                std::int64_t depth) {
  (b.f32 ? packPanels<false, float> : packPanels<false, std::uint16_t>)(panels, apart, b, across, depth);
}

//===----------------------------------------------------------------------===//
// The unit
//===----------------------------------------------------------------------===//

JEPA_AMX void jepa::rt::amx::begin() {
  struct alignas(64) {
    std::uint8_t palette = 1, start = 0, reserved[14] = {};
    std::uint16_t lineBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t lines[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } const all;
  _tile_loadconfig(&all);
}

JEPA_AMX void jepa::rt::amx::end() {
  _tile_release();
  // What was streamed is there for whoever waits for this task.
  _mm_sfence();
}

JEPA_AMX void jepa::rt::amx::multiply(float *sums, const float *before, Rows a, const std::uint16_t *b,
                                      std::int64_t steps, const void *ahead, std::int64_t lines) {
  constexpr std::int64_t tile = 16 * 16, line = 64;
  if (!before) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  } else {
    _tile_loadd(0, before, line);
    _tile_loadd(1, before + tile, line);
    _tile_loadd(2, before + 2 * tile, line);
    _tile_loadd(3, before + 3 * tile, line);
  }
  const auto *next = static_cast<const char *>(ahead);
  for (std::int64_t step = 0; step < steps; ++step, a.data += a.step, b += stepElements) {
    _tile_loadd(6, b, line);
    _tile_loadd(7, b + tileElements, line);
    _tile_loadd(4, a.data, a.stride * 2);
    _tile_loadd(5, a.data + a.half, a.stride * 2);
    for (std::int64_t i = 0; i < lines; ++i, next += line)
      _mm_prefetch(next, _MM_HINT_T1);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, sums, line);
  _tile_stored(1, sums + tile, line);
  _tile_stored(2, sums + 2 * tile, line);
  _tile_stored(3, sums + 3 * tile, line);
}

JEPA_AVX512 void jepa::rt::amx::store(const Result &result, const float *sums) {
  std::uint32_t mask = firstBits(result.columns);
  auto left = static_cast<__mmask16>(mask), right = static_cast<__mmask16>(mask >> 16);
  __m512 biasLeft = _mm512_setzero_ps(), biasRight = biasLeft;
  if (result.bias) {
    biasLeft = _mm512_maskz_loadu_ps(left, result.bias);
    biasRight = _mm512_maskz_loadu_ps(right, result.bias + 16);
  }
  for (std::int64_t row = 0; row < result.rows; ++row) {
    const float *from = sums + row / 16 * 512 + row % 16 * 16;
    __m512 x = _mm512_load_ps(from) + biasLeft, y = _mm512_load_ps(from + 256) + biasRight;
    if (result.bf16) {
      _mm512_mask_storeu_epi16(static_cast<std::uint16_t *>(result.c) + row * result.stride, mask,
                               (__m512i)_mm512_cvtne2ps_pbh(y, x));
    } else {
      float *to = static_cast<float *>(result.c) + row * result.stride;
      if (result.streams && mask == ~0U && reinterpret_cast<std::uintptr_t>(to) % 64 == 0) {
        _mm512_stream_ps(to, x);
        _mm512_stream_ps(to + 16, y);
        continue;
      }
      _mm512_mask_storeu_ps(to, left, x);
      _mm512_mask_storeu_ps(to + 16, right, y);
    }
  }
}

__attribute__((target("prfchw"))) void jepa::rt::amx::prefetch(const Result &result) {
  if (result.streams)
    return;
  constexpr std::int64_t line = 64;
  std::int64_t element = result.bf16 ? 2 : 4;
  for (std::int64_t row = 0; row < result.rows; ++row) {
    const char *to = static_cast<const char *>(result.c) + row * result.stride * element;
    for (std::int64_t at = 0; at < result.columns * element; at += line)
      __builtin_prefetch(to + at, /*write*/ 1);
  }
}
