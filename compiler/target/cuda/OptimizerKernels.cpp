//===- OptimizerKernels.cpp - cuda: gradient norms, and one sweep over all parameters ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

// A step has hundreds of parameters, most of them small: a launch for each would take longer than the work. One kernel
// finds them in a table, so all updates of a block become one launch, at the last of them.

#include "compiler/target/cuda/Kernels.h"

using namespace mlir;
using namespace jepa;

/// chunkNumbers of the device library.
static constexpr int64_t chunkNumbers = 4096;

/// A gradient as the sweeps read it.
static Value gradientBuffer(KernelContext &context, Value gradient) {
  return plainBuffer(context, context.in(gradient), Float32Type::get(gradient.getContext()));
}

LogicalResult SquaredNormCuda::emit(SquaredNormOp op, KernelContext &context) {
  DeviceTable table{"GradientPlace", 3, {}, {}};
  int64_t chunks = 0;
  for (Value gradient : op.getGradients()) {
    int64_t count = cast<RankedTensorType>(gradient.getType()).getNumElements();
    table.addPlace(gradientBuffer(context, gradient));
    table.addNumber(count);
    table.addNumber(chunks);
    chunks += blocksFor(count, chunkNumbers);
  }
  // Blocks take turns; what they leave is summed by one.
  constexpr int64_t most = 1056;
  int64_t blocks = std::min(chunks, most);
  Value partial = context.temporary({blocks}, Float32Type::get(op.getContext()));
  launchOnDevice(context, {"squared_norm", "SquaredNorm", "adamw.cuh", {blocks, 1, 1}}, {{"partial", partial}}, {},
                 table, [&](DeviceKernel &k, Value places) {
                   k.run("SquaredNorm::run", {k.parameters[1], k.parameters[0], places, k.number(table.rows())});
                 });
  launchOnDevice(context, {"sum_all", "SumAll", "reduce.cuh", {1, 1, 1}}, {{"norm", context.out(op.getResult())}},
                 {{"partial", partial}}, [&](DeviceKernel &k) {
                   k.run("SumAll::run", {k.parameters[0], k.parameters[1], k.number(blocks), k.text("1.0f")});
                 });
  return success();
}

LogicalResult AdamWCuda::emit(AdamWOp op, KernelContext &context) {
  for (Operation *next = op->getNextNode(); next; next = next->getNextNode())
    if (isa<AdamWOp>(next))
      return success();
  DeviceTable table{"ParameterPlace", 11, {}, {}};
  int64_t chunks = 0;
  Value hyper = context.in(op.getHyper());
  for (auto update : op->getBlock()->getOps<AdamWOp>()) {
    context.op = update;
    auto tensor = cast<RankedTensorType>(update.getGradient().getType());
    auto type = MemRefType::get(tensor.getShape(), Float32Type::get(op.getContext()));
    auto copyOf = [&](bool wanted, StringRef name) { return wanted ? context.copyOf(name, type.getShape()) : Value(); };
    std::optional<StringRef> teacher = update.getTeacher();
    table.addPlace(context.named("parameter", update.getName(), type));
    table.addPlace(context.named("moment", ("m:" + update.getName()).str(), type));
    table.addPlace(context.named("moment", ("v:" + update.getName()).str(), type));
    table.addPlace(teacher ? context.named("parameter", *teacher, type) : Value());
    table.addPlace(copyOf(update.getCopy(), update.getName()));
    table.addPlace(copyOf(update.getTeacherCopy(), teacher.value_or("")));
    table.addPlace(gradientBuffer(context, update.getGradient()));
    table.addPlace(context.in(update.getNorm()));
    table.addNumber(type.getNumElements());
    table.addNumber(chunks);
    table.addNumber(update.getDecay());
    chunks += blocksFor(type.getNumElements(), chunkNumbers);
  }
  context.op = op;
  launchOnDevice(context, {"adamw", "AdamW", "adamw.cuh", {chunks, 1, 1}}, {}, {{"hyper", hyper}}, table,
                 [&](DeviceKernel &k, Value places) {
                   k.run("AdamW::run", {k.parameters[0], places, k.number(table.rows()), k.parameters[1]});
                 });
  return success();
}
