//===- Driver.h - CUDA's driver API, opened on first use ------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The declarations are this project's own: a machine without CUDA's headers
// builds the runtime too. Where there are headers, test/simt/driver compares.
//
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CUDA_DRIVER_H
#define JEPA_RUNTIME_CUDA_DRIVER_H

#include "runtime/core/Error.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace jepa::rt::cuda {

/// CUresult's values that are told apart.
enum Status : int {
  success = 0,
  outOfMemory = 2,
  noDevice = 100,
  notReady = 600,
};

using DevicePointer = unsigned long long;
using DeviceNumber = int;
using Context = struct ContextTag *;
using Module = struct ModuleTag *;
using Function = struct FunctionTag *;
using Stream = struct StreamTag *;
using Event = struct EventTag *;
using Graph = struct GraphTag *;
using GraphExec = struct GraphExecTag *;

// Members of the API's enumerations.
inline constexpr int computeCapabilityMajor = 75, computeCapabilityMinor = 76; ///< CUdevice_attribute
inline constexpr int maxDynamicSharedBytes = 8;                                ///< CUfunction_attribute
inline constexpr unsigned streamNonBlocking = 1;                               ///< CUstream_flags
inline constexpr unsigned eventDefault = 0, eventBlockingSync = 1;             ///< CUevent_flags
inline constexpr int captureThreadLocal = 1;                                   ///< CUstreamCaptureMode

/// What a kernel may use of dynamic shared memory without being allowed to.
inline constexpr unsigned plainSharedBytes = 48 << 10;

// X(name here, symbol of the library, parameters). All return a CUresult.
#define JEPA_CUDA_FUNCTIONS(X)                                                                                         \
  X(init, cuInit, (unsigned flags))                                                                                    \
  X(driverVersion, cuDriverGetVersion, (int *version))                                                                 \
  X(errorName, cuGetErrorName, (Status, const char **))                                                                \
  X(errorString, cuGetErrorString, (Status, const char **))                                                            \
  X(deviceCount, cuDeviceGetCount, (int *))                                                                            \
  X(deviceGet, cuDeviceGet, (DeviceNumber *, int ordinal))                                                             \
  X(deviceName, cuDeviceGetName, (char *, int length, DeviceNumber))                                                   \
  X(deviceAttribute, cuDeviceGetAttribute, (int *, int attribute, DeviceNumber))                                       \
  X(contextRetain, cuDevicePrimaryCtxRetain, (Context *, DeviceNumber))                                                \
  X(contextRelease, cuDevicePrimaryCtxRelease_v2, (DeviceNumber))                                                      \
  X(contextSetCurrent, cuCtxSetCurrent, (Context))                                                                     \
  X(memoryInfo, cuMemGetInfo_v2, (std::size_t * free, std::size_t * total))                                            \
  X(allocate, cuMemAlloc_v2, (DevicePointer *, std::size_t bytes))                                                     \
  X(release, cuMemFree_v2, (DevicePointer))                                                                            \
  X(hostAllocate, cuMemHostAlloc, (void **, std::size_t bytes, unsigned flags))                                        \
  X(hostRelease, cuMemFreeHost, (void *))                                                                              \
  X(copyToDevice, cuMemcpyHtoDAsync_v2, (DevicePointer, const void *, std::size_t bytes, Stream))                      \
  X(copyToHost, cuMemcpyDtoHAsync_v2, (void *, DevicePointer, std::size_t bytes, Stream))                              \
  X(copyOnDevice, cuMemcpyDtoDAsync_v2, (DevicePointer, DevicePointer, std::size_t bytes, Stream))                     \
  X(fillOnDevice, cuMemsetD32Async, (DevicePointer, unsigned word, std::size_t words, Stream))                         \
  X(streamCreate, cuStreamCreate, (Stream *, unsigned flags))                                                          \
  X(streamDestroy, cuStreamDestroy_v2, (Stream))                                                                       \
  X(streamSynchronize, cuStreamSynchronize, (Stream))                                                                  \
  X(streamWaitEvent, cuStreamWaitEvent, (Stream, Event, unsigned flags))                                               \
  X(eventCreate, cuEventCreate, (Event *, unsigned flags))                                                             \
  X(eventDestroy, cuEventDestroy_v2, (Event))                                                                          \
  X(eventRecord, cuEventRecord, (Event, Stream))                                                                       \
  X(eventSynchronize, cuEventSynchronize, (Event))                                                                     \
  X(eventElapsed, cuEventElapsedTime, (float *milliseconds, Event begin, Event end))                                   \
  X(moduleLoad, cuModuleLoadData, (Module *, const void *image))                                                       \
  X(moduleUnload, cuModuleUnload, (Module))                                                                            \
  X(moduleFunction, cuModuleGetFunction, (Function *, Module, const char *name))                                       \
  X(functionSetAttribute, cuFuncSetAttribute, (Function, int attribute, int value))                                    \
  X(launchKernel, cuLaunchKernel,                                                                                      \
    (Function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,      \
     unsigned sharedBytes, Stream, void **parameters, void **extra))                                                   \
  X(captureBegin, cuStreamBeginCapture_v2, (Stream, int mode))                                                         \
  X(captureEnd, cuStreamEndCapture, (Stream, Graph *))                                                                 \
  X(graphInstantiate, cuGraphInstantiateWithFlags, (GraphExec *, Graph, unsigned long long flags))                     \
  X(graphLaunch, cuGraphLaunch, (GraphExec, Stream))                                                                   \
  X(graphDestroy, cuGraphDestroy, (Graph))                                                                             \
  X(graphExecDestroy, cuGraphExecDestroy, (GraphExec))

/// What the driver says went wrong: where it shows need not be where it happened.
class Fault : public Error {
  using Error::Error;
};

/// The library's functions.
struct Driver {
#define JEPA_CUDA_DECLARE(name, symbol, parameters) Status(*name) parameters = nullptr;
  JEPA_CUDA_FUNCTIONS(JEPA_CUDA_DECLARE)
#undef JEPA_CUDA_DECLARE

  /// Opens libcuda.so.1 and starts it, the first time; throws Error when there is none, when it is older than `version`
  /// (as CUDA counts), and when it finds no device.
  static const Driver &get(std::int64_t version);

  /// "CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was encountered)".
  std::string describe(Status status) const;

  /// Throws a Fault that names `what` unless the status is success.
  void check(Status status, const std::string &what) const {
    if (status != success)
      throw Fault(what + " failed on the GPU: " + describe(status));
  }
};

} // namespace jepa::rt::cuda

#endif // JEPA_RUNTIME_CUDA_DRIVER_H
