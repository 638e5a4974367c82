//===- RowKernels.cpp - cuda: activations, norms, sums, groups of them ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cuda/Kernels.h"

using namespace mlir;
using namespace jepa;

/// As rows where the device library can, else as loops.
static LogicalResult emitAsRows(Operation *op, KernelContext &context) {
  if (!isDeviceRowOp(op))
    return emitLoops(op, context);
  emitDeviceRows(context, {op}, op->getResults());
  return success();
}

#define JEPA_ROWS(NAME)                                                                                                \
  LogicalResult NAME##Cuda::emit(NAME##Op op, KernelContext &context) { return emitAsRows(op, context); }
JEPA_ROWS(LayerNorm)
JEPA_ROWS(LayerNormGrad)
JEPA_ROWS(LayerNormWeightGrad)
JEPA_ROWS(Gelu)
JEPA_ROWS(GeluGrad)
JEPA_ROWS(Relu)
JEPA_ROWS(ReluGrad)
JEPA_ROWS(Scale)
JEPA_ROWS(Add)
JEPA_ROWS(Cast)
JEPA_ROWS(SumTo)
#undef JEPA_ROWS

using Rows = SmallVector<Value>;

Rows GeluCudaRow::emit(GeluOp, DeviceRow &row) { return {row.call("gelu", row.operands)}; }
Rows GeluGradCudaRow::emit(GeluGradOp, DeviceRow &row) { return {row.call("geluGrad", row.operands)}; }
Rows ReluCudaRow::emit(ReluOp, DeviceRow &row) { return {row.call("relu", row.operands)}; }
Rows ReluGradCudaRow::emit(ReluGradOp, DeviceRow &row) { return {row.call("reluGrad", row.operands)}; }
Rows AddCudaRow::emit(AddOp, DeviceRow &row) { return {row.call("addRows", row.operands)}; }
Rows CastCudaRow::emit(CastOp, DeviceRow &row) { return {row.operands[0]}; }
Rows StopGradientCudaRow::emit(StopGradientOp, DeviceRow &row) { return {row.operands[0]}; }
Rows SumToCudaRow::emit(SumToOp, DeviceRow &row) { return {row.operands[0]}; }

Rows ScaleCudaRow::emit(ScaleOp op, DeviceRow &row) {
  auto text = [&](APFloat value) { return row.k.text(floatText(value.convertToDouble())); };
  return {row.call("scaleRow", {row.operands[0], text(op.getFactor()), text(op.getOffset())})};
}

Rows LayerNormCudaRow::emit(LayerNormOp op, DeviceRow &row) {
  Value normal = row.normalize(row.operands[0], op.getEps().convertToDouble());
  return {op.getWeight() ? row.call("layerNorm", {normal, row.operands[1], row.operands[2]}) : normal};
}

Rows LayerNormGradCudaRow::emit(LayerNormGradOp op, DeviceRow &row) {
  Rows arguments{row.operands[0], row.normalize(row.operands[1], op.getEps().convertToDouble())};
  if (op.getWeight())
    arguments.push_back(row.operands[2]);
  return {row.call("layerNormGrad", arguments)};
}

Rows LayerNormWeightGradCudaRow::emit(LayerNormWeightGradOp op, DeviceRow &row) {
  Value normal = row.normalize(row.operands[1], op.getEps().convertToDouble());
  return {row.call("layerNormWeightTerm", {row.operands[0], normal}), row.operands[0]};
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

static LogicalResult emitAlone(Operation *op, KernelContext &context) {
  context.op = op;
  if (auto kernels = dyn_cast<CudaKernelOpInterface>(op))
    return kernels.emitKernels(context);
  return emitLoops(op, context);
}

// The product, then the others in one kernel over its rows. An op that knows no rows here runs alone, and so do those
// after it.
LogicalResult FusedCuda::emit(FusedOp op, KernelContext &context) {
  context.enter(op);
  SmallVector<Operation *> ops =
      llvm::map_to_vector(op.getBody().front().without_terminator(), [](Operation &inner) { return &inner; });
  ArrayRef<Operation *> rest(ops);
  if (!rest.empty() && cast<FusibleOpInterface>(rest.front()).isProduct()) {
    if (failed(emitAlone(rest.front(), context)))
      return failure();
    rest = rest.drop_front();
  }
  if (rest.size() > 1 && llvm::all_of(rest, isDeviceRowOp)) {
    context.op = op;
    emitDeviceRows(context, rest, op.getBody().front().getTerminator()->getOperands());
  } else {
    for (Operation *inner : rest)
      if (failed(emitAlone(inner, context)))
        return failure();
  }
  context.leave(op);
  return success();
}
