//===- Device.h - one GPU with the code that runs on it -------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CUDA_DEVICE_H
#define JEPA_RUNTIME_CUDA_DEVICE_H

#include "runtime/core/Abi.h"
#include "runtime/cuda/Driver.h"

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace jepa::rt::cuda {

/// The first GPU that the driver shows, its primary context, and a stream that
/// computes. Everything throws Error.
class Device {
public:
  /// Refuses a GPU that cannot run code built for `arch`.
  Device(const std::string &arch, std::int64_t driverVersion);
  ~Device();
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;

  const Driver &driver;
  const std::string &name() const { return gpu; }
  Stream stream() const { return compute; }

  /// Loads the code that launch() finds kernels in.
  void load(std::span<const std::byte> code);
  /// Puts a kernel into a stream.
  void launch(const jepac_launch_desc &d, void *const *args, Stream stream);

  void check(Status status, const std::string &what) const { driver.check(status, what); }
  void synchronize(const std::string &what) const { check(driver.streamSynchronize(compute), what); }
  /// Bytes that nobody on the GPU uses, and all that it has.
  std::pair<std::int64_t, std::int64_t> memory() const;

private:
  Function find(const jepac_launch_desc &d);

  DeviceNumber number = 0;
  std::string gpu;
  Context context = nullptr;
  Stream compute = nullptr;
  Module module = nullptr;
  struct Kernel {
    Function function;
    unsigned allowedBytes; ///< of dynamic shared memory
  };
  std::unordered_map<std::string, Kernel> kernels;
};

/// Memory of the device, aligned to 256 bytes at least.
class DeviceMemory {
public:
  /// Throws an Error that says how much is missing of what `use` needs.
  DeviceMemory(const Device &device, std::int64_t bytes, std::string_view use);
  ~DeviceMemory() { device.driver.release(address); }
  DeviceMemory(const DeviceMemory &) = delete;
  DeviceMemory &operator=(const DeviceMemory &) = delete;

  DevicePointer at(std::int64_t offset = 0) const { return address + static_cast<DevicePointer>(offset); }
  const std::int64_t bytes;

private:
  const Device &device;
  DevicePointer address = 0;
};

/// Memory of the host that copies to and from the device may read and write while other work goes on; zero at first.
class PinnedMemory {
public:
  PinnedMemory(const Device &device, std::int64_t bytes);
  ~PinnedMemory() { device.driver.hostRelease(address); }
  PinnedMemory(const PinnedMemory &) = delete;
  PinnedMemory &operator=(const PinnedMemory &) = delete;

  std::byte *get() const { return static_cast<std::byte *>(address); }

private:
  const Device &device;
  void *address = nullptr;
};

/// A place in a stream that others wait for.
class DeviceEvent {
public:
  explicit DeviceEvent(const Device &device, unsigned flags = eventDefault);
  DeviceEvent(DeviceEvent &&other) noexcept : device(other.device), event(std::exchange(other.event, nullptr)) {}
  DeviceEvent &operator=(DeviceEvent &&) = delete;
  ~DeviceEvent();

  void record(Stream stream) const { device.check(device.driver.eventRecord(event, stream), "recording an event"); }
  /// Makes what is put into `stream` from now on wait.
  void holdBack(Stream stream) const {
    device.check(device.driver.streamWaitEvent(stream, event, 0), "waiting for an event");
  }
  void wait(const std::string &what) const { device.check(device.driver.eventSynchronize(event), what); }
  double secondsSince(const DeviceEvent &begin) const;

private:
  const Device &device;
  Event event = nullptr;
};

} // namespace jepa::rt::cuda

#endif // JEPA_RUNTIME_CUDA_DEVICE_H
