//===- TokenSelector.h - which tokens of a value are meant ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_COMPILER_DIALECT_TOKENSELECTOR_H
#define JEPA_COMPILER_DIALECT_TOKENSELECTOR_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"

namespace jepa {

/// A subset of the tokens of one axis: all of them, those that a mask value lists, or one segment of a concatenation.
/// Two selectors are equal only if they name the same SSA mask value or the same segment.
struct TokenSelector {
  enum class Kind { All, Mask, Segment };
  Kind kind = Kind::All;
  /// Mask: the index list.
  mlir::Value mask;
  /// Segment: its first token.
  int64_t offset = 0;
  /// Mask, Segment: number of tokens kept, and the name of the axis that they form.
  int64_t size = 0;
  mlir::StringAttr axis;

  static TokenSelector all() { return {}; }
  static TokenSelector ofMask(mlir::Value mask);
  static TokenSelector ofSegment(int64_t offset, int64_t size, mlir::StringAttr axis) {
    return {Kind::Segment, {}, offset, size, axis};
  }
  bool isAll() const { return kind == Kind::All; }
  bool operator==(const TokenSelector &other) const {
    return kind == other.kind && mask == other.mask && offset == other.offset && size == other.size;
  }
};

} // namespace jepa

#endif // JEPA_COMPILER_DIALECT_TOKENSELECTOR_H
