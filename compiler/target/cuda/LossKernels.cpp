//===- LossKernels.cpp - cuda: the loss and its adjoint ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cuda/Kernels.h"

using namespace mlir;
using namespace jepa;

namespace {

/// How much each row counts, as the device library's TokenWeights; its buffer is a parameter.
struct Weights {
  template <typename Op> Weights(Op op, KernelContext &context) {
    RankedTensorType type = op.getPredicted().getType();
    rows = countRows(type);
    width = type.getShape().back();
    int64_t tokens = type.getRank() > 1 ? type.getShape()[type.getRank() - 2] : 1, samples = 0;
    if (op.getLength())
      reads.push_back({"length", context.in(op.getLength())});
    if (op.getBounds()) {
      reads.push_back({"bounds", context.in(op.getBounds())});
      samples = op.getBounds().getType().getDimSize(0) - 1;
    }
    text = "TokenWeights{" + std::to_string(rows) + ", " + std::to_string(tokens) + ", " +
           (op.getLength() ? "length" : "nullptr") + ", " + (op.getBounds() ? "bounds" : "nullptr") + ", " +
           std::to_string(samples) + "}";
  }

  int64_t rows, width;
  SmallVector<DeviceBuffer> reads;
  std::string text;
};

} // namespace

LogicalResult PowerLossCuda::emit(PowerLossOp op, KernelContext &context) {
  Weights weights(op, context);
  double exponent = op.getExponent().convertToDouble();
  // A block has 32 rows.
  int64_t blocks = blocksFor(weights.rows, 32);
  Value partial = context.temporary({blocks}, Float32Type::get(op.getContext()));
  std::string block = "PowerLoss<" + std::to_string(weights.width) + ">";
  SmallVector<DeviceBuffer> reads = {{"predicted", context.in(op.getPredicted())},
                                     {"target", context.in(op.getTarget())}};
  llvm::append_range(reads, weights.reads);
  launchOnDevice(context, {"power_loss", block, "power_loss.cuh", {blocks, 1, 1}}, {{"partial", partial}}, reads,
                 [&](DeviceKernel &k) {
                   k.run(block + "::run", {k.parameters[0], k.parameters[1], k.parameters[2], k.text(weights.text),
                                           k.text(floatText(exponent))});
                 });
  launchOnDevice(
      context, {"sum_all", "SumAll", "reduce.cuh", {1, 1, 1}}, {{"loss", context.out(op.getResult())}},
      {{"partial", partial}}, [&](DeviceKernel &k) {
        k.run("SumAll::run", {k.parameters[0], k.parameters[1], k.number(blocks), k.text(floatText(1 / exponent))});
      });
  return success();
}

LogicalResult PowerLossGradCuda::emit(PowerLossGradOp op, KernelContext &context) {
  Weights weights(op, context);
  std::string block = "PowerLossGrad<" + std::to_string(weights.width) + ">";
  SmallVector<DeviceBuffer> reads = {{"lossGrad", context.in(op.getDloss())},
                                     {"predicted", context.in(op.getPredicted())},
                                     {"target", context.in(op.getTarget())}};
  llvm::append_range(reads, weights.reads);
  launchOnDevice(context, {"power_loss_grad", block, "power_loss.cuh", {blocksFor(weights.rows, 4), 1, 1}},
                 {{"predictedGrad", context.out(op.getResult())}}, reads, [&](DeviceKernel &k) {
                   k.run(block + "::run",
                         {k.parameters[0], k.parameters[1], k.parameters[2], k.parameters[3], k.text(weights.text),
                          k.text(floatText(op.getExponent().convertToDouble()))});
                 });
  return success();
}

//===----------------------------------------------------------------------===//
// Means, and tensors of one number
//===----------------------------------------------------------------------===//

static bool isPlain(Value buffer) { return cast<MemRefType>(buffer.getType()).getLayout().isIdentity(); }

LogicalResult MeanCuda::emit(MeanOp op, KernelContext &context) {
  Value x = context.in(op.getX());
  if (!isPlain(x))
    return emitLoops(op, context);
  // SumChunks::chunk of the device library.
  constexpr int64_t chunk = 4096;
  int64_t count = op.getX().getType().getNumElements(), chunks = blocksFor(count, chunk);
  Value partial = context.temporary({chunks}, Float32Type::get(op.getContext()));
  launchOnDevice(context, {"mean_chunks", "SumChunks", "reduce.cuh", {chunks, 1, 1}}, {{"partial", partial}},
                 {{"from", x}}, [&](DeviceKernel &k) {
                   k.run("SumChunks::run", {k.parameters[0], k.parameters[1], k.number(count)});
                 });
  launchOnDevice(context, {"sum_all", "SumAll", "reduce.cuh", {1, 1, 1}}, {{"mean", context.out(op.getResult())}},
                 {{"partial", partial}}, [&](DeviceKernel &k) {
                   k.run("SumAll::run", {k.parameters[0], k.parameters[1], k.number(chunks),
                                         k.text(floatText(1.0 / static_cast<double>(count)))});
                 });
  return success();
}

/// All of a plain `to` becomes `value`, an expression of what is read.
static void fill(KernelContext &context, StringRef name, Value to, ArrayRef<DeviceBuffer> reads, const Twine &value) {
  auto type = cast<MemRefType>(to.getType());
  // Fill's block has 128 threads of 16 bytes each.
  int64_t count = type.getNumElements(), each = 128 * 128 / type.getElementTypeBitWidth();
  launchOnDevice(context, {name.str(), "Fill", "fill.cuh", {blocksFor(count, each), 1, 1}}, {{"to", to}}, reads,
                 [&](DeviceKernel &k) {
                   k.run("Fill::run", {k.parameters[0], k.text(value), k.number(count)});
                 });
}

LogicalResult ConstantCuda::emit(ConstantOp op, KernelContext &context) {
  Value to = context.out(op.getResult());
  if (!isPlain(to))
    return emitLoops(op, context);
  fill(context, "constant", to, {}, floatText(op.getValue().convertToDouble()));
  return success();
}

LogicalResult SplatCuda::emit(SplatOp op, KernelContext &context) {
  Value to = context.out(op.getResult());
  if (!isPlain(to))
    return emitLoops(op, context);
  fill(context, "splat", to, {{"value", context.in(op.getX())}}, "toFloat(*value)");
  return success();
}

//===----------------------------------------------------------------------===//
// Deviations over tokens
//===----------------------------------------------------------------------===//

/// The clips' or samples' rows, as the device library's TokenSpans.
template <typename Op> static std::string spansText(Op op, SmallVector<DeviceBuffer> &reads, KernelContext &context) {
  if (op.getLength())
    reads.push_back({"length", context.in(op.getLength())});
  if (op.getBounds())
    reads.push_back({"bounds", context.in(op.getBounds())});
  int64_t samples = op.getBounds() ? op.getBounds().getType().getDimSize(0) - 1 : 0;
  return "TokenSpans{" + std::to_string(op.getX().getType().getDimSize(1)) + ", " +
         (op.getLength() ? "length" : "nullptr") + ", " + (op.getBounds() ? "bounds" : "nullptr") + ", " +
         std::to_string(samples) + "}";
}

/// Clips, or samples where they are packed; 32 columns to a block.
template <typename Op> static std::array<int64_t, 3> spansGrid(Op op) {
  int64_t groups = op.getBounds() ? op.getBounds().getType().getDimSize(0) - 1 : op.getX().getType().getDimSize(0);
  return {blocksFor(op.getX().getType().getShape().back(), 32), groups, 1};
}

LogicalResult TokenStdCuda::emit(TokenStdOp op, KernelContext &context) {
  std::string block = "TokenStd<" + std::to_string(op.getX().getType().getShape().back()) + ">";
  SmallVector<DeviceBuffer> reads = {{"from", context.in(op.getX())}};
  std::string spans = spansText(op, reads, context);
  launchOnDevice(context, {"token_std", block, "tokens.cuh", spansGrid(op)}, {{"to", context.out(op.getResult())}},
                 reads, [&](DeviceKernel &k) {
                   k.run(block + "::run", {k.parameters[0], k.parameters[1], k.text(spans),
                                           k.text(floatText(op.getEps().convertToDouble()))});
                 });
  return success();
}

LogicalResult TokenStdGradCuda::emit(TokenStdGradOp op, KernelContext &context) {
  std::string block = "TokenStdGrad<" + std::to_string(op.getX().getType().getShape().back()) + ">";
  SmallVector<DeviceBuffer> reads = {
      {"stdGrad", context.in(op.getDstd())}, {"x", context.in(op.getX())}, {"std", context.in(op.getStd())}};
  std::string spans = spansText(op, reads, context);
  launchOnDevice(
      context, {"token_std_grad", block, "tokens.cuh", spansGrid(op)}, {{"xGrad", context.out(op.getResult())}}, reads,
      [&](DeviceKernel &k) {
        k.run(block + "::run", {k.parameters[0], k.parameters[1], k.parameters[2], k.parameters[3], k.text(spans)});
      });
  return success();
}
