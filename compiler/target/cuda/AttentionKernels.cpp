//===- AttentionKernels.cpp - cuda: attention and its adjoint ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

// A token axis may hold several sequences (mask groups that run as one batch), each cut into parts (context, targets)
// of which a length or a sample's bounds say what counts. Each sequence is a launch; the device library's Packing says
// where its parts lie.

#include "compiler/target/Passes.h"
#include "compiler/target/cuda/Kernels.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace jepa;

namespace {

struct TokenPart {
  int64_t start, capacity;
  /// How many of them count, in each clip; or which belong to which sample; or neither.
  Value length = {}, bounds = {};
};

/// One sequence's tokens on one side.
struct TokenParts {
  int64_t tokens;
  SmallVector<TokenPart> parts;

  int64_t capacity() const {
    return std::accumulate(parts.begin(), parts.end(), int64_t(0),
                           [](int64_t sum, const TokenPart &part) { return sum + part.capacity; });
  }
  bool hasLengths() const {
    return llvm::any_of(parts, [](const TokenPart &part) { return static_cast<bool>(part.length); });
  }
};

/// What attention and its adjoint say alike.
struct Layout {
  template <typename Op> Layout(Op op, KernelContext &context);

  int64_t clips, heads, width, samples;
  float scale;
  SmallVector<TokenParts> queries, keys;
  /// The buffers of lengths and bounds, as a kernel's parameters.
  SmallVector<DeviceBuffer> limits;

  /// Clips or samples; and the padding of packed samples, as one more.
  int64_t sequences() const { return samples ? samples : clips; }
  int64_t gridZ() const { return sequences() + (samples ? 1 : 0); }
  /// `Packing<2>{...}`, where the limits' parameters have their names.
  std::string packing(const TokenParts &side) const;
  /// Of the forward pass of one of the sequences, at its capacity.
  int64_t flops(const TokenParts &query, const TokenParts &key) const {
    return 4 * clips * heads * width * query.capacity() * key.capacity();
  }

private:
  void cut(SmallVector<TokenParts> &side, int64_t tokens, ArrayRef<int64_t> segments, ArrayRef<int64_t> sequences,
           ArrayRef<Value> lengths, ArrayRef<Value> bounds);
  std::string limitName(Value buffer) const {
    return llvm::find_if(limits, [&](const DeviceBuffer &limit) { return limit.buffer == buffer; })->name;
  }
};

} // namespace

void Layout::cut(SmallVector<TokenParts> &side, int64_t tokens, ArrayRef<int64_t> segments, ArrayRef<int64_t> sequences,
                 ArrayRef<Value> lengths, ArrayRef<Value> bounds) {
  SmallVector<int64_t> all = {tokens};
  if (sequences.empty())
    sequences = all;
  // Without limits a sequence is one part.
  if (lengths.empty() && bounds.empty())
    segments = sequences;
  int64_t start = 0;
  size_t segment = 0;
  for (int64_t size : sequences) {
    TokenParts parts{tokens, {}};
    for (int64_t end = start + size; start < end; ++segment) {
      parts.parts.push_back({start, segments[segment], lengths.empty() ? Value() : lengths[segment],
                             bounds.empty() ? Value() : bounds[segment]});
      start += segments[segment];
    }
    side.push_back(parts);
  }
}

template <typename Op> Layout::Layout(Op op, KernelContext &context) {
  auto query = cast<RankedTensorType>(op.getQuery().getType()), key = cast<RankedTensorType>(op.getKey().getType());
  auto sizes = [](std::optional<ArrayRef<int64_t>> list) { return list.value_or(ArrayRef<int64_t>()); };
  auto buffers = [&](OperandRange values, StringRef name) {
    SmallVector<Value> made;
    for (Value value : values) {
      Value buffer = context.in(value);
      made.push_back(buffer);
      if (llvm::none_of(limits, [&](const DeviceBuffer &limit) { return limit.buffer == buffer; }))
        limits.push_back({(name + Twine(limits.size())).str(), buffer});
    }
    return made;
  };
  clips = query.getDimSize(0);
  heads = op.getHeads();
  width = query.getDimSize(2) / heads;
  scale = 1.0 / std::sqrt(static_cast<double>(width));
  samples = op.getKeyBounds().empty() ? 0 : cast<RankedTensorType>(op.getKeyBounds()[0].getType()).getDimSize(0) - 1;
  SmallVector<Value> lengths = buffers(op.getLengths(), "length"), queryBounds = buffers(op.getQueryBounds(), "bounds"),
                     keyBounds = buffers(op.getKeyBounds(), "bounds");
  int64_t visible = op.getMask() ? cast<RankedTensorType>(op.getMask().getType()).getDimSize(1) : key.getDimSize(1);
  cut(queries, query.getDimSize(1), sizes(op.getQuerySegments()), sizes(op.getQuerySequences()), {}, queryBounds);
  cut(keys, visible, sizes(op.getSegments()), sizes(op.getKeySequences()), lengths, keyBounds);
}

std::string Layout::packing(const TokenParts &side) const {
  auto list = [&](function_ref<std::string(const TokenPart &)> text) {
    std::string all;
    for (const TokenPart &part : side.parts)
      all += (all.empty() ? "" : ", ") + text(part);
    return "{" + all + "}";
  };
  auto limit = [&](Value buffer) { return buffer ? limitName(buffer) : std::string("nullptr"); };
  return "Packing<" + std::to_string(side.parts.size()) + ">{" + std::to_string(side.tokens) + ", " +
         list([](const TokenPart &part) { return std::to_string(part.start); }) + ", " +
         list([](const TokenPart &part) { return std::to_string(part.capacity); }) + ", " +
         list([&](const TokenPart &part) { return limit(part.length); }) + ", " +
         list([&](const TokenPart &part) { return limit(part.bounds); }) + "}";
}

/// Whether the device library's tiles can hold a head: 16 bytes at a time.
static bool fits(Type element, int64_t width, ArrayRef<Value> buffers) {
  int64_t step = element.isBF16() ? 8 : 4;
  return width % step == 0 && width <= 128 && llvm::all_of(buffers, [&](Value buffer) {
           auto type = cast<MemRefType>(buffer.getType());
           auto [strides, offset] = type.getStridesAndOffset();
           return (type.getElementType() == element || isE4m3(type)) && KernelContext::rowStride(buffer) % step == 0 &&
                  offset % step == 0;
         });
}

/// The rows of a mask, of all clips.
static Value gatherKeys(KernelContext &context, Value from, Value mask) {
  auto type = cast<MemRefType>(from.getType()), indices = cast<MemRefType>(mask.getType());
  Value to =
      context.temporary({indices.getDimSize(0), indices.getDimSize(1), type.getDimSize(2)}, type.getElementType());
  gatherTokens(context, to, from, mask);
  return to;
}

LogicalResult AttentionCuda::emit(AttentionOp op, KernelContext &context) {
  Value query = context.in(op.getQuery()), key = context.in(op.getKey()), value = context.in(op.getValue());
  Type element = getElementTypeOrSelf(query.getType());
  Layout layout(op, context);
  Value result = context.out(op.getResult());
  if (!fits(element, layout.width, {query, key, value, result}))
    return emitLoops(op, context);
  if (op.getMask()) {
    Value mask = context.in(op.getMask());
    key = gatherKeys(context, key, mask);
    value = gatherKeys(context, value, mask);
  }
  std::string block = "AttentionForward<" + std::to_string(layout.width) + ", " + deviceType(element) + ">";
  for (auto [queries, keys] : llvm::zip_equal(layout.queries, layout.keys)) {
    SmallVector<DeviceBuffer> writes = {{"result", result}, {"logsumexp", context.out(op.getLogsumexp())}};
    SmallVector<DeviceBuffer> reads = {{"query", query}, {"key", key}, {"value", value}};
    llvm::append_range(reads, layout.limits);
    // Blocks have 64 queries.
    auto made = launchOnDevice(
        context,
        {"attention",
         block,
         "attention_forward.cuh",
         {blocksFor(queries.capacity(), 64), layout.heads, layout.gridZ()}},
        writes, reads, [&](DeviceKernel &k) {
          Value queryTokens = k.define(layout.packing(queries), "queries");
          Value keyTokens = k.define(layout.packing(keys), "keys");
          k.run(block + "::run",
                {k.text(rowsText(writes[0], false)), k.parameters[1], k.text(rowsText(reads[0], true)),
                 k.text(rowsText(reads[1], true)), k.text(rowsText(reads[2], true)), queryTokens, keyTokens,
                 k.number(layout.heads), k.number(layout.sequences()), k.text(floatText(layout.scale))});
        });
    made->setAttr(flopsAttr, context.getBuilder().getI64IntegerAttr(layout.flops(queries, keys)));
  }
  return success();
}

/// Where the three gradients are only joined, each is computed in its place in the joint one.
static void placeGradients(AttentionGradOp op, KernelContext &context) {
  ConcatFeaturesOp join;
  for (Value result : op->getResults()) {
    auto user = result.hasOneUse() ? dyn_cast<ConcatFeaturesOp>(*result.user_begin()) : ConcatFeaturesOp();
    if (!user || (join && user != join) || getElementTypeOrSelf(result.getType()) != user.getType().getElementType())
      return;
    join = user;
  }
  if (!llvm::equal(join.getParts(), op->getResults()))
    return;
  int64_t offset = 0;
  Value to = context.out(join.getResult());
  for (Value result : op->getResults()) {
    int64_t size = cast<RankedTensorType>(result.getType()).getShape().back();
    context.alias(result, context.features(to, offset, size));
    offset += size;
  }
}

LogicalResult AttentionGradCuda::emit(AttentionGradOp op, KernelContext &context) {
  Value gradient = context.in(op.getDresult()), query = context.in(op.getQuery()), key = context.in(op.getKey()),
        value = context.in(op.getValue()), output = context.in(op.getOutput());
  Type element = getElementTypeOrSelf(query.getType());
  Layout layout(op, context);
  placeGradients(op, context);
  Value queryGrad = context.out(op.getDquery()), keyGrad = context.out(op.getDkey()),
        valueGrad = context.out(op.getDvalue());
  if (!fits(element, layout.width, {gradient, query, key, value, output, queryGrad, keyGrad, valueGrad}))
    return emitLoops(op, context);
  Value mask = op.getMask() ? context.in(op.getMask()) : Value(), wholeKeyGrad = keyGrad, wholeValueGrad = valueGrad;
  if (mask) {
    key = gatherKeys(context, key, mask);
    value = gatherKeys(context, value, mask);
    ArrayRef<int64_t> shape = cast<MemRefType>(key.getType()).getShape();
    keyGrad = context.temporary(shape, element);
    valueGrad = context.temporary(shape, element);
  }
  // A key that no length counts has a gradient too.
  if (llvm::any_of(layout.keys, [](const TokenParts &keys) { return keys.hasLengths(); })) {
    clearTokens(context, keyGrad);
    clearTokens(context, valueGrad);
  }
  int64_t tokens = cast<MemRefType>(query.getType()).getDimSize(1);
  std::string type = "<" + std::to_string(layout.width) + ", " + deviceType(element) + ">";
  Value delta = context.temporary({layout.clips, layout.heads, tokens}, Float32Type::get(op.getContext()));
  DeviceBuffer gradientRows{"gradient", gradient}, outputRows{"output", output};
  // A warp has a head's part of a row, a block four of them.
  launchOnDevice(context,
                 {"attention_delta",
                  "AttentionDelta" + type,
                  "attention_backward.cuh",
                  {blocksFor(layout.clips * tokens * layout.heads, 4), 1, 1}},
                 {{"delta", delta}}, {gradientRows, outputRows}, [&](DeviceKernel &k) {
                   k.run("AttentionDelta" + type + "::run",
                         {k.parameters[0], k.text(rowsText(gradientRows, true)), k.text(rowsText(outputRows, true)),
                          k.number(layout.clips * tokens), k.number(layout.heads), k.number(tokens)});
                 });
  SmallVector<DeviceBuffer> reads = {
      gradientRows,    {"query", query}, {"key", key}, {"value", value}, {"logsumexp", context.in(op.getLogsumexp())},
      {"delta", delta}};
  llvm::append_range(reads, layout.limits);
  auto launch = [&](StringRef name, StringRef kind, int64_t capacity, ArrayRef<DeviceBuffer> writes,
                    const TokenParts &queries, const TokenParts &keys) {
    std::string block = (kind + type).str();
    auto made = launchOnDevice(context,
                               {name.str(),
                                block,
                                "attention_backward.cuh",
                                {blocksFor(capacity, 64), layout.heads, layout.gridZ()},
                                block + "::threads, 2"},
                               writes, reads, [&](DeviceKernel &k) {
                                 Value queryTokens = k.define(layout.packing(queries), "queries");
                                 Value keyTokens = k.define(layout.packing(keys), "keys");
                                 SmallVector<Value> arguments;
                                 for (const DeviceBuffer &buffer : writes)
                                   arguments.push_back(k.text(rowsText(buffer, false)));
                                 for (const DeviceBuffer &buffer : ArrayRef(reads).take_front(4))
                                   arguments.push_back(k.text(rowsText(buffer, true)));
                                 llvm::append_values(arguments, k.text("AttentionStatistics{logsumexp, delta}"),
                                                     queryTokens, keyTokens, k.number(layout.heads),
                                                     k.number(layout.sequences()), k.text(floatText(layout.scale)));
                                 k.run(block + "::run", arguments);
                               });
    // The adjoint counts twice, and each of the two kernels for half of it.
    made->setAttr(flopsAttr, context.getBuilder().getI64IntegerAttr(layout.flops(queries, keys)));
  };
  for (auto [queries, keys] : llvm::zip_equal(layout.queries, layout.keys)) {
    launch("attention_query_grad", "AttentionQueryGrad", queries.capacity(), {{"queryGrad", queryGrad}}, queries, keys);
    launch("attention_key_grad", "AttentionKeyGrad", keys.capacity(), {{"keyGrad", keyGrad}, {"valueGrad", valueGrad}},
           queries, keys);
  }
  if (mask) {
    scatterTokens(context, wholeKeyGrad, keyGrad, mask);
    scatterTokens(context, wholeValueGrad, valueGrad, mask);
  }
  return success();
}
