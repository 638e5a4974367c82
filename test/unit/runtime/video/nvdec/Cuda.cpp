//===- Cuda.cpp - as much of libcuda.so.1 as FFmpeg wants to decode -------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Device memory is the host's. JEPAC_FAKE_NVDEC=no-gpu finds no device,
// JEPAC_FAKE_NVDEC=copy fails each copy after the third.
//
//===----------------------------------------------------------------------===//
#include "test/unit/runtime/video/nvdec/Picture.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

enum Result { Success = 0, NoDevice = 100, Failed = 700, NotSupported = 801 };

std::atomic<int> contexts = 0, copies = 0;

bool isSet(std::string_view fault) {
  const char *set = std::getenv("JEPAC_FAKE_NVDEC");
  return set && set == fault;
}

} // namespace

extern "C" {

int jepa_fake_contexts() { return contexts; }

int cuInit(unsigned) { return isSet("no-gpu") ? NoDevice : Success; }
int cuGetErrorName(int, const char **text) { return *text = "CUDA_ERROR", Success; }
int cuGetErrorString(int, const char **text) { return *text = "an error of the stand-in", Success; }
int cuDeviceGet(int *device, int) { return *device = 0, Success; }
int cuDeviceGetAttribute(int *value, int, int) { return *value = 512, Success; }
int cuCtxCreate_v2(void **context, unsigned, int) { return *context = &contexts, ++contexts, Success; }
int cuCtxDestroy_v2(void *) { return Success; }
int cuCtxPushCurrent_v2(void *context) { return context == &contexts ? Success : Failed; }
int cuCtxPopCurrent_v2(void **context) { return *context = &contexts, Success; }
int cuStreamSynchronize(void *) { return Success; }

int cuMemcpyDtoH_v2(void *to, unsigned long long from, std::size_t bytes) {
  if (isSet("copy") && ++copies > 3)
    return Failed;
  std::memcpy(to, reinterpret_cast<const void *>(static_cast<std::uintptr_t>(from)), bytes);
  return Success;
}

// FFmpeg looks for these, too, and calls them for other work.
#define JEPA_UNUSED(name)                                                                                              \
  int name() { return NotSupported; }
JEPA_UNUSED(cuDeviceGetCount)
JEPA_UNUSED(cuDeviceGetName)
JEPA_UNUSED(cuDeviceComputeCapability)
JEPA_UNUSED(cuCtxSetLimit)
JEPA_UNUSED(cuCtxGetDevice)
JEPA_UNUSED(cuDevicePrimaryCtxRetain)
JEPA_UNUSED(cuDevicePrimaryCtxRelease)
JEPA_UNUSED(cuDevicePrimaryCtxSetFlags)
JEPA_UNUSED(cuDevicePrimaryCtxGetState)
JEPA_UNUSED(cuDevicePrimaryCtxReset)
JEPA_UNUSED(cuMemAlloc_v2)
JEPA_UNUSED(cuMemAllocPitch_v2)
JEPA_UNUSED(cuMemAllocManaged)
JEPA_UNUSED(cuMemsetD8Async)
JEPA_UNUSED(cuMemFree_v2)
JEPA_UNUSED(cuMemcpy)
JEPA_UNUSED(cuMemcpyAsync)
JEPA_UNUSED(cuMemcpyHtoD_v2)
JEPA_UNUSED(cuMemcpyHtoDAsync_v2)
JEPA_UNUSED(cuMemcpy2D_v2)
JEPA_UNUSED(cuMemcpy2DAsync_v2)
JEPA_UNUSED(cuMemcpyDtoHAsync_v2)
JEPA_UNUSED(cuMemcpyDtoD_v2)
JEPA_UNUSED(cuMemcpyDtoDAsync_v2)
JEPA_UNUSED(cuStreamCreate)
JEPA_UNUSED(cuStreamQuery)
JEPA_UNUSED(cuStreamDestroy_v2)
JEPA_UNUSED(cuStreamAddCallback)
JEPA_UNUSED(cuEventCreate)
JEPA_UNUSED(cuEventDestroy_v2)
JEPA_UNUSED(cuEventSynchronize)
JEPA_UNUSED(cuEventQuery)
JEPA_UNUSED(cuEventRecord)
JEPA_UNUSED(cuLaunchKernel)
JEPA_UNUSED(cuLinkCreate)
JEPA_UNUSED(cuLinkAddData)
JEPA_UNUSED(cuLinkComplete)
JEPA_UNUSED(cuLinkDestroy)
JEPA_UNUSED(cuModuleLoadData)
JEPA_UNUSED(cuModuleUnload)
JEPA_UNUSED(cuModuleGetFunction)
JEPA_UNUSED(cuModuleGetGlobal)
JEPA_UNUSED(cuTexObjectCreate)
JEPA_UNUSED(cuTexObjectDestroy)
JEPA_UNUSED(cuGLGetDevices_v2)
JEPA_UNUSED(cuGraphicsGLRegisterImage)
JEPA_UNUSED(cuGraphicsUnregisterResource)
JEPA_UNUSED(cuGraphicsMapResources)
JEPA_UNUSED(cuGraphicsUnmapResources)
JEPA_UNUSED(cuGraphicsSubResourceGetMappedArray)
JEPA_UNUSED(cuGraphicsResourceGetMappedPointer_v2)
JEPA_UNUSED(cuArray3DCreate_v2)
JEPA_UNUSED(cuArrayDestroy)
JEPA_UNUSED(cuEGLStreamProducerConnect)
JEPA_UNUSED(cuEGLStreamProducerDisconnect)
JEPA_UNUSED(cuEGLStreamConsumerDisconnect)
JEPA_UNUSED(cuEGLStreamProducerPresentFrame)
JEPA_UNUSED(cuEGLStreamProducerReturnFrame)

} // extern "C"
