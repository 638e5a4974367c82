//===- AttentionLayout.cpp - which queries see which keys, and how they are cut into tasks ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/AttentionLayout.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace jepa;

//===----------------------------------------------------------------------===//
// Lists of tokens
//===----------------------------------------------------------------------===//

/// The segments of each sequence: consecutive ones that add up to its size.
static SmallVector<ArrayRef<int64_t>> cutSegments(ArrayRef<int64_t> segments, ArrayRef<int64_t> sequences) {
  if (sequences.empty())
    return {segments};
  SmallVector<ArrayRef<int64_t>> cut;
  for (int64_t rest : sequences) {
    size_t count = 0;
    for (; rest > 0; ++count)
      rest -= segments[count];
    cut.push_back(segments.take_front(count));
    segments = segments.drop_front(count);
  }
  return cut;
}

/// Makes a side's list and starts at run time. Per group, `range(segment, sample)` gives the tokens of a segment that
/// belong to it, [begin, end) from the segment's start; `mask` may be null.
static void listTokens(TokenSide &side, KernelContext &context, StringRef name, int64_t clips, Value mask,
                       OperandRange limits, ArrayRef<int64_t> segments, ArrayRef<int64_t> sequences, int64_t samples,
                       function_ref<std::pair<Number, Number>(Emit &, Value limit, Number sample)> range) {
  int64_t positions = std::accumulate(segments.begin(), segments.end(), int64_t(0));
  SmallVector<ArrayRef<int64_t>> cut = cutSegments(segments, sequences);
  int64_t groups = cut.size() * samples;
  side.capacity = 0;
  for (ArrayRef<int64_t> sequence : cut)
    side.capacity = std::max(side.capacity, std::accumulate(sequence.begin(), sequence.end(), int64_t(0)));
  SmallVector<Value> reads;
  if (mask)
    reads.push_back(context.in(mask));
  for (Value limit : limits)
    reads.push_back(context.in(limit));
  Type i32 = IntegerType::get(context.op->getContext(), 32);
  side.buffers = {context.temporary({clips, positions}, i32), context.temporary({clips, groups + 1}, i32)};
  context.launch(name, side.buffers, reads, clips, 1, [&](Kernel &k) {
    Emit &e = k.e;
    Value list = k.buffers[0], starts = k.buffers[1];
    ArrayRef<Value> limitBuffers = ArrayRef<Value>(k.buffers).drop_front(mask ? 3 : 2);
    e.loop(k.begin, k.end, 1, [&](Number clip) {
      Number position = e.index(0);
      int64_t segment = 0, offset = 0;
      for (auto [sequence, sizes] : llvm::enumerate(cut)) {
        position = e.reduce(e.index(0), e.index(samples), 1, {position}, [&](Number sample, ArrayRef<Number> carried) {
          Number at = carried[0];
          e.store(e.convert(at, i32), starts, {clip, sample + static_cast<double>(sequence * samples)});
          int64_t from = offset;
          for (auto [index, size] : llvm::enumerate(sizes)) {
            auto [begin, end] = range(e, limitBuffers[segment + index], sample);
            e.loop(begin, end, 1, [&](Number i) {
              Number token = i + static_cast<double>(from);
              e.store(mask ? e.load(k.buffers[2], {clip, token}) : e.convert(token, i32), list, {clip, at + i - begin});
            });
            at = at + (end - begin);
            from += size;
          }
          return SmallVector<Number>{at};
        })[0];
        segment += sizes.size();
        offset += std::accumulate(sizes.begin(), sizes.end(), int64_t(0));
      }
      e.store(e.convert(position, i32), starts, {clip, e.index(groups)});
    });
  });
}

/// All tokens, or those of a mask, cut into sequences.
static void listSequences(TokenSide &side, int64_t positions, ArrayRef<int64_t> sequences) {
  side.starts = {0};
  if (sequences.empty())
    sequences = positions;
  for (int64_t size : sequences)
    side.starts.push_back(side.starts.back() + size);
  side.capacity = *llvm::max_element(sequences);
}

template <typename Op> void AttentionLayout::init(Op op, KernelContext &context) {
  auto query = cast<RankedTensorType>(op.getQuery().getType()), key = cast<RankedTensorType>(op.getKey().getType());
  auto sizes = [](std::optional<ArrayRef<int64_t>> list) { return list.value_or(ArrayRef<int64_t>()); };
  ArrayRef<int64_t> querySequences = sizes(op.getQuerySequences()), keySequences = sizes(op.getKeySequences());
  clips = query.getDimSize(0);
  heads = op.getHeads();
  width = query.getDimSize(2) / heads;
  scale = 1.0 / std::sqrt(static_cast<double>(width));
  queries.tokens = query.getDimSize(1);
  keys.tokens = key.getDimSize(1);
  int64_t samples = 1;
  if (!op.getKeyBounds().empty()) {
    samples = cast<RankedTensorType>(op.getKeyBounds()[0].getType()).getDimSize(0) - 1;
    auto range = [](Emit &e, Value bounds, Number sample) {
      auto at = [&](Number i) { return e.convert(e.load(bounds, {i}), e.builder.getIndexType()); };
      return std::pair(at(sample), at(sample + 1));
    };
    listTokens(queries, context, "attention_queries", clips, {}, op.getQueryBounds(), sizes(op.getQuerySegments()),
               querySequences, samples, range);
    listTokens(keys, context, "attention_keys", clips, {}, op.getKeyBounds(), sizes(op.getSegments()), keySequences,
               samples, range);
  } else {
    Value mask = op.getMask();
    listSequences(queries, queries.tokens, querySequences);
    if (!op.getLengths().empty()) {
      listTokens(keys, context, "attention_keys", clips, mask, op.getLengths(), sizes(op.getSegments()), keySequences,
                 1, [](Emit &e, Value length, Number) {
                   SmallVector<Value> zeros(cast<MemRefType>(length.getType()).getRank(), e.index(0));
                   return std::pair(e.index(0), e.convert(e.load(length, zeros), e.builder.getIndexType()));
                 });
    } else {
      listSequences(keys, mask ? cast<RankedTensorType>(mask.getType()).getDimSize(1) : keys.tokens, keySequences);
      if (mask)
        keys.buffers = {context.in(mask)};
    }
  }
  groups = samples * std::max<int64_t>(1, keySequences.size());
}

AttentionLayout::AttentionLayout(AttentionOp op, KernelContext &context) { init(op, context); }
AttentionLayout::AttentionLayout(AttentionGradOp op, KernelContext &context) { init(op, context); }

//===----------------------------------------------------------------------===//
// In a kernel
//===----------------------------------------------------------------------===//

/// values[index], for an index known at run time.
static Number pick(Emit &e, Number index, ArrayRef<int64_t> values) {
  Number value = e.index(values[0]);
  for (size_t i = 1; i < values.size(); ++i)
    value = e.select(e.equal(index, e.index(i)), e.index(values[i]), value);
  return value;
}

GroupTokens TokenSide::group(Emit &e, ArrayRef<Value> arguments, Number clip, Number group) const {
  GroupTokens tokens{e, arguments.empty() ? Value() : arguments[0], clip, {}, {}};
  Number end;
  if (starts.empty()) {
    auto at = [&](Number i) { return e.convert(e.load(arguments[1], {clip, i}), e.builder.getIndexType()); };
    tokens.begin = at(group);
    end = at(group + 1);
  } else {
    tokens.begin = pick(e, group, ArrayRef(starts).drop_back());
    end = pick(e, group, ArrayRef(starts).drop_front());
  }
  tokens.count = end - tokens.begin;
  return tokens;
}

Number GroupTokens::at(Number index) const {
  Number position = begin + e.min(index, count - 1);
  return list ? e.convert(e.load(list, {clip, position}), e.builder.getIndexType()) : position;
}

AttentionTask::AttentionTask(const AttentionLayout &layout, int64_t parts, Number task)
    : clip(task / (parts * layout.groups * layout.heads)), head(task / (parts * layout.groups) % layout.heads),
      group(task / parts % layout.groups), part(task % parts) {}

void AttentionTasks::launch(StringRef name, ArrayRef<Value> writes, ArrayRef<Value> operands,
                            function_ref<void(const AttentionWork &)> body, function_ref<void(Emit &)> begin,
                            function_ref<void(Emit &)> end) const {
  SmallVector<Value> reads(operands);
  llvm::append_range(reads, layout.queries.buffers);
  llvm::append_range(reads, layout.keys.buffers);
  context.launch(name, writes, reads, count, 1, [&](Kernel &k) {
    ArrayRef<Value> arguments = ArrayRef<Value>(k.buffers).drop_front(writes.size());
    ArrayRef<Value> queryLists = arguments.slice(operands.size(), layout.queries.buffers.size());
    ArrayRef<Value> keyLists = arguments.drop_front(operands.size() + queryLists.size());
    begin(k.e);
    k.e.loop(k.begin, k.end, 1, [&](Number number) {
      AttentionTask task(layout, parts, number);
      body({k, k.e, count <= threads ? number : k.thread, arguments, task,
            layout.queries.group(k.e, queryLists, task.clip, task.group),
            layout.keys.group(k.e, keyLists, task.clip, task.group)});
    });
    end(k.e);
  });
}
