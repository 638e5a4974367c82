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

/// A kernel without shared memory.
struct NoShared {};
template <class Shared> inline constexpr int sharedBytesOf = sizeof(Shared);
template <> inline constexpr int sharedBytesOf<NoShared> = 0;

} // namespace jepa::device

/// JEPA_LAUNCH_INFO(kernel, threads, X::Shared, parameters): `<kernel>_launch`, which the compiler reads from the
/// object file.
#define JEPA_LAUNCH_INFO(kernel, threads, shared, parameters)                                                          \
  extern "C" JEPA_GLOBAL jepa::device::LaunchInfo kernel##_launch = {threads, jepa::device::sharedBytesOf<shared>,     \
                                                                     parameters};
