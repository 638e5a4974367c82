//===- CublasLt.cpp - cuBLASLt of a machine that is not there -------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Those functions of libcublasLt.so that the runtime uses, as the library's
// header documents them: matrices by columns, one batch. Descriptions that the
// header rules out are refused with the status that it names. Products go into
// the streams of the stand-in driver.
//
//   JEPAC_FAKE_CUBLASLT_VERSION  what cublasLtGetVersion says (130100)
//
//===----------------------------------------------------------------------===//
#include "simt/driver/Product.h"

#include <cstdlib>
#include <cstring>
#include <memory>

using namespace fake;
using namespace jepa::rt::cuda;
using namespace jepa::rt::cuda::lt;

#define FAKE_API extern "C" __attribute__((visibility("default"))) int

namespace jepa::rt::cuda::lt {
struct HandleTag {};
struct MatmulDescTag : ProductDesc {};
struct LayoutTag : MatrixLayout {};
struct PreferenceTag {
  std::uint64_t workspaceBytes = 0;
  std::uint32_t reductions = 7, alignment[4] = {256, 256, 256, 256};
};
} // namespace jepa::rt::cuda::lt

static constexpr int ok = 0, invalid = 7, unsupported = 15;

static std::size_t version() {
  const char *text = std::getenv("JEPAC_FAKE_CUBLASLT_VERSION");
  return text && *text ? std::strtoull(text, nullptr, 10) : 130100;
}

FAKE_API cublasLtCreate(Handle *handle) {
  *handle = new HandleTag;
  return ok;
}
FAKE_API cublasLtDestroy(Handle handle) {
  delete handle;
  return ok;
}
extern "C" __attribute__((visibility("default"))) std::size_t cublasLtGetVersion() { return version(); }

//===----------------------------------------------------------------------===//
// Descriptions
//===----------------------------------------------------------------------===//

/// Sets one attribute, whose size must be its own.
template <class T> static int assign(T &attribute, const void *value, std::size_t bytes) {
  if (!value || bytes != sizeof(T))
    return invalid;
  std::memcpy(&attribute, value, bytes);
  return ok;
}

FAKE_API cublasLtMatmulDescCreate(MatmulDesc *desc, int compute, Type scale) {
  if (compute != compute32F || scale != typeF32)
    return invalid;
  *desc = new MatmulDescTag;
  return ok;
}
FAKE_API cublasLtMatmulDescDestroy(MatmulDesc desc) {
  delete desc;
  return ok;
}
FAKE_API cublasLtMatmulDescSetAttribute(MatmulDesc desc, DescAttribute attribute, const void *value,
                                        std::size_t bytes) {
  switch (attribute) {
  case descTransA: return assign(desc->transA, value, bytes);
  case descTransB: return assign(desc->transB, value, bytes);
  case descEpilogue: return assign(desc->epilogue, value, bytes);
  case descBiasPointer: return assign(desc->bias, value, bytes);
  case descAuxPointer: return assign(desc->aux, value, bytes);
  case descAuxStride: return assign(desc->auxStride, value, bytes);
  case descScaleA: return assign(desc->scaleA, value, bytes);
  case descScaleB: return assign(desc->scaleB, value, bytes);
  case descFastSums: return assign(desc->fastSums, value, bytes);
  case descBiasType: return assign(desc->biasType, value, bytes);
  }
  return invalid;
}

FAKE_API cublasLtMatrixLayoutCreate(Layout *layout, Type type, std::uint64_t rows, std::uint64_t columns,
                                    std::int64_t stride) {
  auto its = std::make_unique<LayoutTag>();
  its->type = type;
  its->rows = static_cast<std::int64_t>(rows);
  its->columns = static_cast<std::int64_t>(columns);
  its->stride = stride;
  *layout = its.release();
  return ok;
}
FAKE_API cublasLtMatrixLayoutDestroy(Layout layout) {
  delete layout;
  return ok;
}

FAKE_API cublasLtMatmulPreferenceCreate(Preference *preference) {
  *preference = new PreferenceTag;
  return ok;
}
FAKE_API cublasLtMatmulPreferenceDestroy(Preference preference) {
  delete preference;
  return ok;
}
FAKE_API cublasLtMatmulPreferenceSetAttribute(Preference preference, PreferenceAttribute attribute, const void *value,
                                              std::size_t bytes) {
  switch (attribute) {
  case preferenceWorkspaceBytes: return assign(preference->workspaceBytes, value, bytes);
  case preferenceReductions: return assign(preference->reductions, value, bytes);
  case preferenceAlignmentA: return assign(preference->alignment[0], value, bytes);
  case preferenceAlignmentB: return assign(preference->alignment[1], value, bytes);
  case preferenceAlignmentC: return assign(preference->alignment[2], value, bytes);
  case preferenceAlignmentD: return assign(preference->alignment[3], value, bytes);
  }
  return invalid;
}

//===----------------------------------------------------------------------===//
// Algorithms
//===----------------------------------------------------------------------===//

// There are two: "plain", and "split", which sums k in two halves and needs workspace for one of them. An algorithm is
// [a mark, the library's version, 1 or 2, 0...].
static constexpr std::uint64_t mark = 0x6a65706163;

static std::size_t workspaceOf(const Algorithm &algorithm, const MatrixLayout &d) {
  return algorithm.data[2] == 2 ? static_cast<std::size_t>(d.rows * d.columns) * sizeof(float) : 0;
}

static int checkAlgorithm(const Algorithm &algorithm, const MatrixLayout &d, Candidate *result) {
  if (algorithm.data[0] != mark || algorithm.data[1] != version() || algorithm.data[2] < 1 || algorithm.data[2] > 2)
    return invalid;
  result->workspaceBytes = workspaceOf(algorithm, d);
  result->state = ok;
  result->waves = 1;
  return ok;
}

FAKE_API cublasLtMatmulAlgoGetHeuristic(Handle, MatmulDesc desc, Layout a, Layout b, Layout c, Layout d,
                                        Preference preference, int wanted, Candidate *found, int *count) {
  *count = 0;
  if (wanted <= 0)
    return invalid;
  if (int status = checkProduct(*desc, *a, *b, *c, *d))
    return status;
  for (std::uint64_t number : {1, 2}) {
    Candidate candidate{};
    candidate.algorithm = {{mark, version(), number}};
    checkAlgorithm(candidate.algorithm, *d, &candidate);
    bool allowed = number == 1 || (preference->reductions & reductionComputeType);
    if (*count < wanted && allowed && candidate.workspaceBytes <= preference->workspaceBytes)
      found[(*count)++] = candidate;
  }
  return *count ? ok : unsupported;
}

FAKE_API cublasLtMatmulAlgoCheck(Handle, MatmulDesc desc, Layout a, Layout b, Layout c, Layout d,
                                 const Algorithm *algorithm, Candidate *result) {
  if (int status = checkProduct(*desc, *a, *b, *c, *d))
    return status;
  return checkAlgorithm(*algorithm, *d, result);
}

FAKE_API cublasLtMatmul(Handle, MatmulDesc desc, const void *alpha, const void *a, Layout aLayout, const void *b,
                        Layout bLayout, const void *beta, const void *c, Layout cLayout, void *d, Layout dLayout,
                        const Algorithm *algorithm, void *workspace, std::size_t workspaceBytes, Stream stream) {
  Candidate checked{};
  if (int status = checkProduct(*desc, *aLayout, *bLayout, *cLayout, *dLayout))
    return status;
  if (int status = checkAlgorithm(*algorithm, *dLayout, &checked))
    return status;
  if (checked.workspaceBytes > workspaceBytes || (checked.workspaceBytes && !workspace))
    return invalid;
  float one = 0, zero = 1;
  std::memcpy(&one, alpha, sizeof one);
  std::memcpy(&zero, beta, sizeof zero);
  if (one != 1 || zero != 0)
    return unsupported; // nobody here asks for others
  ProductCall call{*desc, *aLayout, *bLayout, *dLayout,
                   a,     b,        d,        algorithm->data[2] == 2 ? static_cast<float *>(workspace) : nullptr};
  if (int status = checkPlaces(call))
    return status;
  Machine &machine = Machine::get();
  std::lock_guard lock(machine.mutex);
  if (machine.fault != success)
    return 13; // execution failed
  machine.submit(stream, {[call] { call.run(); }, {}, {}});
  return ok;
}
