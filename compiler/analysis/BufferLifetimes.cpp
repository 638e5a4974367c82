//===- BufferLifetimes.cpp - when each temporary buffer is in use ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/analysis/BufferLifetimes.h"

#include "mlir/Interfaces/ViewLikeInterface.h"

#include <limits>

using namespace mlir;
using namespace jepa;

Value jepa::getViewRoot(Value value) {
  while (auto view = value.getDefiningOp<ViewLikeOpInterface>())
    value = view.getViewSource();
  return value;
}

int64_t jepa::byteSize(MemRefType type) {
  return type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

SmallVector<BufferLifetime> jepa::computeBufferLifetimes(func::FuncOp function) {
  SmallVector<BufferLifetime> lifetimes;
  DenseMap<Value, size_t> indexOf;
  int64_t position = 0;
  for (Operation &op : function.getBody().front()) {
    ++position;
    if (auto buffer = dyn_cast<BufferOp>(op)) {
      indexOf[buffer] = lifetimes.size();
      bool temporary = buffer.getKind() == "temporary";
      lifetimes.push_back({buffer, temporary ? std::numeric_limits<int64_t>::max() : 0, -1,
                           byteSize(cast<MemRefType>(buffer.getType()))});
      if (!temporary)
        lifetimes.back().last = std::numeric_limits<int64_t>::max();
      continue;
    }
    // A view alone reads nothing.
    if (isa<ViewLikeOpInterface>(op))
      continue;
    for (Value operand : op.getOperands()) {
      auto found = indexOf.find(getViewRoot(operand));
      if (found == indexOf.end())
        continue;
      BufferLifetime &lifetime = lifetimes[found->second];
      lifetime.first = std::min(lifetime.first, position);
      lifetime.last = std::max(lifetime.last, position);
    }
  }
  llvm::erase_if(lifetimes, [](const BufferLifetime &lifetime) { return lifetime.last < lifetime.first; });
  return lifetimes;
}
