//===- TokenKernels.cpp - cuda: tubelets, selections, concatenations ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cuda/Kernels.h"

using namespace mlir;
using namespace jepa;

static ArrayRef<int64_t> shapeOf(Value buffer) { return cast<MemRefType>(buffer.getType()).getShape(); }
static bool isPlain(Value buffer) { return cast<MemRefType>(buffer.getType()).getLayout().isIdentity(); }

LogicalResult GatherTokensCuda::emit(GatherTokensOp op, KernelContext &context) {
  Value x = context.in(op.getX()), mask = context.in(op.getMask()), to = context.out(op.getResult());
  Type element = getElementTypeOrSelf(x.getType());
  if (element != getElementTypeOrSelf(to.getType()) || !isPlain(x) || !isPlain(to))
    return emitLoops(op, context);
  int64_t clips = shapeOf(mask)[0], tokens = shapeOf(mask)[1], width = shapeOf(to)[2];
  bool isTable = shapeOf(x)[0] == 1 && clips != 1;
  std::string block = "GatherTokens<" + deviceType(element) + ", " + std::to_string(width) + ">";
  launchOnDevice(context, {"gather_tokens", block, "tokens.cuh", {tokens, clips, 1}}, {{"to", to}},
                 {{"from", x}, {"mask", mask}}, [&](DeviceKernel &k) {
                   k.run(block + "::run", {k.parameters[0], k.parameters[1], k.parameters[2], k.number(shapeOf(x)[1]),
                                           k.text(isTable ? "true" : "false"), k.text(op.getCyclic() ? "true" : "false")});
                 });
  return success();
}
