//===- Codegen.h - kernels to an object file, in process ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_CODEGEN_H
#define JEPA_COMPILER_TARGET_CODEGEN_H

#include "compiler/target/Machine.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/SmallVector.h"

#include <memory>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace jepa {

/// From planned kernels to the LLVM dialect, for a machine.
void buildKernelsToLLVMPipeline(mlir::OpPassManager &manager, const Machine &machine);

/// Registers the translation of the LLVM dialect to LLVM IR.
void registerCodegenTranslations(mlir::DialectRegistry &registry);

struct CodegenOptions {
  Machine machine;
  /// Compile fast instead of well, for code that runs once or twice. Gives the same numbers.
  bool quick = false;
  /// The module is one of several: what it defines may be called from the others.
  bool isPart = false;
  /// Export every function, not the entry alone.
  bool library = false;
};

/// Translates a module in the LLVM dialect and optimises it for the machine. Null, with a diagnostic, on failure.
std::unique_ptr<llvm::Module> translateToLLVM(mlir::ModuleOp module, llvm::LLVMContext &context,
                                              const CodegenOptions &options);

/// Object code of a translated module, position independent.
mlir::FailureOr<llvm::SmallVector<char, 0>> emitObject(llvm::Module &module, const CodegenOptions &options,
                                                       mlir::Location loc);

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_CODEGEN_H
