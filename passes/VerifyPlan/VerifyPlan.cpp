//===- VerifyPlan.cpp - no two live buffers overlap ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "passes/VerifyPlan/VerifyPlan.h"

#include "compiler/analysis/BufferLifetimes.h"

namespace jepa {
#define GEN_PASS_DEF_VERIFYPLAN
#include "passes/VerifyPlan/VerifyPlan.h.inc"
} // namespace jepa

using namespace mlir;
using namespace jepa;

/// Buffers by offset, checked to lie within their arena.
static FailureOr<SmallVector<BufferLifetime>> sortedByOffset(func::FuncOp function) {
  SmallVector<BufferLifetime> lifetimes = computeBufferLifetimes(function);
  for (BufferLifetime &lifetime : lifetimes) {
    if (!lifetime.buffer.getOffset())
      return lifetime.buffer.emitOpError("has no offset: run jepa-plan-memory first"), failure();
    auto arena = cast<MemRefType>(lifetime.buffer.getArena().getType());
    int64_t end = *lifetime.buffer.getOffset() + lifetime.bytes;
    if (*lifetime.buffer.getOffset() > uint64_t(INT64_MAX) - lifetime.bytes || arena.isDynamicDim(0) ||
        end > arena.getDimSize(0))
      return lifetime.buffer.emitOpError("ends at byte ") << end << ", beyond its arena " << arena, failure();
  }
  auto offset = [](BufferOp buffer) { return *buffer.getOffset(); };
  llvm::stable_sort(lifetimes, [&](const BufferLifetime &a, const BufferLifetime &b) {
    return offset(a.buffer) < offset(b.buffer);
  });
  return lifetimes;
}

namespace {

struct VerifyPlanPass : jepa::impl::VerifyPlanBase<VerifyPlanPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!function.getBody().hasOneBlock())
      return;
    FailureOr<SmallVector<BufferLifetime>> lifetimes = sortedByOffset(function);
    if (failed(lifetimes))
      return signalPassFailure();
    // A sweep over offsets: `open` holds the buffers that may reach beyond the current one's start.
    SmallVector<BufferLifetime> open;
    for (BufferLifetime &lifetime : *lifetimes) {
      int64_t start = *lifetime.buffer.getOffset();
      llvm::erase_if(open, [&](BufferLifetime &other) {
        return static_cast<int64_t>(*other.buffer.getOffset()) + other.bytes <= start;
      });
      for (BufferLifetime &other : open)
        if (lifetime.bytes && lifetime.overlapsInTime(other)) {
          InFlightDiagnostic diagnostic = lifetime.buffer.emitOpError("shares bytes with a buffer that is live at the "
                                                                      "same time");
          diagnostic.attachNote(other.buffer.getLoc()) << "the other buffer, at offset " << *other.buffer.getOffset();
          return signalPassFailure();
        }
      open.push_back(lifetime);
    }
  }
};

} // namespace
