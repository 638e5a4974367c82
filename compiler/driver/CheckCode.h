//===- CheckCode.h - the code of a check's programs, kernels compiled once ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DRIVER_CHECKCODE_H
#define JEPA_COMPILER_DRIVER_CHECKCODE_H

#include "compiler/target/Jit.h"
#include "compiler/target/Machine.h"
#include "runtime/core/Abi.h"

#include "mlir/IR/BuiltinOps.h"

#include <vector>

namespace jepa {

/// Compiles planned programs into this process. The stages of one program have most kernels in common, and kernels are
/// nearly all of the code: each is compiled once. Programs run as long as this lives.
class CheckCode {
public:
  /// The entry of `module`, which is taken apart. Throws rt::Error with what the compiler said.
  jepac_run_function compile(mlir::ModuleOp module, const Machine &machine);

private:
  /// Kernels by their text, as the symbols that they are compiled under.
  llvm::StringMap<std::string> names;
  llvm::StringMap<void *> addresses;
  std::vector<LoadedCode> loaded;
};

/// What diagnostics said while it lived, as the message of an rt::Error.
class ErrorText {
public:
  explicit ErrorText(mlir::MLIRContext *context);
  /// Throws unless `good`.
  void require(bool good);

private:
  std::string message;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace jepa

#endif // JEPA_COMPILER_DRIVER_CHECKCODE_H
