//===- CublasLt.h - cuBLASLt's API, opened on first use -------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// As Driver.h: the declarations are this project's own, and compared with the
// real header where there is one.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CUDA_CUBLASLT_H
#define JEPA_RUNTIME_CUDA_CUBLASLT_H

#include "runtime/cuda/Driver.h"

#include <cstdint>

namespace jepa::rt::cuda::lt {

using Handle = struct HandleTag *;
using MatmulDesc = struct MatmulDescTag *;
using Layout = struct LayoutTag *;
using Preference = struct PreferenceTag *;

/// cublasLtMatmulAlgo_t: may be stored, and used again with the same version of the library.
struct Algorithm {
  std::uint64_t data[8];
};

/// cublasLtMatmulHeuristicResult_t.
struct Candidate {
  Algorithm algorithm;
  std::size_t workspaceBytes;
  int state; ///< 0 where the algorithm can be used
  float waves;
  int reserved[4];
};

/// cudaDataType.
enum Type : int { typeF32 = 0, typeBf16 = 14, typeE4m3 = 28 };

inline constexpr int compute32F = 68; ///< cublasComputeType_t: f32 without TF32
inline constexpr std::int32_t opNone = 0, opTranspose = 1;

enum DescAttribute : int {
  descTransA = 3,
  descTransB = 4,
  descEpilogue = 7,
  descBiasPointer = 8,
  descAuxPointer = 11,
  descAuxStride = 12,
  descScaleA = 17,
  descScaleB = 18,
  descFastSums = 25,
  descBiasType = 26,
};

/// cublasLtEpilogue_t: flags.
enum Epilogue : std::uint32_t {
  epilogueDefault = 1,
  epilogueBias = 4,
  epilogueGelu = 32,
  epilogueDGelu = 64 | 128,
  epilogueAux = 128,     ///< beside gelu
  epilogueBiasGrad = 16, ///< beside dgelu
  epilogueBiasGradB = 512,
};

enum PreferenceAttribute : int {
  preferenceWorkspaceBytes = 1,
  preferenceReductions = 3,
  preferenceAlignmentA = 5,
  preferenceAlignmentB = 6,
  preferenceAlignmentC = 7,
  preferenceAlignmentD = 8,
};

/// Parts of a sum over k are added in a separate step and in f32: the same bits in every run.
inline constexpr std::uint32_t reductionComputeType = 2;

// X(name here, symbol of the library, parameters). All return a cublasStatus_t.
#define JEPA_CUBLASLT_FUNCTIONS(X)                                                                                     \
  X(create, cublasLtCreate, (Handle *))                                                                                \
  X(destroy, cublasLtDestroy, (Handle))                                                                                \
  X(descCreate, cublasLtMatmulDescCreate, (MatmulDesc *, int compute, Type scale))                                     \
  X(descDestroy, cublasLtMatmulDescDestroy, (MatmulDesc))                                                              \
  X(descSet, cublasLtMatmulDescSetAttribute, (MatmulDesc, DescAttribute, const void *, std::size_t bytes))             \
  X(layoutCreate, cublasLtMatrixLayoutCreate,                                                                          \
    (Layout *, Type, std::uint64_t rows, std::uint64_t columns, std::int64_t stride))                                  \
  X(layoutDestroy, cublasLtMatrixLayoutDestroy, (Layout))                                                              \
  X(preferenceCreate, cublasLtMatmulPreferenceCreate, (Preference *))                                                  \
  X(preferenceDestroy, cublasLtMatmulPreferenceDestroy, (Preference))                                                  \
  X(preferenceSet, cublasLtMatmulPreferenceSetAttribute,                                                               \
    (Preference, PreferenceAttribute, const void *, std::size_t bytes))                                                \
  X(heuristic, cublasLtMatmulAlgoGetHeuristic,                                                                         \
    (Handle, MatmulDesc, Layout a, Layout b, Layout c, Layout d, Preference, int wanted, Candidate *, int *found))     \
  X(algorithmCheck, cublasLtMatmulAlgoCheck,                                                                           \
    (Handle, MatmulDesc, Layout a, Layout b, Layout c, Layout d, const Algorithm *, Candidate *))                      \
  X(matmul, cublasLtMatmul,                                                                                            \
    (Handle, MatmulDesc, const void *alpha, const void *a, Layout, const void *b, Layout, const void *beta,            \
     const void *c, Layout, void *d, Layout, const Algorithm *, void *workspace, std::size_t workspaceBytes, Stream))

/// The library's functions.
struct Library {
#define JEPA_CUBLASLT_DECLARE(name, symbol, parameters) int(*name) parameters = nullptr;
  JEPA_CUBLASLT_FUNCTIONS(JEPA_CUBLASLT_DECLARE)
#undef JEPA_CUBLASLT_DECLARE
  std::size_t (*version)() = nullptr;

  /// Opens libcublasLt.so.13, or .12, the first time; throws Error when there is none.
  static const Library &get();

  static void check(int status, const std::string &what);
};

} // namespace jepa::rt::cuda::lt

#endif // JEPA_RUNTIME_CUDA_CUBLASLT_H
