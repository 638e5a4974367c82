//===- PlanMemory.cpp - one arena, every offset known ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

// Terminology: a buffer's *lifetime* is the span of ops that touch it; a function's *frame* is the arena range that its
// buffers need, addressed from the function's first argument.
//
// 1. Plan callees before callers.
// 2. Put a frame buffer of the callee's size before each call.
// 3. Place the named buffers one after the other.
// 4. Place the temporaries, largest first, each at the lowest offset that no buffer live at the same time covers.
// 5. Make the arena argument's type the frame's size.

#include "passes/PlanMemory/PlanMemory.h"

#include "compiler/analysis/BufferLifetimes.h"

namespace jepa {
#define GEN_PASS_DEF_PLANMEMORY
#include "passes/PlanMemory/PlanMemory.h.inc"
} // namespace jepa

using namespace mlir;
using namespace jepa;

static constexpr int64_t alignment = 64;

/// The lowest offset at or above `floor` where `bytes` fit between the placed buffers that live at the same time.
static int64_t findOffset(const BufferLifetime &lifetime, ArrayRef<std::pair<int64_t, const BufferLifetime *>> placed,
                          int64_t floor) {
  int64_t offset = floor;
  // `placed` is sorted by offset, so the first gap that fits is the lowest.
  for (auto [start, other] : placed) {
    if (!lifetime.overlapsInTime(*other))
      continue;
    if (offset + lifetime.bytes <= start)
      break;
    offset = std::max(offset, static_cast<int64_t>(llvm::alignTo(start + other->bytes, alignment)));
  }
  return offset;
}

/// Sets the offsets of a function's buffers, temporaries in each other's places only if they may `share`; returns the size of
/// its frame.
static int64_t placeBuffers(func::FuncOp function, bool share) {
  SmallVector<BufferLifetime> lifetimes = computeBufferLifetimes(function);
  Builder builder(function.getContext());
  int64_t named = 0;
  SmallVector<BufferLifetime *> temporaries;
  for (BufferLifetime &lifetime : lifetimes) {
    if (lifetime.buffer.getKind() == "temporary" && share) {
      temporaries.push_back(&lifetime);
      continue;
    }
    lifetime.buffer->setAttr("offset", builder.getI64IntegerAttr(named));
    named = llvm::alignTo(named + lifetime.bytes, alignment);
  }
  llvm::stable_sort(temporaries, [](const BufferLifetime *a, const BufferLifetime *b) { return a->bytes > b->bytes; });
  SmallVector<std::pair<int64_t, const BufferLifetime *>> placed;
  int64_t end = named;
  for (BufferLifetime *lifetime : temporaries) {
    int64_t offset = findOffset(*lifetime, placed, named);
    lifetime->buffer->setAttr("offset", builder.getI64IntegerAttr(offset));
    auto place = llvm::upper_bound(placed, offset, [](int64_t value, const auto &entry) { return value < entry.first; });
    placed.insert(place, {offset, lifetime});
    end = std::max<int64_t>(end, llvm::alignTo(offset + lifetime->bytes, alignment));
  }
  return end;
}

namespace {

struct PlanMemoryPass : jepa::impl::PlanMemoryBase<PlanMemoryPass> {
  using PlanMemoryBase::PlanMemoryBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (failed(plan(function)))
        return signalPassFailure();
  }

  LogicalResult plan(func::FuncOp function) {
    if (isPlanned.contains(function))
      return success();
    if (!inProgress.insert(function).second)
      return function.emitOpError("calls itself: its frame has no static size");
    // Kernels get the buffers of their launches; only functions that hold an arena have buffers of their own.
    Block &block = function.getBody().front();
    auto arenaType = block.getNumArguments() ? dyn_cast<MemRefType>(block.getArgument(0).getType()) : MemRefType();
    if (!arenaType || !arenaType.getElementType().isInteger(8))
      return success();
    if (!function.getBody().hasOneBlock())
      return function.emitOpError("must have one block to be planned");
    Value arena = block.getArgument(0);
    OpBuilder builder(function.getContext());
    SymbolTableCollection symbols;
    for (auto call : llvm::to_vector(block.getOps<func::CallOp>())) {
      auto callee = symbols.lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
      if (!callee || failed(plan(callee)))
        return failure();
      builder.setInsertionPoint(call);
      call.setOperand(0, BufferOp::create(builder, call.getLoc(), callee.getArgumentTypes()[0], arena,
                                          builder.getStringAttr("temporary"), nullptr, nullptr, nullptr));
    }
    int64_t bytes = std::max<int64_t>(placeBuffers(function, share), alignment);
    // What nothing touches needs no place.
    for (auto buffer : llvm::make_early_inc_range(block.getOps<BufferOp>()))
      if (!buffer.getOffset() && buffer->use_empty())
        buffer.erase();
      else if (!buffer.getOffset())
        buffer.setOffset(0);
    arena.setType(MemRefType::get({bytes}, builder.getI8Type()));
    SmallVector<Type> types(function.getArgumentTypes());
    types[0] = arena.getType();
    function.setFunctionType(builder.getFunctionType(types, {}));
    isPlanned.insert(function);
    return success();
  }

  DenseSet<Operation *> isPlanned, inProgress;
};

} // namespace
