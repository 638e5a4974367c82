//===- GemmBench.cpp - the speed of one product ---------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/core/ThreadPool.h"
#include "runtime/gemm/Gemm.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <vector>

using namespace jepa::rt;

static double now() {
  auto sinceStart = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(sinceStart).count();
}

int main(int argc, char **argv) try {
  if (argc < 6)
    return std::fprintf(stderr, "usage: gemm-bench M N K transA transB [f32|bf16 [f32|bf16 [packed]]]\n"), 2;
  auto type = [&](int argument) {
    return argc > argument && !std::strcmp(argv[argument], "bf16") ? JEPAC_BF16 : JEPAC_F32;
  };
  jepac_gemm_desc d{};
  d.m = std::atol(argv[1]), d.n = std::atol(argv[2]), d.k = std::atol(argv[3]);
  d.transA = std::atoi(argv[4]), d.transB = std::atoi(argv[5]);
  d.inputs = type(6), d.result = type(7), d.packedB = argc > 8;
  d.lda = d.transA ? d.m : d.k, d.ldb = d.transB ? d.k : d.n, d.ldc = d.n;
  // Large enough for either type; 0x3c3c is a small number in bf16 and in f32. Aligned as the arena is.
  auto matrix = [](std::int64_t elements) {
    auto bytes = static_cast<std::size_t>(elements * 4 + 127) / 64 * 64;
    void *memory = std::aligned_alloc(64, bytes);
    std::memset(memory, 0x3c, bytes);
    return memory;
  };
  void *a = matrix(d.m * d.k), *b = matrix(d.k * d.n), *c = matrix(d.m * d.n);
  std::vector<float> bias(static_cast<std::size_t>(d.n));
  GemmTiling tiling = gemmTiling(d);
  for (int threads = 1; threads <= ThreadPool::defaultThreads(); threads *= 2) {
    ThreadPool::get().setThreads(threads);
    std::int64_t bytes = gemmScratchBytes(d, threads);
    std::vector<char> scratch(static_cast<std::size_t>(bytes));
    std::vector<char> packed(static_cast<std::size_t>(d.packedB ? jepac_gemm_packed_bytes(&d) + 64 : 0));
    const void *right = b;
    if (d.packedB) {
      auto address = (reinterpret_cast<std::uintptr_t>(packed.data()) + 63) / 64 * 64;
      jepac_gemm_pack(&d, reinterpret_cast<void *>(address), b, scratch.data());
      right = reinterpret_cast<const void *>(address);
    }
    double best = 1e30, total = 0;
    int rounds = 0;
    for (double start = now(); now() - start < 0.4 || rounds < 3; ++rounds) {
      double begin = now();
      jepac_gemm(&d, c, a, right, bias.data(), scratch.data(), nullptr, nullptr);
      double seconds = now() - begin;
      best = std::min(best, seconds);
      total += rounds ? seconds : 0;
    }
    double gflop = 2e-9 * static_cast<double>(d.m) * static_cast<double>(d.n) * static_cast<double>(d.k);
    std::printf("%ld x %ld x %ld transA %d transB %d: %d threads, %ld x %ld tiles, packed %d: "
                "%.1f GFLOP/s mean, %.1f best, scratch %.2f MiB\n",
                long(d.m), long(d.n), long(d.k), d.transA, d.transB, threads, long(tiling.rows), long(tiling.columns),
                tiling.packed, gflop * (rounds - 1) / total, gflop / best,
                static_cast<double>(bytes) / (1 << 20));
  }
  return 0;
} catch (const std::exception &error) {
  return std::fprintf(stderr, "error: %s\n", error.what()), 1;
}
