//===- platform.cuh - the words that device code is written in ------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Kernels use these names alone: no __shared__, no <<<>>>, no assembly. So one
// source serves nvcc and NVRTC, and a host compiler that brings the same
// primitives as <simt/Primitives.h>. No header of the standard library or of
// CUDA is included on the device.
//
// A source that may use sm_90a's own instructions defines JEPA_HOPPER before
// the first include; layouts depend on it, so it cannot follow __CUDA_ARCH__.
//
//===----------------------------------------------------------------------===//
#pragma once

#ifdef __CUDACC__
#define JEPA_DEVICE __device__ __forceinline__
#define JEPA_CONSTANT __host__ __device__ constexpr
/// JEPA_KERNEL(threads[, blocks per multiprocessor]) name(...) { ... }
#define JEPA_KERNEL(...) extern "C" __global__ void __launch_bounds__(__VA_ARGS__)
#define JEPA_GRID_CONSTANT __grid_constant__
/// A variable in device memory; a table there that nobody writes.
#define JEPA_GLOBAL __device__
#define JEPA_TABLE static __device__ const
#define JEPA_RESTRICT __restrict__
#define JEPA_UNROLL _Pragma("unroll")
#define JEPA_UNROLL_BY(n) JEPA_PRAGMA(unroll n)
#define JEPA_PRAGMA(...) _Pragma(#__VA_ARGS__)
#else
#define JEPA_DEVICE inline
#define JEPA_CONSTANT constexpr
#define JEPA_KERNEL(...) extern "C" void
#define JEPA_GRID_CONSTANT
#define JEPA_GLOBAL __attribute__((visibility("default")))
#define JEPA_TABLE static const
#define JEPA_RESTRICT __restrict
#define JEPA_UNROLL
#define JEPA_UNROLL_BY(n)
#endif

#if defined(JEPA_HOPPER) && defined(__CUDA_ARCH__) && !defined(__CUDA_ARCH_FEAT_SM90_ALL)
#error "JEPA_HOPPER needs sm_90a"
#endif
#ifdef JEPA_HOPPER
#define JEPA_PATH hopper
#else
#define JEPA_PATH portable
#endif

// What differs between the paths has different names to the linker.
namespace jepa::device {
inline namespace JEPA_PATH {}
} // namespace jepa::device

#ifdef __CUDACC__
#include "ptx.cuh"
#ifdef JEPA_HOPPER
#include "ptx_hopper.cuh"
#endif
#else
#include <simt/Primitives.h>
#endif
