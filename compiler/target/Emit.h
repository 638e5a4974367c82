//===- Emit.h - write loops and arithmetic as if they were code ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_TARGET_EMIT_H
#define JEPA_COMPILER_TARGET_EMIT_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"

namespace jepa {

class Emit;

/// An SSA number (index, integer, float, or a vector of floats) with arithmetic. Both sides of an operator have the same
/// type; a plain C++ number on the right becomes a constant of the left side's type.
class Number {
public:
  Number() = default;
  Number(Emit &emit, mlir::Value value) : emit(&emit), value(value) {}
  operator mlir::Value() const { return value; }
  mlir::Type getType() const { return value.getType(); }

  Number operator+(Number other) const;
  Number operator-(Number other) const;
  Number operator*(Number other) const;
  Number operator/(Number other) const;
  Number operator%(Number other) const;
  Number operator+(double other) const;
  Number operator-(double other) const;
  Number operator*(double other) const;
  Number operator/(double other) const;
  Number operator%(int64_t other) const;

  Emit *emit = nullptr;
  mlir::Value value;
};

/// Builds the body of a kernel: a location, a builder, and short names for the ops that kernels consist of.
class Emit {
public:
  Emit(mlir::OpBuilder &builder, mlir::Location loc) : builder(builder), loc(loc) {}

  Number wrap(mlir::Value value) { return Number(*this, value); }
  Number index(int64_t value);
  /// A constant of `type`: an integer, a float, or a vector with all lanes equal.
  Number constant(mlir::Type type, double value);

  /// for (i = begin; i < end; i += step) body(i)
  void loop(Number begin, Number end, int64_t step, llvm::function_ref<void(Number)> body);
  void loop(int64_t begin, int64_t end, int64_t step, llvm::function_ref<void(Number)> body);
  /// The same, carrying values: body returns what the next iteration gets; the last ones are returned.
  llvm::SmallVector<Number> reduce(Number begin, Number end, int64_t step, llvm::ArrayRef<Number> inits,
                                   llvm::function_ref<llvm::SmallVector<Number>(Number, llvm::ArrayRef<Number>)> body);
  /// Sum over [begin, end) of term(i), starting at zero of `type`.
  Number sum(Number begin, Number end, mlir::Type type, llvm::function_ref<Number(Number)> term);
  Number sum(int64_t begin, int64_t end, mlir::Type type, llvm::function_ref<Number(Number)> term);
  /// if (condition) body()
  void when(Number condition, llvm::function_ref<void()> body);

  Number load(mlir::Value memref, llvm::ArrayRef<mlir::Value> indices);
  void store(Number value, mlir::Value memref, llvm::ArrayRef<mlir::Value> indices);
  /// `lanes` consecutive elements of the last dimension.
  Number loadVector(mlir::Value memref, llvm::ArrayRef<mlir::Value> indices, int64_t lanes);
  void storeVector(Number vector, mlir::Value memref, llvm::ArrayRef<mlir::Value> indices);
  /// The same with the lanes where `mask` (vector of i1) is false left alone, read as zero.
  Number loadMasked(mlir::Value memref, llvm::ArrayRef<mlir::Value> indices, Number mask, int64_t lanes);
  void storeMasked(Number vector, mlir::Value memref, llvm::ArrayRef<mlir::Value> indices, Number mask);
  /// Asks for the cache line of an element, to be read or written soon.
  void prefetch(mlir::Value memref, llvm::ArrayRef<mlir::Value> indices, bool isWrite);
  /// A mask whose first `count` (an index, may exceed lanes) lanes are true.
  Number firstLanes(Number count, int64_t lanes);
  Number broadcast(Number scalar, int64_t lanes);
  /// Sum or maximum of all lanes; the order of a sum is the target's, fixed for a vector width.
  Number laneSum(Number vector);
  Number laneMax(Number vector);

  Number exp(Number x);
  Number log(Number x);
  Number erf(Number x);
  Number sqrt(Number x);
  Number abs(Number x);
  Number pow(Number x, Number y);
  Number max(Number a, Number b);
  Number min(Number a, Number b);
  Number fma(Number a, Number b, Number c);
  Number select(Number condition, Number a, Number b);
  Number less(Number a, Number b);
  Number equal(Number a, Number b);
  Number both(Number a, Number b);
  /// Conversions between float widths, integers and index; to nearest, ties to even, rounded once. What is too large
  /// for e4m3 becomes its largest number. Of a vector, `type` may be the element type that its lanes get.
  Number convert(Number x, mlir::Type type);
  /// The same bits as another type of equal width.
  Number bitcast(Number x, mlir::Type type);

  mlir::OpBuilder &builder;
  mlir::Location loc;
};

} // namespace jepa

#endif // JEPA_COMPILER_TARGET_EMIT_H
