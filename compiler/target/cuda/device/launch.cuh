//===- launch.cuh - what the host has to know of a kernel -----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#pragma once

#include "platform.cuh"

namespace jepa::device {

/// How a kernel is launched: threads of a block, bytes of its shared memory, parameters, which are all addresses.
struct LaunchInfo {
  int threads, sharedBytes, parameters;
};

/// A kernel of so many threads that is nothing of the library's.
template <int N> struct Threads { static constexpr int threads = N; };

template <class Body> JEPA_CONSTANT LaunchInfo launchInfo(int parameters) {
  if constexpr (requires { typename Body::Shared; })
    return {Body::threads, static_cast<int>(sizeof(typename Body::Shared)), parameters};
  else
    return {Body::threads, 0, parameters};
}

} // namespace jepa::device

/// JEPA_LAUNCH_INFO(kernel, parameters, X): `<kernel>_launch`, which the compiler reads from the object file. X is the
/// struct of the library whose `run` or `forRows` the kernel calls: it has the threads and, if any, the shared memory.
#define JEPA_LAUNCH_INFO(kernel, parameters, ...)                                                                      \
  extern "C" JEPA_GLOBAL jepa::device::LaunchInfo kernel##_launch = jepa::device::launchInfo<__VA_ARGS__>(parameters);
