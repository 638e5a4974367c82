//===- Epilogue.h - what works on a product's result as it comes ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_GEMM_EPILOGUE_H
#define JEPA_RUNTIME_GEMM_EPILOGUE_H

#include "runtime/core/Abi.h"

#include <cstdint>

namespace jepa::rt {

/// Consecutive rows or columns.
struct Range {
  std::int64_t begin, size;
};

/// The epilogue of one product while it runs: counts what is missing of each
/// part of C, however the product is cut, and calls the kernel for a part with
/// the last of its elements.
class Epilogue {
public:
  /// None: nothing is done.
  explicit Epilogue(const jepac_gemm_desc &d) : d(d) {}
  /// `counters` has scratchBytes(d). A null kernel is none.
  Epilogue(const jepac_gemm_desc &d, jepac_kernel kernel, void *const *args, void *counters);

  bool isThere() const { return kernel; }

  static std::int64_t scratchBytes(const jepac_gemm_desc &d);

  /// To be called once for each element of C, by the thread that wrote it.
  void finish(Range rows, Range columns, std::int64_t thread) const;

  /// Calls `kernel`, unless it is null, for all parts, in parallel: C is there as a whole.
  static void runAll(const jepac_gemm_desc &d, jepac_kernel kernel, void *const *args);

private:
  const jepac_gemm_desc &d;
  jepac_kernel kernel = nullptr;
  void *const *args = nullptr;
  std::int64_t *missing = nullptr; ///< elements, by part
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_GEMM_EPILOGUE_H
