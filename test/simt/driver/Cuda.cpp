//===- Cuda.cpp - the driver API of a machine that is not there -----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Those functions of libcuda.so.1 that the runtime uses. What the manual leaves
// undefined, or forbids while a stream is captured, is refused.
//
//===----------------------------------------------------------------------===//
#include "simt/driver/Machine.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace fake;
using namespace jepa::rt::cuda;

#define FAKE_API extern "C" __attribute__((visibility("default"))) Status

/// Every call but the first few: under the lock, and not after a fault.
template <class Body> static Status guarded(Body &&body) {
  Machine &machine = Machine::get();
  std::lock_guard lock(machine.mutex);
  if (machine.fault != success)
    return machine.fault;
  Status status = body(machine);
  return machine.fault != success ? machine.fault : status;
}

/// A call that must not come while a stream is captured: it spoils the capture.
template <class Body> static Status uncaptured(Body &&body) {
  return guarded([&](Machine &machine) {
    if (!machine.anyCaptures())
      return body(machine);
    for (auto &stream : machine.streams)
      stream->invalid = stream->capture != nullptr;
    return captureUnsupported;
  });
}

//===----------------------------------------------------------------------===//
// The machine
//===----------------------------------------------------------------------===//

static const struct {
  Status status;
  const char *name, *text;
} errors[] = {
    {success, "CUDA_SUCCESS", "no error"},
    {invalidValue, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {outOfMemory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {notInitialized, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {noDevice, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {invalidContext, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {noBinaryForGpu, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {invalidHandle, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {notFound, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {notReady, "CUDA_ERROR_NOT_READY", "device not ready"},
    {launchOutOfResources, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {launchFailed, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {captureUnsupported, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {captureInvalidated, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {captureIsolation, "CUDA_ERROR_STREAM_CAPTURE_ISOLATION",
     "dependency created on uncaptured work in another stream"}};

FAKE_API cuGetErrorName(Status status, const char **name) {
  *name = nullptr;
  for (const auto &error : errors)
    if (error.status == status)
      *name = error.name;
  return *name ? success : invalidValue;
}

FAKE_API cuGetErrorString(Status status, const char **text) {
  *text = nullptr;
  for (const auto &error : errors)
    if (error.status == status)
      *text = error.text;
  return *text ? success : invalidValue;
}

static bool started = false;

FAKE_API cuDriverGetVersion(int *version) {
  *version = Machine::get().driverVersion;
  return success;
}

FAKE_API cuInit(unsigned) {
  if (Machine::get().devices == 0)
    return noDevice;
  started = true;
  return success;
}

FAKE_API cuDeviceGetCount(int *count) {
  *count = Machine::get().devices;
  return started ? success : notInitialized;
}

FAKE_API cuDeviceGet(DeviceNumber *device, int ordinal) {
  *device = ordinal;
  return !started ? notInitialized : ordinal < Machine::get().devices ? success : invalidValue;
}

FAKE_API cuDeviceGetName(char *name, int length, DeviceNumber) {
  std::snprintf(name, static_cast<std::size_t>(length), "fake GPU");
  return success;
}

FAKE_API cuDeviceGetAttribute(int *value, int attribute, DeviceNumber) {
  int capability = Machine::get().capability;
  if (attribute != computeCapabilityMajor && attribute != computeCapabilityMinor)
    return invalidValue;
  *value = attribute == computeCapabilityMajor ? capability / 10 : capability % 10;
  return success;
}

static int retained = 0;
static bool contextSet = false;

FAKE_API cuDevicePrimaryCtxRetain(Context *context, DeviceNumber) {
  ++retained;
  *context = reinterpret_cast<Context>(&retained);
  return success;
}

FAKE_API cuDevicePrimaryCtxRelease_v2(DeviceNumber) {
  Machine::get().tell();
  return retained-- > 0 ? success : invalidContext;
}

FAKE_API cuCtxSetCurrent(Context context) {
  contextSet = context == reinterpret_cast<Context>(&retained);
  return contextSet && retained > 0 ? success : invalidContext;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

FAKE_API cuMemGetInfo_v2(std::size_t *free, std::size_t *total) {
  Machine &machine = Machine::get();
  *free = machine.freeBytes();
  *total = machine.memory;
  return success;
}

FAKE_API cuMemAlloc_v2(DevicePointer *address, std::size_t bytes) {
  return uncaptured([&](Machine &machine) {
    return !contextSet ? invalidContext : bytes == 0 ? invalidValue : machine.allocate(address, bytes);
  });
}

FAKE_API cuMemFree_v2(DevicePointer address) {
  return uncaptured([&](Machine &machine) { return machine.release(address); });
}

FAKE_API cuMemHostAlloc(void **address, std::size_t bytes, unsigned) {
  return uncaptured([&](Machine &machine) {
    if (bytes == 0 || posix_memalign(address, 4096, bytes))
      return outOfMemory;
    machine.pinned[static_cast<char *>(*address)] = bytes;
    return success;
  });
}

FAKE_API cuMemFreeHost(void *address) {
  return guarded([&](Machine &machine) {
    if (!machine.pinned.erase(static_cast<char *>(address)))
      return invalidValue;
    std::free(address);
    return success;
  });
}

static bool isPinned(const Machine &machine, const void *address, std::size_t bytes) {
  const auto *place = static_cast<const char *>(address);
  auto next = machine.pinned.upper_bound(place);
  return next != machine.pinned.begin() && place + bytes <= std::prev(next)->first + std::prev(next)->second;
}

FAKE_API cuMemcpyHtoDAsync_v2(DevicePointer to, const void *from, std::size_t bytes, Stream stream) {
  return guarded([&](Machine &machine) {
    auto *target = reinterpret_cast<void *>(to);
    if (isPinned(machine, from, bytes)) {
      machine.submit(stream, {[=] { std::memcpy(target, from, bytes); }, {}, {}});
      return success;
    }
    if (stream->capture)
      return captureUnsupported;
    // Pageable memory is read before the call returns.
    auto copy =
        std::make_shared<std::vector<char>>(static_cast<const char *>(from), static_cast<const char *>(from) + bytes);
    machine.submit(stream, {[=] { std::memcpy(target, copy->data(), bytes); }, {}, {}});
    return success;
  });
}

FAKE_API cuMemcpyDtoHAsync_v2(void *to, DevicePointer from, std::size_t bytes, Stream stream) {
  return guarded([&](Machine &machine) {
    auto *source = reinterpret_cast<const void *>(from);
    bool pageable = !isPinned(machine, to, bytes);
    if (pageable && stream->capture)
      return captureUnsupported;
    machine.submit(stream, {[=] { std::memcpy(to, source, bytes); }, {}, {}});
    // To pageable memory the call waits.
    if (pageable)
      machine.workUntilEmpty(stream);
    return success;
  });
}

FAKE_API cuMemcpyDtoDAsync_v2(DevicePointer to, DevicePointer from, std::size_t bytes, Stream stream) {
  return guarded([&](Machine &machine) {
    machine.submit(
        stream,
        {[=] { std::memmove(reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from), bytes); }, {}, {}});
    return success;
  });
}

FAKE_API cuMemsetD32Async(DevicePointer to, unsigned word, std::size_t words, Stream stream) {
  return guarded([&](Machine &machine) {
    machine.submit(stream, {[=] { std::fill_n(reinterpret_cast<unsigned *>(to), words, word); }, {}, {}});
    return success;
  });
}

//===----------------------------------------------------------------------===//
// Streams and events
//===----------------------------------------------------------------------===//

FAKE_API cuStreamCreate(Stream *stream, unsigned) {
  return guarded([&](Machine &machine) {
    machine.streams.push_back(std::make_unique<StreamTag>());
    *stream = machine.streams.back().get();
    return success;
  });
}

FAKE_API cuStreamDestroy_v2(Stream stream) {
  return uncaptured([&](Machine &machine) {
    machine.workUntilEmpty(stream);
    machine.streams.remove_if([&](const auto &its) { return its.get() == stream; });
    return success;
  });
}

FAKE_API cuStreamSynchronize(Stream stream) {
  return uncaptured([&](Machine &machine) {
    machine.workUntilEmpty(stream);
    return success;
  });
}

FAKE_API cuEventCreate(Event *event, unsigned) {
  *event = new EventTag;
  return success;
}

FAKE_API cuEventDestroy_v2(Event event) {
  delete event;
  return success;
}

FAKE_API cuEventRecord(Event event, Stream stream) {
  return guarded([&](Machine &machine) {
    event->last = std::make_shared<Record>();
    machine.submit(stream, {{}, {}, event->last});
    return success;
  });
}

FAKE_API cuStreamWaitEvent(Stream stream, Event event, unsigned) {
  return guarded([&](Machine &machine) {
    // One that was never recorded is no reason to wait.
    if (!event->last)
      return success;
    if (stream->capture) {
      stream->invalid = true;
      return captureIsolation;
    }
    machine.submit(stream, {{}, event->last, {}});
    return success;
  });
}

FAKE_API cuEventSynchronize(Event event) {
  return uncaptured([&](Machine &machine) {
    machine.workUntil([&] { return !event->last || event->last->done; });
    return success;
  });
}

FAKE_API cuEventElapsedTime(float *milliseconds, Event begin, Event end) {
  return guarded([&](Machine &) {
    if (!begin->last || !end->last)
      return invalidHandle;
    if (!begin->last->done || !end->last->done)
      return notReady;
    *milliseconds = std::chrono::duration<float, std::milli>(end->last->when - begin->last->when).count();
    return success;
  });
}

//===----------------------------------------------------------------------===//
// Modules, launches, graphs
//===----------------------------------------------------------------------===//

FAKE_API cuModuleLoadData(Module *module, const void *image) {
  return uncaptured([&](Machine &) { return loadModule(module, image); });
}

FAKE_API cuModuleUnload(Module module) {
  return uncaptured([&](Machine &) {
    unloadModule(module);
    return success;
  });
}

FAKE_API cuModuleGetFunction(Function *function, Module module, const char *name) {
  return guarded([&](Machine &) { return findFunction(function, module, name); });
}

FAKE_API cuFuncSetAttribute(Function function, int attribute, int value) {
  return guarded(
      [&](Machine &) { return attribute == maxDynamicSharedBytes ? allowShared(function, value) : invalidValue; });
}

FAKE_API cuLaunchKernel(Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                        unsigned blockY, unsigned blockZ, unsigned sharedBytes, Stream stream, void **parameters,
                        void **) {
  return guarded([&](Machine &machine) {
    ++machine.kernelCalls;
    Work work;
    Status status =
        prepareLaunch(&work, function, {gridX, gridY, gridZ}, {blockX, blockY, blockZ}, sharedBytes, parameters);
    if (status == success)
      machine.submit(stream, std::move(work));
    return status;
  });
}

FAKE_API cuStreamBeginCapture_v2(Stream stream, int) {
  return guarded([&](Machine &) {
    if (stream->capture)
      return invalidValue;
    stream->capture = std::make_unique<GraphTag>();
    stream->invalid = false;
    return success;
  });
}

FAKE_API cuStreamEndCapture(Stream stream, Graph *graph) {
  return guarded([&](Machine &) {
    *graph = nullptr;
    std::unique_ptr<GraphTag> captured = std::move(stream->capture);
    if (!captured)
      return invalidValue;
    if (stream->invalid)
      return captureInvalidated;
    *graph = captured.release();
    return success;
  });
}

FAKE_API cuGraphInstantiateWithFlags(GraphExec *exec, Graph graph, unsigned long long) {
  *exec = new GraphExecTag{graph->work};
  return success;
}

FAKE_API cuGraphLaunch(GraphExec exec, Stream stream) {
  return guarded([&](Machine &machine) {
    if (stream->capture)
      return captureUnsupported;
    ++machine.graphCalls;
    for (const Work &work : exec->work)
      machine.submit(stream, work);
    return success;
  });
}

FAKE_API cuGraphDestroy(Graph graph) {
  delete graph;
  return success;
}

FAKE_API cuGraphExecDestroy(GraphExec exec) {
  delete exec;
  return success;
}
