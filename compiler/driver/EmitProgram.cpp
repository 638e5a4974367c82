//===- EmitProgram.cpp - a CUDA program as files ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/EmitProgram.h"

#include "compiler/driver/Artifact.h"
#include "compiler/driver/DeviceCode.h"
#include "runtime/core/Error.h"
#include "runtime/io/AtomicFile.h"

#include <filesystem>

using namespace mlir;
using namespace jepa;

/// How to get from the files to a binary again.
static std::string readmeText(const Request &request) {
  std::string define = isHopper(request.cudaArch) ? " (Hopper's own instructions)" : "";
  return "kernels.cu    the kernels, for " + request.cudaArch + define +
         "\nstep.cpp      what the host does in a step\nplan.json     buffers, their places, geometry\n"
         "device/       the library that the kernels are written in\n\n"
         "nvcc -cubin -arch=" +
         request.cudaArch +
         " -std=c++20 -Idevice kernels.cu -o kernels.cubin\n"
         "jepac build ... --target cuda --device-code kernels.cubin     (the flags that this was emitted with)\n";
}

LogicalResult jepa::emitProgram(Compiler &compiler, const Specialisation &specialisation, const std::string &folder) {
  if (failed(compiler.runTo(Phase::Kernels)))
    return failure();
  rt::Json plan = describePlan(compiler.getModule(), specialisation, compiler.getCosts(), compiler.getPipelineText());
  if (failed(compiler.runTo(Phase::Cuda)))
    return failure();
  std::filesystem::path base(folder);
  std::error_code code;
  std::filesystem::create_directories(base / "device", code);
  if (code)
    throw rt::Error("'" + folder + "' cannot be made a folder: " + code.message());
  auto write = [&](const std::filesystem::path &name, const std::string &text) {
    rt::writeFileAtomically(base / name, text);
  };
  write("kernels.cu", compiler.kernelsText());
  write("step.cpp", compiler.stepText());
  write("plan.json", plan.dump(true) + "\n");
  write("README", readmeText(specialisation.request));
  for (const auto &entry : std::filesystem::directory_iterator(deviceLibraryFolder()))
    if (entry.path().extension() == ".cuh" || entry.path().extension() == ".h")
      write(std::filesystem::path("device") / entry.path().filename(), rt::readTextFile(entry.path()));
  return success();
}
