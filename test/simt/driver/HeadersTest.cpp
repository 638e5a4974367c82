//===- HeadersTest.cpp - own declarations against CUDA's headers ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/cuda/CublasLt.h"

#include <cublasLt.h>
#include <cuda.h>

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <type_traits>

using namespace jepa::rt::cuda;

/// Whether two functions take arguments of the same sizes, addresses for addresses: their types have other names.
template <class, class> inline constexpr bool alike = false;
template <class R, class S, class... P, class... Q>
requires(sizeof...(P) == sizeof...(Q)) inline constexpr bool alike<R (*)(P...), S (*)(Q...)> =
    sizeof(R) == sizeof(S) && ((sizeof(P) == sizeof(Q) && std::is_pointer_v<P> == std::is_pointer_v<Q>)&&...);

#define SAME_FUNCTION(name, symbol, parameters)                                                                        \
  static_assert(alike<decltype(Driver::name), decltype(&::symbol)>, #symbol);
JEPA_CUDA_FUNCTIONS(SAME_FUNCTION)
#undef SAME_FUNCTION
#define SAME_FUNCTION(name, symbol, parameters)                                                                        \
  static_assert(alike<decltype(lt::Library::name), decltype(&::symbol)>, #symbol);
JEPA_CUBLASLT_FUNCTIONS(SAME_FUNCTION)
#undef SAME_FUNCTION

#define SAME(ours, theirs) static_assert(static_cast<long long>(ours) == static_cast<long long>(theirs), #theirs)
SAME(success, CUDA_SUCCESS);
SAME(outOfMemory, CUDA_ERROR_OUT_OF_MEMORY);
SAME(noDevice, CUDA_ERROR_NO_DEVICE);
SAME(notReady, CUDA_ERROR_NOT_READY);
SAME(computeCapabilityMajor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
SAME(computeCapabilityMinor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
SAME(maxDynamicSharedBytes, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
SAME(streamNonBlocking, CU_STREAM_NON_BLOCKING);
SAME(eventDefault, CU_EVENT_DEFAULT);
SAME(eventBlockingSync, CU_EVENT_BLOCKING_SYNC);
SAME(captureThreadLocal, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
SAME(sizeof(DevicePointer), sizeof(CUdeviceptr));

SAME(sizeof(lt::Algorithm), sizeof(cublasLtMatmulAlgo_t));
SAME(sizeof(lt::Candidate), sizeof(cublasLtMatmulHeuristicResult_t));
SAME(offsetof(lt::Candidate, workspaceBytes), offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
SAME(offsetof(lt::Candidate, state), offsetof(cublasLtMatmulHeuristicResult_t, state));
SAME(lt::typeF32, CUDA_R_32F);
SAME(lt::typeBf16, CUDA_R_16BF);
SAME(lt::typeE4m3, CUDA_R_8F_E4M3);
SAME(lt::compute32F, CUBLAS_COMPUTE_32F);
SAME(lt::opNone, CUBLAS_OP_N);
SAME(lt::opTranspose, CUBLAS_OP_T);
SAME(lt::descTransA, CUBLASLT_MATMUL_DESC_TRANSA);
SAME(lt::descTransB, CUBLASLT_MATMUL_DESC_TRANSB);
SAME(lt::descEpilogue, CUBLASLT_MATMUL_DESC_EPILOGUE);
SAME(lt::descBiasPointer, CUBLASLT_MATMUL_DESC_BIAS_POINTER);
SAME(lt::descAuxPointer, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER);
SAME(lt::descAuxStride, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD);
SAME(lt::descScaleA, CUBLASLT_MATMUL_DESC_A_SCALE_POINTER);
SAME(lt::descScaleB, CUBLASLT_MATMUL_DESC_B_SCALE_POINTER);
SAME(lt::descFastSums, CUBLASLT_MATMUL_DESC_FAST_ACCUM);
SAME(lt::descBiasType, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE);
SAME(lt::epilogueDefault, CUBLASLT_EPILOGUE_DEFAULT);
SAME(lt::epilogueBias, CUBLASLT_EPILOGUE_BIAS);
SAME(lt::epilogueGelu | lt::epilogueBias, CUBLASLT_EPILOGUE_GELU_BIAS);
SAME(lt::epilogueGelu | lt::epilogueAux, CUBLASLT_EPILOGUE_GELU_AUX);
SAME(lt::epilogueGelu | lt::epilogueAux | lt::epilogueBias, CUBLASLT_EPILOGUE_GELU_AUX_BIAS);
SAME(lt::epilogueDGelu, CUBLASLT_EPILOGUE_DGELU);
SAME(lt::epilogueDGelu | lt::epilogueBiasGrad, CUBLASLT_EPILOGUE_DGELU_BGRAD);
SAME(lt::epilogueBiasGradB, CUBLASLT_EPILOGUE_BGRADB);
SAME(lt::preferenceWorkspaceBytes, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
SAME(lt::preferenceReductions, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK);
SAME(lt::preferenceAlignmentA, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
SAME(lt::preferenceAlignmentB, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES);
SAME(lt::preferenceAlignmentC, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES);
SAME(lt::preferenceAlignmentD, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
SAME(lt::reductionComputeType, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);

/// The library checks attributes' sizes without a GPU.
TEST(Headers, TheRealLibraryTakesTheAttributes) {
  void *handle = dlopen(JEPAC_REAL_CUBLASLT, RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    GTEST_SKIP() << dlerror();
  auto find = [&](auto &function, const char *name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
    ASSERT_NE(function, nullptr) << name;
  };
  lt::Library library;
#define LOOKUP(name, symbol, parameters) find(library.name, #symbol);
  JEPA_CUBLASLT_FUNCTIONS(LOOKUP)
#undef LOOKUP
  lt::MatmulDesc desc = nullptr;
  ASSERT_EQ(library.descCreate(&desc, lt::compute32F, lt::typeF32), 0);
  auto set = [&](lt::DescAttribute attribute, auto value) {
    EXPECT_EQ(library.descSet(desc, attribute, &value, sizeof value), 0) << attribute;
  };
  void *place = nullptr;
  set(lt::descTransA, lt::opTranspose);
  set(lt::descTransB, lt::opNone);
  set(lt::descEpilogue, std::uint32_t(lt::epilogueDGelu | lt::epilogueBiasGrad));
  set(lt::descBiasPointer, place);
  set(lt::descAuxPointer, place);
  set(lt::descAuxStride, std::int64_t(64));
  set(lt::descScaleA, static_cast<const float *>(nullptr));
  set(lt::descScaleB, static_cast<const float *>(nullptr));
  set(lt::descBiasType, std::int32_t(lt::typeBf16));
  set(lt::descFastSums, std::int8_t(1));
  EXPECT_EQ(library.descDestroy(desc), 0);
  lt::Layout layout = nullptr;
  EXPECT_EQ(library.layoutCreate(&layout, lt::typeE4m3, 16, 32, 48), 0);
  EXPECT_EQ(library.layoutDestroy(layout), 0);
  lt::Preference preference = nullptr;
  ASSERT_EQ(library.preferenceCreate(&preference), 0);
  std::uint64_t bytes = 1 << 20;
  EXPECT_EQ(library.preferenceSet(preference, lt::preferenceWorkspaceBytes, &bytes, sizeof bytes), 0);
  for (auto attribute : {lt::preferenceReductions, lt::preferenceAlignmentA, lt::preferenceAlignmentB,
                         lt::preferenceAlignmentC, lt::preferenceAlignmentD}) {
    std::uint32_t value = 2;
    EXPECT_EQ(library.preferenceSet(preference, attribute, &value, sizeof value), 0) << attribute;
  }
  EXPECT_EQ(library.preferenceDestroy(preference), 0);
}
