//===- PlanMemory.td - one arena, every offset known ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#ifndef JEPA_PASSES_PLANMEMORY_TD
#define JEPA_PASSES_PLANMEMORY_TD

include "mlir/Pass/PassBase.td"

def PlanMemory : Pass<"jepa-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Give every buffer its place in one arena";
  let description = [{
    Buffers that live for the whole run come first, in order. Temporaries share the rest: each is live from the first to
    the last op that touches it or a view of it, and two that are live at once never share a byte. They are placed
    largest first, each at the lowest offset that is free for its lifetime. An outlined function is planned before its
    callers; its frame is a temporary of the call.

    *Preconditions*: functions of one block on buffers, without recursion.
    *Postconditions*: every `jepa.buffer` has an offset, a multiple of 64; the arena argument's type is its size.
    *Why here*: after lowering, since kernels' scratch is part of the plan; nothing may add a buffer afterwards.

    Example: `test/passes/plan-memory/example.mlir`.
  }];
  let options = [
    Option<"share", "share", "bool", "true", "Let buffers that are not live at once share bytes; without it each has its "
           "own, to tell a wrong plan from a wrong kernel">
  ];
}

#endif // JEPA_PASSES_PLANMEMORY_TD
