//===- Device.cpp - one GPU with the code that runs on it -----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/cuda/Device.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

using namespace jepa::rt;
using namespace jepa::rt::cuda;

/// The compute capability that "sm_90a" names: 90. Code with the letter runs on that one alone.
static int capabilityOf(const std::string &arch) {
  return std::atoi(arch.c_str() + std::min<std::size_t>(3, arch.size()));
}

static bool runs(const std::string &arch, int capability) {
  int wanted = capabilityOf(arch);
  if (arch.ends_with('a'))
    return capability == wanted;
  return capability / 10 == wanted / 10 && capability >= wanted;
}

/// What to build for a GPU.
static std::string adviceFor(int capability) {
  for (const char *arch : {"sm_90a", "sm_80"})
    if (runs(arch, capability))
      return std::string("build it again with --cuda-arch ") + arch;
  return "run it on another GPU: --cuda-arch knows sm_80 (8.x) and sm_90a (9.0)";
}

Device::Device(const std::string &arch, std::int64_t driverVersion) : driver(Driver::get(driverVersion)) {
  check(driver.deviceGet(&number, 0), "finding the GPU");
  char text[256] = "";
  check(driver.deviceName(text, sizeof text, number), "asking for the GPU's name");
  gpu = text;
  int major = 0, minor = 0;
  check(driver.deviceAttribute(&major, computeCapabilityMajor, number), "asking for the GPU's compute capability");
  check(driver.deviceAttribute(&minor, computeCapabilityMinor, number), "asking for the GPU's compute capability");
  if (!runs(arch, major * 10 + minor))
    throw Error("this binary was built for " + arch + ", the GPU '" + gpu + "' has compute capability " +
                std::to_string(major) + "." + std::to_string(minor) + ": " + adviceFor(major * 10 + minor));
  check(driver.contextRetain(&context, number), "making a context");
  Status status = driver.contextSetCurrent(context);
  if (status == success)
    status = driver.streamCreate(&compute, streamNonBlocking);
  if (status != success) {
    driver.contextRelease(number);
    check(status, "making a context");
  }
}

Device::~Device() {
  if (module)
    driver.moduleUnload(module);
  driver.streamDestroy(compute);
  driver.contextRelease(number);
}

void Device::load(std::span<const std::byte> code) {
  check(driver.moduleLoad(&module, code.data()), "loading the binary's kernels");
}

Function Device::find(const jepac_launch_desc &d) {
  auto [place, isNew] = kernels.try_emplace(d.kernel, Kernel{nullptr, plainSharedBytes});
  Kernel &kernel = place->second;
  if (isNew && driver.moduleFunction(&kernel.function, module, d.kernel) != success)
    throw Error(std::string("internal error: the binary's device code has no kernel '") + d.kernel +
                "'; please report it");
  if (d.sharedBytes > kernel.allowedBytes) {
    check(driver.functionSetAttribute(kernel.function, maxDynamicSharedBytes, static_cast<int>(d.sharedBytes)),
          std::string("allowing kernel '") + d.kernel + "' " + std::to_string(d.sharedBytes) +
              " bytes of shared memory");
    kernel.allowedBytes = d.sharedBytes;
  }
  return kernel.function;
}

void Device::launch(const jepac_launch_desc &d, void *const *args, Stream stream) {
  // The driver wants the address of each parameter.
  std::vector<const void *> parameters(d.args);
  for (std::uint32_t i = 0; i < d.args; ++i)
    parameters[i] = &args[i];
  check(driver.launchKernel(find(d), d.grid[0], d.grid[1], d.grid[2], d.threads, 1, 1, d.sharedBytes, stream,
                            const_cast<void **>(parameters.data()), nullptr),
        std::string("kernel '") + d.kernel + "'");
}

std::pair<std::int64_t, std::int64_t> Device::memory() const {
  std::size_t free = 0, total = 0;
  check(driver.memoryInfo(&free, &total), "asking for the GPU's memory");
  return {static_cast<std::int64_t>(free), static_cast<std::int64_t>(total)};
}

DeviceMemory::DeviceMemory(const Device &device, std::int64_t bytes, std::string_view use)
    : bytes(bytes), device(device) {
  Status status = device.driver.allocate(&address, static_cast<std::size_t>(std::max<std::int64_t>(bytes, 1)));
  if (status == outOfMemory) {
    auto [free, total] = device.memory();
    throw Error(std::string(use) + " needs " + std::to_string(bytes) + " bytes of device memory, " +
                std::to_string(free) + " of " + std::to_string(total) + " are free on '" + device.name() +
                "'; end what else runs there, or build for a smaller batch or resolution, or with --memory-limit");
  }
  device.check(status, "reserving device memory");
}

PinnedMemory::PinnedMemory(const Device &device, std::int64_t bytes) : device(device) {
  auto size = static_cast<std::size_t>(std::max<std::int64_t>(bytes, 1));
  Status status = device.driver.hostAllocate(&address, size, 0);
  if (status == outOfMemory)
    throw Error("could not lock " + std::to_string(bytes) +
                " bytes of the host's memory for copies to the GPU; "
                "free memory, or build for a smaller batch or resolution");
  device.check(status, "locking the host's memory");
  std::memset(address, 0, size);
}

DeviceEvent::DeviceEvent(const Device &device, unsigned flags) : device(device) {
  device.check(device.driver.eventCreate(&event, flags), "making an event");
}

DeviceEvent::~DeviceEvent() {
  if (event)
    device.driver.eventDestroy(event);
}

double DeviceEvent::secondsSince(const DeviceEvent &begin) const {
  float milliseconds = 0;
  device.check(device.driver.eventElapsed(&milliseconds, begin.event, event), "reading a time");
  return 1e-3 * static_cast<double>(milliseconds);
}
