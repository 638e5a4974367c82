//===- TokenKernels.cpp - cuda: tubelets, selections, concatenations ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cuda/Kernels.h"

#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace jepa;

static ArrayRef<int64_t> shapeOf(Value buffer) { return cast<MemRefType>(buffer.getType()).getShape(); }
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

bool jepa::hasTokenRows(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  auto [strides, offset] = type.getStridesAndOffset();
  return type.getRank() == 3 && strides[2] == 1 && strides[0] == strides[1] * type.getDimSize(1) &&
         narrowAlignment(buffer, type.getDimSize(2)).empty();
}
static bool haveTokenRows(ArrayRef<Value> buffers) { return llvm::all_of(buffers, hasTokenRows); }

void jepa::gatherTokens(KernelContext &context, Value to, Value from, Value mask, bool isCyclic) {
  int64_t clips = shapeOf(mask)[0], tokens = shapeOf(mask)[1];
  bool isTable = shapeOf(from)[0] == 1 && clips != 1;
  std::string block = sized("GatherTokens", shapeOf(to)[2]);
  DeviceBuffer target{"to", to}, source{"from", from};
  launchOnDevice(context, {"gather_tokens", block, "tokens.cuh", tokenGrid(tokens, clips)}, {target},
                 {source, {"mask", mask}}, [&](DeviceKernel &k) {
                   k.run(block + "::run",
                         {k.text(rowsText(target, false)), k.text(rowsText(source, true)), k.parameters[2],
                          k.number(tokens), k.number(shapeOf(from)[1]), k.text(flag(isTable)), k.text(flag(isCyclic))});
                 });
}

LogicalResult GatherTokensCuda::emit(GatherTokensOp op, KernelContext &context) {
  Value x = context.in(op.getX()), to = context.out(op.getResult());
  if (!haveTokenRows({x, to}))
    return emitLoops(op, context);
  gatherTokens(context, to, x, context.in(op.getMask()), op.getCyclic());
  return success();
}

void jepa::scatterTokens(KernelContext &context, Value to, Value from, Value mask) {
  int64_t clips = shapeOf(mask)[0], masked = shapeOf(mask)[1], tokens = shapeOf(to)[1];
  bool isTable = shapeOf(to)[0] == 1 && clips != 1;
  std::string block = sized("ScatterTokens", shapeOf(to)[2]);
  DeviceBuffer target{"to", to}, source{"from", from};
  launchOnDevice(context, {"scatter_tokens", block, "tokens.cuh", tokenGrid(tokens, shapeOf(to)[0])}, {target},
                 {source, {"mask", mask}}, [&](DeviceKernel &k) {
                   k.run(block + "::run",
                         {k.text(rowsText(target, false)), k.number(tokens), k.text(rowsText(source, true)),
                          k.parameters[2], k.number(masked), k.number(clips), k.text(flag(isTable))});
                 });
}

LogicalResult ScatterTokensCuda::emit(ScatterTokensOp op, KernelContext &context) {
  Value x = context.in(op.getX()), to = context.out(op.getResult());
  // How often a cyclic mask goes through the table is known with each step only.
  if (!haveTokenRows({x, to}) || op.getCyclic())
    return emitLoops(op, context);
  scatterTokens(context, to, x, context.in(op.getMask()));
  return success();
}

void jepa::clearTokens(KernelContext &context, Value to) {
  std::string block = sized("ClearTokens", shapeOf(to)[2]);
  DeviceBuffer target{"to", to};
  launchOnDevice(context, {"clear_tokens", block, "tokens.cuh", tokenGrid(shapeOf(to)[1], shapeOf(to)[0])}, {target},
                 {}, [&](DeviceKernel &k) {
                   k.run(block + "::run", {k.text(rowsText(target, false)), k.number(shapeOf(to)[1])});
                 });
}

/// Copies `count` tokens of each clip.
static void copyTokens(KernelContext &context, StringRef name, Value to, int64_t toFirst, Value from, int64_t fromFirst,
                       int64_t count) {
  std::string block = sized("CopyTokens", shapeOf(to)[2]);
  DeviceBuffer target{"to", to}, source{"from", from};
  launchOnDevice(context, {name.str(), block, "tokens.cuh", tokenGrid(count, shapeOf(to)[0])}, {target}, {source},
                 [&](DeviceKernel &k) {
                   k.run(block + "::run", {k.text(rowsText(target, false)), k.number(shapeOf(to)[1]), k.number(toFirst),
                                           k.text(rowsText(source, true)), k.number(shapeOf(from)[1]),
                                           k.number(fromFirst), k.number(count)});
                 });
}

LogicalResult ConcatTokensCuda::emit(ConcatTokensOp op, KernelContext &context) {
  Value to = context.out(op.getResult());
  SmallVector<Value> parts = llvm::map_to_vector(op.getParts(), [&](Value part) { return context.in(part); });
  if (!hasTokenRows(to) || !haveTokenRows(parts))
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
  if (!haveTokenRows({to, from}))
    return emitLoops(op, context);
  copyTokens(context, "slice_tokens", to, 0, from, op.getOffset(), shapeOf(to)[1]);
  return success();
}

LogicalResult PadTokensCuda::emit(PadTokensOp op, KernelContext &context) {
  Value to = context.out(op.getResult()), from = context.in(op.getX());
  if (!haveTokenRows({to, from}))
    return emitLoops(op, context);
  std::string block = sized("PadTokens", shapeOf(to)[2]);
  DeviceBuffer target{"to", to}, source{"from", from};
  launchOnDevice(context, {"pad_tokens", block, "tokens.cuh", tokenGrid(shapeOf(to)[1], shapeOf(to)[0])}, {target},
                 {source}, [&](DeviceKernel &k) {
                   k.run(block + "::run",
                         {k.text(rowsText(target, false)), k.number(shapeOf(to)[1]), k.number(op.getOffset()),
                          k.text(rowsText(source, true)), k.number(shapeOf(from)[1])});
                 });
  return success();
}

//===----------------------------------------------------------------------===//
// Features
//===----------------------------------------------------------------------===//

void jepa::copyOnDevice(KernelContext &context, Value to, Value from) {
  Value target = context.rows(to), source = context.rows(from);
  int64_t rows = shapeOf(target)[0], width = shapeOf(target)[1];
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
                         k.call("loadTile<" + Twine(width) + narrowAlignment(source, width) + ">",
                                {k.parameters[1], row, k.number(KernelContext::rowStride(source))}, "values");
                     k.run(storeRowText(target, width),
                           {k.parameters[0], row, k.number(KernelContext::rowStride(target)), values});
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
      context.copy(context.features(to, offset, size), from);
    offset += size;
  }
  return success();
}
