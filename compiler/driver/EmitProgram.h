//===- EmitProgram.h - a CUDA program as files ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DRIVER_EMITPROGRAM_H
#define JEPA_COMPILER_DRIVER_EMITPROGRAM_H

#include "compiler/driver/Compiler.h"

namespace jepa {

/// Writes the program of target cuda into a folder, which is made: kernels.cu, step.cpp, plan.json, the device library
/// that they are written in, and how to build it. Throws rt::Error where a file cannot be written.
mlir::LogicalResult emitProgram(Compiler &compiler, const Specialisation &specialisation, const std::string &folder);

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_EMITPROGRAM_H
