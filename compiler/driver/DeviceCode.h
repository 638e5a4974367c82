//===- DeviceCode.h - CUDA C++ to code for a GPU ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DRIVER_DEVICECODE_H
#define JEPA_COMPILER_DRIVER_DEVICECODE_H

#include "llvm/ADT/StringMap.h"

#include <string>

namespace jepa {

/// Whether code for the GPU may use what Hopper alone has.
inline bool isHopper(const std::string &arch) { return arch == "sm_90a"; }

/// How a block of a kernel is launched, as the device library's LaunchInfo says.
struct BlockInfo {
  int threads, sharedBytes, parameters;
};

/// Compiles a source of kernels by NVRTC, else by nvcc, for one GPU ("sm_90a"). Throws rt::Error: with the compiler's
/// first line where it refuses the source, or with what to install where there is neither.
std::string compileDeviceCode(const std::string &source, const std::string &arch);

/// Which compiler that is, with its version.
std::string deviceCompilerName();

/// What each kernel says of its blocks in an object file (a cubin, or an ELF object for the host): its
/// `<kernel>_launch`. Throws rt::Error where the file is no object.
llvm::StringMap<BlockInfo> readBlockInfos(llvm::StringRef object);

/// The folder of the device library's headers: beside the installed compiler, or in the source tree. Throws rt::Error.
std::string deviceLibraryFolder();

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_DEVICECODE_H
