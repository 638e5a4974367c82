//===- Layers.cpp - which layer an op belongs to ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/analysis/Layers.h"

#include "compiler/dialect/Dialect.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace jepa;

static bool isNumber(StringRef component) { return !component.empty() && llvm::all_of(component, llvm::isDigit); }

std::string jepa::layerOf(StringRef scope) {
  bool isAdjoint = scope.consume_back(adjointSuffix);
  SmallVector<StringRef> components;
  scope.split(components, '.');
  auto end = llvm::find_if(components, isNumber);
  if (end != components.end())
    ++end;
  return llvm::join(components.begin(), end, ".") + (isAdjoint ? adjointSuffix.str() : "");
}

StringRef jepa::scopeOf(Operation *op) {
  StringRef scope;
  op->walk<WalkOrder::PreOrder>([&](Operation *nested) {
    auto given = nested->getAttrOfType<StringAttr>(scopeAttr);
    scope = given ? given.getValue() : scope;
    return given ? WalkResult::interrupt() : WalkResult::advance();
  });
  return scope;
}
