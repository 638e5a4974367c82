//===- Dialect.h - the jepa dialect, its interfaces and ops ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DIALECT_DIALECT_H
#define JEPA_COMPILER_DIALECT_DIALECT_H

#include "compiler/dialect/TokenSelector.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "compiler/dialect/JepaDialect.h.inc"
#include "compiler/dialect/JepaInterfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/JepaAttrs.h.inc"
#define GET_OP_CLASSES
#include "compiler/dialect/JepaOps.h.inc"

namespace jepa {

/// Function argument attributes: the input's name, and for an index list of a mask the number of tokens that it indexes
/// (the runtime checks that the list is non-empty, strictly increasing and in range before each run).
inline constexpr llvm::StringLiteral inputNameAttr = "jepa.name";
inline constexpr llvm::StringLiteral maskTokensAttr = "jepa.mask";
/// Function argument attribute: the axis symbol whose run-time length this scalar is.
inline constexpr llvm::StringLiteral lengthOfAttr = "jepa.length_of";
/// Function argument attribute: the axis symbol whose samples, packed one after the other, these bounds divide.
inline constexpr llvm::StringLiteral boundsOfAttr = "jepa.bounds_of";
/// Op attribute: the module path ("encoder.blocks.3") that the op was written in.
inline constexpr llvm::StringLiteral scopeAttr = "jepa.scope";

/// The name of the function that a step or a forward pass is.
inline constexpr llvm::StringLiteral entryName = "jepa_run";

/// The axis names of a tensor type, or null where it has none.
AxesAttr getAxes(mlir::Type type);
/// The name of axis `dim`, or an empty string where the type has no names.
llvm::StringRef getAxisName(mlir::Type type, unsigned dim);
/// A type as messages show it: "clip=2 x token=64 x embed=48".
std::string describeType(mlir::Type type);
/// Which dimension holds tokens: 1 for a rank-3 tensor, none otherwise.
std::optional<unsigned> getTokenDim(mlir::Type type);
/// `type` with its token axis replaced by what `selector` keeps; a table [1, N, D] selected by a mask gets its clips.
mlir::RankedTensorType selectTokens(mlir::RankedTensorType type, const TokenSelector &selector);
/// Number of tokens that `selector` keeps of a value of type `type`.
int64_t countTokens(mlir::Type type, const TokenSelector &selector);
/// Product of all dimensions but the last.
int64_t countRows(mlir::RankedTensorType type);
/// Whether a tensor or a buffer holds numbers of four bits of exponent and three of mantissa.
inline bool isE4m3(mlir::Type type) { return mlir::isa<mlir::Float8E4M3FNType>(mlir::getElementTypeOrSelf(type)); }

} // namespace jepa

#endif // JEPA_COMPILER_DIALECT_DIALECT_H
