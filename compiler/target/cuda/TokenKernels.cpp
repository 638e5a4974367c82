//===- TokenKernels.cpp - cuda: tubelets, selections, concatenations ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cuda/Kernels.h"

#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace jepa;

static ArrayRef<int64_t> shapeOf(Value buffer) { return cast<MemRefType>(buffer.getType()).getShape(); }
static bool isPlain(Value buffer) { return cast<MemRefType>(buffer.getType()).getLayout().isIdentity(); }
static bool arePlain(ArrayRef<Value> buffers) { return llvm::all_of(buffers, isPlain); }
static std::string sized(StringRef name, int64_t width) { return (name + "<" + Twine(width) + ">").str(); }
static StringRef flag(bool value) { return value ? "true" : "false"; }

/// A block moves four tokens of a clip.
static std::array<int64_t, 3> tokenGrid(int64_t tokens, int64_t clips) { return {blocksFor(tokens, 4), clips, 1}; }

//===----------------------------------------------------------------------===//
// Tubelets
//===----------------------------------------------------------------------===//

/// Bytes of a pixel to what the published models were trained on: (x / 255 - mean) / deviation, as scale and shift.
static std::string normalisation() {
  constexpr double mean[] = {0.485, 0.456, 0.406}, deviation[] = {0.229, 0.224, 0.225};
  std::string scale, shift;
  for (int channel = 0; channel < 3; ++channel) {
    scale += (channel ? ", " : "") + floatText(1 / (255 * deviation[channel]));
    shift += (channel ? ", " : "") + floatText(-mean[channel] / deviation[channel]);
  }
  return "Normalisation{{" + scale + "}, {" + shift + "}}";
}

LogicalResult PatchifyCuda::emit(PatchifyOp op, KernelContext &context) {
  ArrayRef<int64_t> clip = op.getClip().getType().getShape();
  auto function = op->getParentOfType<func::FuncOp>();
  Value to = context.out(op.getResult());
  if (clip[1] != 3 || !op.getClip().getType().getElementType().isF32() || function.getSymName() != entryName)
    return emitLoops(op, context);
  int64_t tubelet = op.getTubelet(), patch = op.getPatch(), clips = shapeOf(to)[0], tokens = shapeOf(to)[1];
  std::string block = "Patchify<" + std::to_string(clip[2]) + ", " + std::to_string(clip[3]) + ", " +
                      std::to_string(clip[4]) + ", " + std::to_string(patch) + ", " + std::to_string(tubelet) + ">";
  // Whether `clip` holds bytes or numbers, which the runtime says with each step.
  Value areBytes = context.named("input", "clip.bytes", MemRefType::get({}, context.getBuilder().getI32Type()));
  SmallVector<DeviceBuffer> reads = {{"clip", context.in(op.getClip())}, {"areBytes", areBytes}};
  if (op.getTokens())
    reads.push_back({"tokens", context.in(op.getTokens())});
  launchOnDevice(context, {"patchify", block, "patchify.cuh", {tokens, clips, 1}}, {{"to", to}}, reads,
                 [&](DeviceKernel &k) {
                   k.run(block + "::run", {k.parameters[0], k.parameters[1], k.parameters[2],
                                           op.getTokens() ? k.parameters[3] : k.text("nullptr"),
                                           k.text(normalisation()), k.text(flag(clips != clip[0]))});
                 });
  return success();
}

//===----------------------------------------------------------------------===//
// Selections
//===----------------------------------------------------------------------===//

LogicalResult GatherTokensCuda::emit(GatherTokensOp op, KernelContext &context) {
  Value x = context.in(op.getX()), mask = context.in(op.getMask()), to = context.out(op.getResult());
  if (!arePlain({x, to}))
    return emitLoops(op, context);
  int64_t clips = shapeOf(mask)[0], tokens = shapeOf(mask)[1];
  bool isTable = shapeOf(x)[0] == 1 && clips != 1;
  std::string block = sized("GatherTokens", shapeOf(to)[2]);
  launchOnDevice(context, {"gather_tokens", block, "tokens.cuh", tokenGrid(tokens, clips)}, {{"to", to}},
                 {{"from", x}, {"mask", mask}}, [&](DeviceKernel &k) {
                   k.run(block + "::run",
                         {k.parameters[0], k.parameters[1], k.parameters[2], k.number(tokens), k.number(shapeOf(x)[1]),
                          k.text(flag(isTable)), k.text(flag(op.getCyclic()))});
                 });
  return success();
}

/// Copies `count` tokens of each clip.
static void copyTokens(KernelContext &context, StringRef name, Value to, int64_t toFirst, Value from, int64_t fromFirst,
                       int64_t count) {
  std::string block = sized("CopyTokens", shapeOf(to)[2]);
  launchOnDevice(context, {name.str(), block, "tokens.cuh", tokenGrid(count, shapeOf(to)[0])}, {{"to", to}},
                 {{"from", from}}, [&](DeviceKernel &k) {
                   k.run(block + "::run",
                         {k.parameters[0], k.number(shapeOf(to)[1]), k.number(toFirst), k.parameters[1],
                          k.number(shapeOf(from)[1]), k.number(fromFirst), k.number(count)});
                 });
}

LogicalResult ConcatTokensCuda::emit(ConcatTokensOp op, KernelContext &context) {
  Value to = context.out(op.getResult());
  SmallVector<Value> parts = llvm::map_to_vector(op.getParts(), [&](Value part) { return context.in(part); });
  if (!isPlain(to) || !arePlain(parts))
    return emitLoops(op, context);
  int64_t first = 0;
  for (Value part : parts) {
    copyTokens(context, "concat_tokens", to, first, part, 0, shapeOf(part)[1]);
    first += shapeOf(part)[1];
  }
  return success();
}

LogicalResult SliceTokensCuda::emit(SliceTokensOp op, KernelContext &context) {
  Value to = context.out(op.getResult()), from = context.in(op.getX());
  if (!arePlain({to, from}))
    return emitLoops(op, context);
  copyTokens(context, "slice_tokens", to, 0, from, op.getOffset(), shapeOf(to)[1]);
  return success();
}

LogicalResult PadTokensCuda::emit(PadTokensOp op, KernelContext &context) {
  Value to = context.out(op.getResult()), from = context.in(op.getX());
  if (!arePlain({to, from}))
    return emitLoops(op, context);
  std::string block = sized("PadTokens", shapeOf(to)[2]);
  launchOnDevice(context, {"pad_tokens", block, "tokens.cuh", tokenGrid(shapeOf(to)[1], shapeOf(to)[0])}, {{"to", to}},
                 {{"from", from}}, [&](DeviceKernel &k) {
                   k.run(block + "::run", {k.parameters[0], k.number(shapeOf(to)[1]), k.number(op.getOffset()),
                                           k.parameters[1], k.number(shapeOf(from)[1])});
                 });
  return success();
}

//===----------------------------------------------------------------------===//
// Features
//===----------------------------------------------------------------------===//

/// Copies rows of a view.
static void copyRows(KernelContext &context, Value to, Value from) {
  Value target = context.rows(to), source = context.rows(from);
  int64_t rows = shapeOf(target)[0], width = shapeOf(target)[1];
  auto isAligned = [&](Value buffer) {
    auto [strides, offset] = cast<MemRefType>(buffer.getType()).getStridesAndOffset();
    return offset % 8 == 0 && KernelContext::rowStride(buffer) % 8 == 0;
  };
  if (!isAligned(target) || !isAligned(source))
    return context.copy(to, from);
  std::string block = sized("TileBlock", width);
  launchOnDevice(context,
                 {"copy_rows",
                  block,
                  "row.cuh",
                  {blocksFor(rows, 4), blocksFor(width, std::min<int64_t>(width, 512)), 1},
                  block + "::threads, " + block + "::blocks"},
                 {{"to", target}}, {{"from", source}}, [&](DeviceKernel &k) {
                   k.forEach(block + "::forRows(" + Twine(rows), "row", [&](Value row) {
                     Value values =
                         k.call(sized("loadTile", width),
                                {k.parameters[1], row, k.number(KernelContext::rowStride(source))}, "values");
                     k.run("storeRow", {k.parameters[0], row, k.number(KernelContext::rowStride(target)), values});
                   });
                 });
}

// A part that was computed where the result wants it is there already.
LogicalResult ConcatFeaturesCuda::emit(ConcatFeaturesOp op, KernelContext &context) {
  Value to = context.out(op.getResult());
  int64_t offset = 0;
  for (Value part : op.getParts()) {
    Value from = context.in(part);
    int64_t size = shapeOf(from).back();
    auto view = from.getDefiningOp<memref::SubViewOp>();
    bool isThere = view && view.getSource() == to && view.getStaticOffsets().back() == offset;
    if (!isThere)
      copyRows(context, context.features(to, offset, size), from);
    offset += size;
  }
  return success();
}
