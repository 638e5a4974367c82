//===- TokenKernels.cpp - reference: patches, selections, concatenations ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/reference/Kernels.h"

using namespace mlir;
using namespace jepa;

LogicalResult GatherTokensReference::emitKernels(Operation *operation, KernelContext &context) const {
  auto op = cast<GatherTokensOp>(operation);
  Value x = context.in(op.getX()), mask = context.in(op.getMask()), y = context.out(op.getResult());
  ArrayRef<int64_t> shape = op.getType().getShape();
  bool shared = op.getX().getType().getDimSize(0) == 1;
  int64_t tokens = shape[1], width = shape[2];
  context.launch("gather_tokens", {y}, {x, mask}, shape[0] * tokens, 16, [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number clip = row / e.index(tokens), token = row % tokens;
      Number source = e.convert(e.load(k.buffers[2], {clip, token}), e.builder.getIndexType());
      e.loop(0, width, 1, [&](Number i) {
        e.store(e.load(k.buffers[1], {shared ? e.index(0) : clip, source, i}), k.buffers[0], {clip, token, i});
      });
    });
  });
  return success();
}
