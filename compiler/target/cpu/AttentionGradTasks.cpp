//===- AttentionGradTasks.cpp - how the adjoint of attention is cut ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/AttentionGradTasks.h"
#include "compiler/target/cpu/Sweep.h"

using namespace mlir;
using namespace jepa;

/// So many tasks keep a small machine's threads busy.
static constexpr int64_t enoughTasks = 12;

AttentionGradTasks::AttentionGradTasks(AttentionGradOp op, KernelContext &context, Limit keys, Limit queries)
    : layout(op, context), blocks{evenBlock(layout.keys.capacity, keys.most, keys.unit),
                                  evenBlock(layout.queries.capacity, queries.most, queries.unit)},
      outputs{context.out(op.getDquery()), context.out(op.getDkey()), context.out(op.getDvalue())}, op(op),
      context(context) {
  int64_t keyBlocks = llvm::divideCeil(layout.keys.capacity, blocks.keys);
  // Padding has no part's gradient, so that packed samples stay whole.
  parts = layout.queries.hidesTokens()
              ? 1
              : std::min(llvm::divideCeil(enoughTasks, layout.units()), static_cast<uint64_t>(keyBlocks));
  if (layout.queries.hidesTokens())
    clear(context, outputs[0]);
  if (layout.keys.hidesTokens())
    clear(context, {outputs[1], outputs[2]});
  if (parts > 1)
    outputs[0] = context.temporary({parts * layout.clips, layout.queries.tokens, layout.heads * layout.width},
                                   Float32Type::get(op.getContext()));
}

/// dQ = scale * the sum of the parts' gradients, in order.
static void addParts(KernelContext &context, Value gradient, Value partial, int64_t parts, double scale) {
  Value to = context.rows(gradient), from = context.rows(partial);
  auto type = cast<MemRefType>(to.getType());
  int64_t rows = type.getDimSize(0), width = type.getDimSize(1);
  context.launch("attention_grad_sum", {to}, {from}, rows, rowGrain(width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      sweep(e, width, [&](Span &span) {
        Number sum = span.load(k.buffers[1], {row});
        for (int64_t part = 1; part < parts; ++part)
          sum = sum + span.load(k.buffers[1], {row + static_cast<double>(part * rows)});
        span.store(sum * span.constant(scale), k.buffers[0], {row});
      });
    });
  });
}

void AttentionGradTasks::launch(StringRef name, ArrayRef<Value> writes, function_ref<void(const AttentionWork &)> body,
                                function_ref<void(Emit &)> begin, function_ref<void(Emit &)> end) const {
  AttentionGradOp adjoint = op;
  SmallVector<Value> operands;
  for (Value operand : {adjoint.getDresult(), adjoint.getQuery(), adjoint.getKey(), adjoint.getValue(),
                        adjoint.getOutput(), adjoint.getLogsumexp()})
    operands.push_back(context.in(operand));
  AttentionTasks(layout, context, parts).launch(name, writes, operands, body, begin, end);
  if (parts > 1)
    addParts(context, context.out(adjoint.getDquery()), outputs[0], parts, layout.scale);
}
