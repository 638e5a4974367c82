//===- Random.cpp - random numbers by counter -----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/Random.h"

#include <algorithm>
#include <cmath>
#include <numbers>

using namespace jepa::rt;

std::array<std::uint32_t, 4> jepa::rt::philox(std::array<std::uint32_t, 4> counter,
                                              std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    std::uint64_t a = std::uint64_t(0xD2511F53u) * counter[0];
    std::uint64_t b = std::uint64_t(0xCD9E8D57u) * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

std::uint64_t jepa::rt::streamOf(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (char c : name)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

static std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
static std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

Random::Random(std::uint64_t seed, std::uint64_t stream)
    : key(philox({low(stream), high(stream), 0, 0}, {low(seed), high(seed)})) {}

std::array<std::uint32_t, 4> Random::draw(std::uint64_t index, std::uint32_t attempt) const {
  return philox({low(index), high(index), attempt, key[2]}, {key[0], key[1]});
}

static std::uint64_t join(std::uint32_t low, std::uint32_t high) {
  return std::uint64_t(high) << 32 | low;
}

static double unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

std::uint64_t Random::bits(std::uint64_t index) const {
  auto words = draw(index, 0);
  return join(words[0], words[1]);
}

double Random::uniform(std::uint64_t index) const { return unit(bits(index)); }

std::uint64_t Random::below(std::uint64_t index, std::uint64_t count) const {
  // The upper half of a 128-bit product: biased by count / 2^64 at most.
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(bits(index)) * count) >> 64);
}

/// Box and Muller's transform, which gives two; the logarithm's argument is in (0, 1].
std::array<double, 2> Random::normalPair(std::uint64_t pair, std::uint32_t attempt) const {
  auto words = draw(pair, attempt);
  double u = 1.0 - unit(join(words[0], words[1])), v = unit(join(words[2], words[3]));
  double radius = std::sqrt(-2.0 * std::log(u)), angle = 2.0 * std::numbers::pi * v;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

double Random::normal(std::uint64_t index) const { return normalPair(index / 2, 0)[index % 2]; }

double Random::truncatedNormal(std::uint64_t index, double std, double cut) const {
  double value = 0;
  // A cut far inside the deviation would draw for long; then it clamps.
  for (std::uint32_t attempt = 0; attempt < 64; ++attempt) {
    value = std * normalPair(index / 2, attempt)[index % 2];
    if (std::abs(value) <= cut)
      return value;
  }
  return std::clamp(value, -cut, cut);
}

void Random::truncatedNormals(std::uint64_t first, std::span<double> values, double std,
                              double cut) const {
  for (std::size_t i = 0; i < values.size();) {
    std::uint64_t index = first + i;
    auto pair = normalPair(index / 2, 0);
    for (std::size_t half = index % 2; half < 2 && i < values.size(); ++half, ++i) {
      values[i] = std * pair[half];
      if (std::abs(values[i]) > cut)
        values[i] = truncatedNormal(first + i, std, cut);
    }
  }
}
