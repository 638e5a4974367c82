//===- PrintCuda.h - EmitC as CUDA C++ that a person reads ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Upstream's printer names every value v1, v2 and puts each constant on a line
// of its own; here names come from the model and expressions stand where they
// are used.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CUDA_PRINTCUDA_H
#define JEPA_COMPILER_TARGET_CUDA_PRINTCUDA_H

#include "mlir/IR/BuiltinOps.h"

namespace jepa {

/// The kernels of a planned module whose kernels are all EmitC, as one source for nvcc, NVRTC or test/simt; on sm_90a's
/// path of the device library where `hopper`. The same module gives the same text.
std::string printKernels(mlir::ModuleOp module, bool hopper);

/// The host's part, as C++: the entry and the functions that it calls, each launch and product a line.
std::string printStep(mlir::ModuleOp module);

/// C++ as the two above print it, with lines of at most `columns` where it can be broken: between arguments and before
/// operators, in as few brackets as may be; what is broken off goes on four columns deeper.
std::string wrapLines(llvm::StringRef text, size_t columns = 120);

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CUDA_PRINTCUDA_H
