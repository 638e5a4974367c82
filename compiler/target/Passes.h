//===- Passes.h - from tensors to kernels to LLVM ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_PASSES_H
#define JEPA_COMPILER_TARGET_PASSES_H

#include "compiler/target/KernelContext.h"

#include "mlir/Dialect/EmitC/IR/EmitC.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/Pass.h"

namespace jepa {

/// FLOPs of the op that a launch alone computes; products know their own.
inline constexpr llvm::StringLiteral flopsAttr = "jepa.flops";

#define GEN_PASS_DECL
#include "compiler/target/Passes.h.inc"

/// Asks the GEMM library how much scratch a product needs; without one (jepa-opt), products get one byte.
using ProductScratch = std::function<int64_t(const Product &)>;
std::unique_ptr<mlir::Pass> createLowerToKernels(LowerToKernelsOptions options, ProductScratch scratch);

#define GEN_PASS_REGISTRATION
#include "compiler/target/Passes.h.inc"

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_PASSES_H
