//===- Gemm.cpp - the products of this process ----------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Finds the prepared product for a description, and widens bf16 where the
// library has none.
//
//===----------------------------------------------------------------------===//
#include "runtime/gemm/Gemm.h"

#include "runtime/core/Error.h"
#include "runtime/core/Profiler.h"

#include <algorithm>
#include <cstdlib>

using namespace jepa::rt;

std::string jepa::rt::gemmShape(const jepac_gemm_desc &d) {
  return std::to_string(d.m) + " x " + std::to_string(d.n) + " x " + std::to_string(d.k);
}

void jepa::rt::limitProducts(const std::vector<std::string> &features) {
  auto has = [&](const char *name) { return std::ranges::count(features, name) > 0; };
  if (features.empty() || has("amx-bf16"))
    return;
  const char *most = has("avx512bf16")                                       ? "AVX512_CORE_BF16"
                     : has("avx512bw") && has("avx512dq") && has("avx512vl") ? "AVX512_CORE"
                     : has("avx2")                                           ? "AVX2"
                                                                             : "SSE41";
  setenv("ONEDNN_MAX_CPU_ISA", most, /*overwrite=*/0);
}

#ifndef JEPAC_WITH_ONEDNN

void jepa::rt::requireOneDnn() {
  throw Error("this runtime was built without oneDNN; install libdnnl-dev and build it again");
}

bool jepa::rt::gemmHasBf16() {
  requireOneDnn();
  return false;
}

bool jepa::rt::gemmHasMatrixUnit() {
  requireOneDnn();
  return false;
}

std::int64_t jepa::rt::gemmScratchBytes(const jepac_gemm_desc &, std::int64_t) {
  requireOneDnn();
  return 0;
}

extern "C" int64_t jepac_gemm_scratch_bytes(const jepac_gemm_desc *, int64_t) { return -1; }
extern "C" int64_t jepac_gemm_packed_bytes(const jepac_gemm_desc *) { return -1; }

extern "C" void jepac_gemm(const jepac_gemm_desc *d, void *c, const void *a, const void *b,
                           const float *bias, void *, jepac_kernel epilogue, void *const *args) {
  ProfiledCall profiled;
  gemmByLoops(*d, c, a, b, bias, epilogue, args);
}

// Nobody has something to pack who was told -1 bytes.
extern "C" void jepac_gemm_pack(const jepac_gemm_desc *, void *, const void *, void *) {}

#else

#include "runtime/gemm/AmxProduct.h"
#include "runtime/gemm/OneDnn.h"
#include "runtime/gemm/WidenedProduct.h"

#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <tuple>

namespace {

/// As bf16 on the matrix unit where there is one, else as the library does it.
std::unique_ptr<Product> makeProduct(const jepac_gemm_desc &d, bool bias) {
  if (d.inputs == JEPAC_BF16 && gemmHasMatrixUnit())
    return std::make_unique<AmxProduct>(d);
  if (d.inputs == JEPAC_BF16 && !gemmHasBf16())
    return std::make_unique<WidenedProduct>(d, bias);
  return std::make_unique<TiledProduct>(d, bias);
}

void check(const jepac_gemm_desc &d) {
  constexpr std::int64_t most = std::int64_t(1) << 31;
  bool sizes = d.m > 0 && d.n > 0 && d.k > 0 && d.m < most && d.n < most && d.k < most;
  if (!sizes || d.lda < (d.transA ? d.m : d.k) || d.ldb < (d.transB ? d.k : d.n) || d.ldc < d.n)
    throw Error("a product of " + gemmShape(d) + " has impossible sizes or strides");
  bool f32 = d.inputs == JEPAC_F32 && d.result == JEPAC_F32;
  if (d.roundsB && d.inputs != JEPAC_BF16)
    throw Error("a product of " + gemmShape(d) + " rounds B to f32, which it holds");
  if (!f32 && (d.inputs != JEPAC_BF16 || (d.result != JEPAC_F32 && d.result != JEPAC_BF16)))
    throw Error("a product of " + gemmShape(d) + " has a combination of element types that " +
                "there is none for");
}

const Product &productOf(const jepac_gemm_desc &d, bool bias) {
  using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                         std::int64_t, bool, bool, bool, int, int, bool, bool>;
  struct Products {
    std::shared_mutex mutex;
    std::map<Key, std::unique_ptr<Product>> byShape;
  };
  // Never destroyed: threads may outlive static objects.
  static auto &products = *new Products;
  Key key{d.m,      d.n,           d.k,           d.lda,          d.ldb,
          d.ldc,    d.transA != 0, d.transB != 0, d.packedB != 0, d.inputs,
          d.result, bias,          d.roundsB != 0};
  {
    std::shared_lock lock(products.mutex);
    if (auto found = products.byShape.find(key); found != products.byShape.end())
      return *found->second;
  }
  check(d);
  OneDnn::get().stream(); // primitives are made for one thread as well
  std::unique_lock lock(products.mutex);
  if (auto found = products.byShape.find(key); found != products.byShape.end())
    return *found->second;
  return *products.byShape.emplace(key, makeProduct(d, bias)).first->second;
}

/// What a product leaves when oneDNN failed in the middle of a step, which only
/// a lack of memory can bring about. Nothing may be thrown there, and nothing
/// wrong passed on: not a number is what the training loop stops at.
void fillWithNaN(const jepac_gemm_desc &d, void *c) {
  for (std::int64_t i = 0; i < d.m; ++i)
    if (d.result == JEPAC_BF16)
      std::fill_n(static_cast<std::uint16_t *>(c) + i * d.ldc, d.n, std::uint16_t(0x7fc0));
    else
      std::fill_n(static_cast<float *>(c) + i * d.ldc, d.n,
                  std::numeric_limits<float>::quiet_NaN());
}

} // namespace

void jepa::rt::requireOneDnn() { OneDnn::get(); }

bool jepa::rt::gemmHasBf16() {
  static const bool has = [] {
    dnnl_memory_desc_t matrix = plainLayout(64, 64, 64, 1, JEPAC_BF16);
    OneDnn::get().stream();
    try {
      makeMatmul(matrix, matrix, nullptr, matrix);
      return true;
    } catch (const Error &) {
      return false;
    }
  }();
  return has;
}

bool jepa::rt::gemmHasMatrixUnit() {
  // The library asks the system for the unit's registers, and its variable of the environment turns it off.
  static const bool has = (OneDnn::get().get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_amx) ==
                          dnnl_cpu_isa_avx512_core_amx;
  return has;
}

std::int64_t jepa::rt::gemmScratchBytes(const jepac_gemm_desc &desc, std::int64_t threads) {
  threads = std::max<std::int64_t>(threads, 1);
  return Epilogue::scratchBytes(desc) + std::max(productOf(desc, false).scratchBytes(threads),
                                                 productOf(desc, true).scratchBytes(threads));
}

extern "C" int64_t jepac_gemm_scratch_bytes(const jepac_gemm_desc *d, int64_t threads) {
  try {
    return gemmScratchBytes(*d, threads);
  } catch (const std::exception &) {
    return -1;
  }
}

extern "C" int64_t jepac_gemm_packed_bytes(const jepac_gemm_desc *d) {
  try {
    return productOf(*d, false).packedBytes();
  } catch (const std::exception &) {
    return -1;
  }
}

extern "C" void jepac_gemm(const jepac_gemm_desc *d, void *c, const void *a, const void *b,
                           const float *bias, void *scratch, jepac_kernel kernel,
                           void *const *args) {
  ProfiledCall profiled;
  const Product *product = nullptr;
  try {
    product = &productOf(*d, bias != nullptr);
  } catch (const std::exception &) {
    if (!d->packedB)
      return gemmByLoops(*d, c, a, b, bias, kernel, args);
  }
  Epilogue epilogue(*d, kernel, args, scratch);
  char *rest = static_cast<char *>(scratch) + Epilogue::scratchBytes(*d);
  if (product && product->run(c, a, b, bias, rest, epilogue))
    return;
  fillWithNaN(*d, c);
  Epilogue::runAll(*d, kernel, args);
}

extern "C" void jepac_gemm_pack(const jepac_gemm_desc *d, void *packed, const void *b,
                                void *scratch) {
  ProfiledCall profiled;
  std::int64_t bytes = jepac_gemm_packed_bytes(d);
  if (bytes >= 0 && productOf(*d, false).pack(packed, b, scratch))
    return;
  std::fill_n(static_cast<char *>(packed), std::max<std::int64_t>(bytes, 0), char(0xff));
}

#endif // JEPAC_WITH_ONEDNN
