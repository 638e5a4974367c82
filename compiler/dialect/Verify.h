//===- Verify.h - checks that several verifiers share ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DIALECT_VERIFY_H
#define JEPA_COMPILER_DIALECT_VERIFY_H

#include "compiler/dialect/Dialect.h"

namespace jepa {

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

/// Fails unless dimension `dim` of both types has the same size and, where both name their axes, the same name.
mlir::LogicalResult verifySameAxis(mlir::Operation *op, mlir::Type a, llvm::StringRef aName, unsigned aDim,
                                   mlir::Type b, llvm::StringRef bName, unsigned bDim);

/// Fails unless both types have the same shape and axis names.
mlir::LogicalResult verifySameShape(mlir::Operation *op, mlir::Type a, llvm::StringRef aName, mlir::Type b,
                                    llvm::StringRef bName);

/// Fails unless `type` has `rank` dimensions.
mlir::LogicalResult verifyRank(mlir::Operation *op, mlir::Type type, llvm::StringRef name, int64_t rank);

/// Fails unless `type` has exactly the given shape.
mlir::LogicalResult verifyShape(mlir::Operation *op, mlir::Type type, llvm::StringRef name,
                                llvm::ArrayRef<int64_t> shape);

} // namespace jepa

#endif // JEPA_COMPILER_DIALECT_VERIFY_H
