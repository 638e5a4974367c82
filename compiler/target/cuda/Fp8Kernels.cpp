//===- Fp8Kernels.cpp - cuda: linear layers in e4m3 ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

// What computes x has stored it in e4m3. A weight, which many rows meet, is rounded here, with a scale that is known
// once all of it is there: so it is read twice. The scale must not be taken from the step before: a step would no
// longer depend on weights and inputs alone.

#include "compiler/target/cuda/Kernels.h"

using namespace mlir;
using namespace jepa;

/// Numbers that a block of LargestSize and Quantize takes in one turn, and how many blocks take turns.
static constexpr int64_t blockNumbers = 128 * 8, mostBlocks = 1056;

/// What the library takes: strides of e4m3 from one multiple of 16 bytes to another.
static constexpr int64_t sizeMultiple = 16;

/// The numbers of `weight`, as [rows, width], in e4m3 and their scale. Made once for each weight of a function.
static std::pair<Value, Value> quantize(KernelContext &context, Value weight, int64_t width) {
  if (auto found = context.quantized.find(weight); found != context.quantized.end())
    return found->second;
  OpBuilder &b = context.getBuilder();
  Value from = plainBuffer(context, weight, b.getBF16Type());
  int64_t count = cast<MemRefType>(from.getType()).getNumElements();
  int64_t blocks = std::min(blocksFor(count, blockNumbers), mostBlocks);
  Value partial = context.temporary({blocks}, b.getF32Type()), scale = context.temporary({1}, b.getF32Type());
  Value to = context.temporary({count / width, width}, Float8E4M3FNType::get(b.getContext()));
  launchOnDevice(context, {"largest_size", "LargestSize", "quantize.cuh", {blocks, 1, 1}}, {{"partial", partial}},
                 {{"from", from}}, [&](DeviceKernel &k) {
                   k.run("LargestSize::run", {k.parameters[0], k.parameters[1], k.number(count)});
                 });
  launchOnDevice(context, {"quantize_scale", "QuantizeScale", "quantize.cuh", {1, 1, 1}}, {{"scale", scale}},
                 {{"partial", partial}}, [&](DeviceKernel &k) {
                   k.run("QuantizeScale::run", {k.parameters[0], k.parameters[1], k.number(blocks)});
                 });
  launchOnDevice(context, {"quantize", "Quantize", "quantize.cuh", {blocks, 1, 1}}, {{"to", to}},
                 {{"from", from}, {"scale", scale}}, [&](DeviceKernel &k) {
                   k.run("Quantize::run", {k.parameters[0], k.parameters[1], k.parameters[2], k.number(count)});
                 });
  return context.quantized[weight] = {to, scale};
}

LogicalResult jepa::emitE4m3Product(LinearOp op, KernelContext &context) {
  RankedTensorType weight = op.getWeight().getType();
  int64_t out = weight.getDimSize(0), in = weight.getNumElements() / out, rows = countRows(op.getX().getType());
  for (int64_t size : {rows, out, in})
    if (size % sizeMultiple != 0)
      return op.emitOpError("in e4m3 has sizes that are multiples of 16 on the cuda target, found ")
             << rows << " x " << out << " x " << in;
  Value x = context.in(op.getX());
  auto [w, scale] = quantize(context, context.in(op.getWeight()), in);
  Product product{rows, out, in, in, in, out};
  product.transB = true;
  ProductEpilogue epilogue;
  if (op.getBias())
    epilogue = {"bias", plainBuffer(context, context.in(op.getBias()), context.getBuilder().getBF16Type())};
  epilogue.scale = scale;
  productOnDevice(context, product, context.out(op.getResult()), x, w, epilogue);
  return success();
}
