//===- Layers.h - which layer an op belongs to ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_ANALYSIS_LAYERS_H
#define JEPA_COMPILER_ANALYSIS_LAYERS_H

#include "mlir/IR/Operation.h"

namespace jepa {

/// The end of the scope of an op that `jepa-differentiate` wrote.
inline constexpr llvm::StringLiteral adjointSuffix = "/adjoint";

/// "encoder.blocks.3.attn/adjoint" -> "encoder.blocks.3/adjoint": up to the first number, or all of it.
std::string layerOf(llvm::StringRef scope);

/// The scope of an op, or of the first op in a group; empty where none has one.
llvm::StringRef scopeOf(mlir::Operation *op);

} // namespace jepa

#endif // JEPA_COMPILER_ANALYSIS_LAYERS_H
