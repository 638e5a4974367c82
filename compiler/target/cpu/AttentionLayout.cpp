//===- AttentionLayout.cpp - how attention's operands are cut and packed ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/AttentionLayout.h"
#include "compiler/target/cpu/Sweep.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace jepa;

/// Panels to a block at most: 256 keys of 64 floats are 64 KiB, their values as much again.
static constexpr int64_t maxPanels = 8;
/// Query rows to a block at most.
static constexpr int64_t maxQueries = 64;

AttentionLayout::AttentionLayout(RankedTensorType query, RankedTensorType key, Value mask, int64_t heads)
    : clips(query.getDimSize(0)), heads(heads), queries(query.getDimSize(1)), keys(key.getDimSize(1)),
      visible(mask ? cast<RankedTensorType>(mask.getType()).getDimSize(1) : keys), width(query.getDimSize(2) / heads),
      paddedWidth(Tile::padded(width, Tile::lanes)), panels(llvm::divideCeil(visible, Tile::columns)),
      // Blocks of nearly equal size: no last block that is mostly overhead.
      panelsPerBlock(llvm::divideCeil(panels, llvm::divideCeil(panels, maxPanels))),
      queriesPerBlock(std::min(maxQueries, Tile::padded(queries, Tile::rows))),
      queryBlocks(llvm::divideCeil(queries, queriesPerBlock)), scale(1.0 / std::sqrt(static_cast<double>(width))) {}

//===----------------------------------------------------------------------===//
// Visible keys
//===----------------------------------------------------------------------===//

VisibleKeys::VisibleKeys(KernelContext &context, Value mask, OperandRange lengths,
                         std::optional<ArrayRef<int64_t>> segments, const AttentionLayout &layout) {
  if (lengths.empty()) {
    if (mask)
      buffers.push_back(context.in(mask));
    return;
  }
  SmallVector<Value> reads;
  if (mask)
    reads.push_back(context.in(mask));
  for (Value length : lengths)
    reads.push_back(context.in(length));
  Type i32 = cast<RankedTensorType>(lengths[0].getType()).getElementType();
  Value list = context.temporary({layout.clips, layout.visible}, i32), counts = context.temporary({layout.clips}, i32);
  SmallVector<int64_t> sizes(*segments);
  context.launch("attention_keys", {list, counts}, reads, layout.clips, 1, [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number clip) {
      Number end = e.index(0);
      int64_t offset = 0;
      for (auto [segment, size] : llvm::enumerate(sizes)) {
        Value length = k.buffers[2 + (mask ? 1 : 0) + segment];
        SmallVector<Value> zeros(cast<MemRefType>(length.getType()).getRank(), e.index(0));
        Number count = e.convert(e.load(length, zeros), e.builder.getIndexType());
        e.loop(e.index(0), count, 1, [&](Number i) {
          Number key = mask ? e.load(k.buffers[2], {clip, i + offset}) : e.convert(i + offset, i32);
          e.store(key, k.buffers[0], {clip, end + i});
        });
        end = end + count;
        offset += size;
      }
      e.store(e.convert(end, i32), k.buffers[1], {clip});
    });
  });
  buffers = {list, counts};
}

Number VisibleKeys::count(Emit &e, ArrayRef<Value> arguments, Number clip, const AttentionLayout &layout) const {
  if (buffers.size() < 2)
    return e.index(layout.visible);
  return e.convert(e.load(arguments[1], {clip}), e.builder.getIndexType());
}

Number VisibleKeys::key(Emit &e, ArrayRef<Value> arguments, Number clip, Number position) const {
  if (buffers.empty())
    return position;
  return e.convert(e.load(arguments[0], {clip, position}), e.builder.getIndexType());
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

void jepa::packRow(Emit &e, int64_t width, Value to, ArrayRef<Value> row, const HeadRows &from, Number token,
                   Number factor) {
  // The masked tail reads zeros past the row, and its store fills the padding.
  auto copy = [&](Number at, Number mask) {
    Span source{e, Tile::lanes, from.feature + at, mask, from.at(token)}, target{e, Tile::lanes, at, {}, {}};
    Number values = source.load(from.buffer);
    target.store(factor.value ? values * target.broadcast(factor) : values, to, row);
  };
  int64_t whole = width / Tile::lanes * Tile::lanes;
  e.loop(0, whole, Tile::lanes, [&](Number at) { copy(at, {}); });
  if (whole != width)
    copy(e.index(whole), e.firstLanes(e.index(width - whole), Tile::lanes));
}

void jepa::unpackRow(Emit &e, int64_t width, const HeadRows &to, Number token, Value from, ArrayRef<Value> row,
                     Number factor) {
  sweep(e, width, [&](Span &span) {
    span.shifted(to.feature).store(span.load(from, row) * span.broadcast(factor), to.buffer, to.at(token));
  });
}

static SmallVector<Value> columnAt(Emit &e, Number slot, Number position, Number feature) {
  return {slot, position / Tile::columns, feature, position % Tile::columns};
}

void jepa::packColumn(Emit &e, int64_t width, Value to, Number slot, Number position, const HeadRows &from,
                      Number token) {
  e.loop(0, width, 1, [&](Number i) {
    SmallVector<Value> source = from.at(token);
    source.push_back(from.feature + i);
    e.store(e.load(from.buffer, source), to, columnAt(e, slot, position, i));
  });
}

void jepa::zeroColumn(Emit &e, int64_t width, Value to, Number slot, Number position) {
  Number zero = e.constant(e.builder.getF32Type(), 0);
  e.loop(0, width, 1, [&](Number i) { e.store(zero, to, columnAt(e, slot, position, i)); });
}

SmallVector<Number> jepa::scoreStart(Emit &e, Number firstKey, Number count, bool ragged) {
  SmallVector<Number> starts;
  Number zero = e.constant(Tile::vectorType(e), 0), hidden = e.constant(zero.getType(), AttentionLayout::hiddenScore);
  for (int64_t v = 0; v < Tile::columns / Tile::lanes; ++v)
    starts.push_back(ragged ? e.select(e.firstLanes(count - firstKey - v * Tile::lanes, Tile::lanes), zero, hidden)
                            : zero);
  return starts;
}
