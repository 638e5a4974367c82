//===- DeviceExecutor.h - steps on a GPU ----------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CUDA_DEVICEEXECUTOR_H
#define JEPA_RUNTIME_CUDA_DEVICEEXECUTOR_H

#include "runtime/core/Executor.h"
#include "runtime/core/Payload.h"
#include "runtime/core/State.h"

#include <memory>

namespace jepa::rt {

/// Runs the code on the first GPU, over an arena in its memory that `state`
/// mirrors. Throws Error where there is no GPU that can run it.
///
/// Beside arena_bytes the device holds the next step's inputs as they travel:
/// deviceBytes() in all. A step's launches are one CUDA graph, from the second
/// step on: the first one chooses the products' algorithms. With
/// JEPAC_CUDA_SYNC=1 there is no graph and the host waits after each launch, so
/// that a fault names its kernel.
std::unique_ptr<Executor> makeDeviceExecutor(const State &state, const LoadedCode &code);

/// What a program allocates on a device: its plan's peak_bytes.
std::int64_t deviceBytes(const Plan &plan);

} // namespace jepa::rt

#endif // JEPA_RUNTIME_CUDA_DEVICEEXECUTOR_H
