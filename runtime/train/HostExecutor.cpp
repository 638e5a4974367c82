//===- HostExecutor.cpp - steps on the processor --------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/HostExecutor.h"

#include "runtime/core/BFloat16.h"
#include "runtime/core/Error.h"
#include "runtime/core/Median.h"
#include "runtime/core/ThreadPool.h"
#include "runtime/gemm/Gemm.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <vector>

using namespace jepa::rt;

/// A product is run for about this long, at least three times.
static constexpr double secondsPerGemm = 0.05;

template <typename Work> static double timed(Work &&work) {
  auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void HostExecutor::launch() {
  seconds = timed([&] { function(arena); });
}

namespace {

/// Memory for a product, aligned as the arena is.
class Matrix {
public:
  explicit Matrix(std::int64_t bytes)
      : memory(std::aligned_alloc(64, static_cast<std::size_t>((bytes + 127) / 64 * 64))) {
    if (!memory)
      throw Error("cannot allocate " + std::to_string(bytes) + " bytes to time a product");
  }
  void *get() const { return memory.get(); }
  void *fill(std::int64_t count, std::int32_t type) {
    // Small whole numbers: no denormals, no overflow.
    for (std::int64_t i = 0; i < count; ++i) {
      auto value = static_cast<float>(i % 7 - 3);
      if (type == JEPAC_BF16)
        static_cast<std::uint16_t *>(memory.get())[i] = floatToBfloat(value);
      else
        static_cast<float *>(memory.get())[i] = value;
    }
    return memory.get();
  }

private:
  struct Free {
    void operator()(void *pointer) const { std::free(pointer); }
  };
  std::unique_ptr<void, Free> memory;
};

} // namespace

double HostExecutor::timeProduct(const GemmUse &use) {
  jepac_gemm_desc d = use.desc;
  std::int64_t aCount = (d.transA ? d.k : d.m) * d.lda, bCount = (d.transB ? d.n : d.k) * d.ldb;
  // Where A is not transposed, B is a layer's weight; otherwise the product is
  // a weight's gradient.
  d.packedB = !d.transA;
  std::int64_t scratchBytes = gemmScratchBytes(d, ThreadPool::get().threads());
  Matrix a(aCount * 4), b(bCount * 4), c(d.m * d.ldc * 4), bias(d.n * 4), scratch(scratchBytes);
  Matrix packed(d.packedB ? jepac_gemm_packed_bytes(&d) : 0);
  const void *aValues = a.fill(aCount, d.inputs), *bValues = b.fill(bCount, d.roundsB ? JEPAC_F32 : d.inputs);
  const void *biasValues = use.bias ? bias.fill(d.n, JEPAC_F32) : nullptr;
  if (d.packedB) {
    jepac_gemm_pack(&d, packed.get(), bValues, scratch.get());
    bValues = packed.get();
  }
  auto once = [&] {
    jepac_gemm(&d, c.get(), aValues, bValues, static_cast<const float *>(biasValues),
               scratch.get(), nullptr, nullptr);
  };
  double first = timed(once);
  auto runs = static_cast<int>(std::clamp(secondsPerGemm / std::max(first, 1e-7), 3.0, 200.0));
  std::vector<double> seconds;
  for (int i = 0; i < runs; ++i)
    seconds.push_back(timed(once));
  return median(seconds);
}
