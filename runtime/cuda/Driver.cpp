//===- Driver.cpp - CUDA's driver API, opened on first use ----------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/cuda/Driver.h"

#include <dlfcn.h>

using namespace jepa::rt;
using namespace jepa::rt::cuda;

static Driver open() {
  void *handle = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *why = dlerror();
    throw Error(
        std::string("this binary computes on an NVIDIA GPU, and its driver (libcuda.so.1) could not be opened: ") +
        (why ? why : "unknown reason") + "; install the driver, or run on a machine that has one");
  }
  Driver driver;
#define JEPA_CUDA_LOOKUP(name, symbol, parameters)                                                                     \
  driver.name = reinterpret_cast<decltype(driver.name)>(dlsym(handle, #symbol));                                       \
  if (!driver.name)                                                                                                    \
    throw Error("the CUDA driver (libcuda.so.1) is too old, it has no " #symbol ": update NVIDIA's driver");
  JEPA_CUDA_FUNCTIONS(JEPA_CUDA_LOOKUP)
#undef JEPA_CUDA_LOOKUP
  return driver;
}

/// 12040 is "12.4".
static std::string versionText(std::int64_t version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// The stub that the toolkit brings to link against says so.
static constexpr Status stubLibrary = Status(34);

const Driver &Driver::get(std::int64_t version) {
  static const Driver driver = open();
  int found = 0;
  Status status = driver.driverVersion(&found);
  if (status != stubLibrary) {
    driver.check(status, "asking for the driver's version");
    if (found < version)
      throw Error("the CUDA driver is too old: this binary needs one for CUDA " + versionText(version) +
                  ", found one for CUDA " + versionText(found) + "; update NVIDIA's driver");
    status = driver.init(0);
  }
  int devices = 0;
  if (status == success)
    status = driver.deviceCount(&devices);
  if (status == noDevice || status == stubLibrary || (status == success && devices == 0))
    throw Error("this binary computes on an NVIDIA GPU, and the CUDA driver finds none" +
                (status == success ? std::string() : " (" + driver.describe(status) + ")") +
                ": run on a machine that has one, and look at CUDA_VISIBLE_DEVICES");
  driver.check(status, "starting the CUDA driver");
  return driver;
}

std::string Driver::describe(Status status) const {
  const char *name = nullptr, *text = nullptr;
  errorName(status, &name);
  errorString(status, &text);
  return (name ? std::string(name) : "error " + std::to_string(int(status))) +
         (text ? std::string(" (") + text + ")" : std::string());
}
