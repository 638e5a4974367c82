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

/// A product with one of GELU's two directions behind it, in bf16, as the library's epilogue: it computes the tanh form,
/// which is as close as bf16. Returns whether the whole group is that.
static bool emitWithGelu(ArrayRef<Operation *> ops, ValueRange results, KernelContext &context) {
  if (ops.size() < 2)
    return false;
  Value product = ops[0]->getResult(0), result = ops[1]->getResult(0);
  auto isBf16 = [](Value value) { return getElementTypeOrSelf(value.getType()).isBF16(); };
  // As the library wants what it keeps beside its result.
  constexpr int64_t strideOf = 8;
  int64_t width = cast<RankedTensorType>(result.getType()).getShape().back();
  if (!isBf16(product) || !isBf16(result) || width % strideOf)
    return false;
  auto linear = dyn_cast<LinearOp>(ops[0]);
  auto gelu = dyn_cast<GeluOp>(ops[1]);
  if (linear && isBf16(linear.getX()) && gelu && ops.size() == 2 && linear.getBias() && isBf16(linear.getBias()) &&
      gelu.getX() == product) {
    context.op = linear;
    bool isKept = llvm::is_contained(results, product);
    emitProduct(linear, context, context.out(result),
                {"gelu", context.in(linear.getBias()), isKept ? context.out(product) : Value()});
    return true;
  }
  auto inputGrad = dyn_cast<LinearInputGradOp>(ops[0]);
  auto geluGrad = dyn_cast<GeluGradOp>(ops[1]);
  if (!inputGrad || !geluGrad || geluGrad.getDy() != product || geluGrad.getX() == product ||
      llvm::is_contained(results, product))
    return false;
  Value aux = context.in(geluGrad.getX());
  auto sum = ops.size() == 3 ? dyn_cast<SumToOp>(ops[2]) : SumToOp();
  bool isBiasGrad = sum && sum.getX() == result && sum.getType().getNumElements() == width;
  if (KernelContext::rowStride(aux) != width || !cast<MemRefType>(aux.getType()).getLayout().isIdentity() ||
      (ops.size() > 2 && !isBiasGrad))
    return false;
  context.op = inputGrad;
  Value biasGrad = isBiasGrad ? context.temporary({width}, BFloat16Type::get(result.getContext())) : Value();
  emitProduct(inputGrad, context, context.out(result), {"dgelu", biasGrad, aux});
  if (isBiasGrad) {
    context.op = sum;
    context.copy(context.flat(context.out(sum.getResult())), biasGrad);
  }
  return true;
}

// The product, then the others in one kernel over its rows. An op that knows no rows here runs alone, and so do those
// after it.
LogicalResult FusedCuda::emit(FusedOp op, KernelContext &context) {
  context.enter(op);
  SmallVector<Operation *> ops =
      llvm::map_to_vector(op.getBody().front().without_terminator(), [](Operation &inner) { return &inner; });
  ArrayRef<Operation *> rest(ops);
  if (emitWithGelu(ops, op.getBody().front().getTerminator()->getOperands(), context))
    rest = {};
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
