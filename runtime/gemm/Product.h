//===- Product.h - a prepared product -------------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_GEMM_PRODUCT_H
#define JEPA_RUNTIME_GEMM_PRODUCT_H

#include "runtime/core/Abi.h"
#include "runtime/core/ThreadPool.h"
#include "runtime/gemm/Epilogue.h"

#include <cstdint>

namespace jepa::rt {

/// Everything about a product that can be prepared, one class for each way to
/// run it. Immutable, shared by threads.
class Product {
public:
  virtual ~Product() = default;

  virtual std::int64_t scratchBytes(std::int64_t threads) const = 0;
  virtual std::int64_t packedBytes() const = 0;

  /// Hands C over to the epilogue as it is written. False when it failed in the
  /// middle: C is then of no use.
  virtual bool run(void *c, const void *a, const void *b, const float *bias, void *scratch,
                   const Epilogue &epilogue) const = 0;
  virtual bool pack(void *packed, const void *b, void *scratch) const = 0;
};

/// Where parts of scratch begin, from the first of them on.
constexpr std::int64_t gemmAlignment = 128;
inline std::int64_t alignUp(std::int64_t bytes) { return (bytes + gemmAlignment - 1) / gemmAlignment * gemmAlignment; }
inline char *alignUp(void *scratch) {
  auto address = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(scratch));
  return static_cast<char *>(scratch) + (alignUp(address) - address);
}

/// What lies between two threads' parts: as far as processors fetch ahead of where they are.
constexpr std::int64_t threadGap = 4096;

inline std::int64_t ceilDiv(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
inline std::int64_t elementBytes(std::int32_t type) { return type == JEPAC_BF16 ? 2 : 4; }

/// Calls body(index) for all of [0, size), in parallel, `grain` at a time.
template <class Body> void forEach(std::int64_t size, std::int64_t grain, Body body) {
  parallelFor(size, grain, [&](std::int64_t begin, std::int64_t end, std::int64_t) {
    for (std::int64_t index = begin; index < end; ++index)
      body(index);
  });
}

} // namespace jepa::rt

#endif // JEPA_RUNTIME_GEMM_PRODUCT_H
