//===- AttentionKernels.cpp - reference: attention and its adjoint ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/Packed.h"
#include "compiler/target/reference/Kernels.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace jepa;
using namespace jepa::reference;

namespace {

/// The buffers that say which keys a query sees, where the op has any.
struct Visibility {
  Value mask;
  SmallVector<Value> lengths, queryBounds, keyBounds;

  template <typename Op> static Visibility of(Op op, function_ref<Value(Value)> buffer) {
    auto all = [&](OperandRange range) { return llvm::map_to_vector(range, buffer); };
    return {op.getMask() ? buffer(op.getMask()) : Value(), all(op.getLengths()), all(op.getQueryBounds()),
            all(op.getKeyBounds())};
  }
  SmallVector<Value> all() const {
    SmallVector<Value> values;
    if (mask)
      values.push_back(mask);
    for (ArrayRef<Value> range : {ArrayRef(lengths), ArrayRef(queryBounds), ArrayRef(keyBounds)})
      llvm::append_range(values, range);
    return values;
  }
  /// The same with the kernel's arguments in place of the buffers, in the order of `all`.
  Visibility at(ArrayRef<Value> arguments) const {
    auto take = [&](size_t count) {
      auto taken = llvm::to_vector(arguments.take_front(count));
      arguments = arguments.drop_front(count);
      return taken;
    };
    Visibility result;
    result.mask = mask ? take(1)[0] : Value();
    result.lengths = take(lengths.size());
    result.queryBounds = take(queryBounds.size());
    result.keyBounds = take(keyBounds.size());
    return result;
  }
};

/// The keys that one query sees. A *slot* is a place in the mask's list, or a key itself where there is no mask.
struct Keys {
  Emit &e;
  Value mask;
  /// Runs of slots [first, second), in order.
  SmallVector<std::pair<Number, Number>> runs;

  /// The key in a slot.
  Number at(Number clip, Number slot) const { return mask ? getIndex(e, mask, {clip, slot}) : slot; }

  /// Folds body over the visible slots, in order.
  Number fold(Number value, function_ref<Number(Number slot, Number value)> body) const {
    for (auto &[begin, end] : runs)
      value = e.reduce(begin, end, 1, {value}, [&](Number slot, ArrayRef<Number> carried) {
        return SmallVector<Number>{body(slot, carried[0])};
      })[0];
    return value;
  }

  Number sum(function_ref<Number(Number slot)> term) const {
    return fold(real(e, 0.0), [&](Number slot, Number value) { return value + term(slot); });
  }

  void each(function_ref<void(Number slot)> body) const {
    for (auto &[begin, end] : runs)
      e.loop(begin, end, 1, body);
  }
};

/// One head of one clip.
struct Head {
  Emit &e;
  int64_t width;
  Number clip, first;

  Number get(Value x, Number token, Number i) const { return reference::get(e, x, {clip, token, first + i}); }
  void put(Number value, Value x, Number token, Number i) const {
    reference::put(e, value, x, {clip, token, first + i});
  }
  Number dot(Value a, Number aToken, Value b, Number bToken) const {
    return sumOf(e, width, [&](Number i) { return get(a, aToken, i) * get(b, bToken, i); });
  }
  void each(function_ref<void(Number i)> body) const { e.loop(0, width, 1, body); }
};

} // namespace

/// The sample that a query belongs to, from the bounds of each of its axis' parts; none for padding.
static Sample sampleOfQuery(Emit &e, ArrayRef<int64_t> parts, ArrayRef<Value> bounds, Number query) {
  Sample sample;
  int64_t begin = 0;
  for (auto [size, list] : llvm::zip_equal(parts, bounds)) {
    Sample here = sampleOf(e, list, query - begin);
    Number inside = within(e, query, begin, begin + size);
    sample = begin == 0 ? here
                        : Sample{e.select(inside, here.index, sample.index), e.select(inside, here.begin, sample.begin),
                                 e.select(inside, here.end, sample.end)};
    begin += size;
  }
  return sample;
}

/// The slots are cut into segments (those of the op, or its sequences, or all of them). Of each, a query sees what the
/// segment's length or its sample's bounds leave, and nothing of another sequence.
template <typename Op> static Keys keysOf(Op op, Emit &e, const Visibility &buffers, Number query) {
  int64_t slots =
      op.getMask() ? op.getMask().getType().getDimSize(1) : cast<RankedTensorType>(op.getKey().getType()).getDimSize(1);
  auto querySequences = op.getQuerySequences().value_or(ArrayRef<int64_t>{});
  auto keySequences = op.getKeySequences().value_or(ArrayRef<int64_t>{});
  ArrayRef<int64_t> segments = op.getSegments() ? *op.getSegments() : keySequences.empty() ? slots : keySequences;
  Sample sample;
  if (!buffers.keyBounds.empty())
    sample = sampleOfQuery(e, *op.getQuerySegments(), buffers.queryBounds, query);

  Keys keys{e, buffers.mask, {}};
  int64_t begin = 0, queryBegin = 0, sequenceEnd = 0;
  size_t sequence = 0;
  for (auto [index, size] : llvm::enumerate(segments)) {
    Number first = e.index(begin), end = e.index(begin + size);
    if (!buffers.lengths.empty())
      end = getLength(e, buffers.lengths[index]) + begin;
    if (!buffers.keyBounds.empty()) {
      Sample tokens = sampleAt(e, buffers.keyBounds[index], sample.index);
      first = tokens.begin + begin;
      end = e.select(e.less(sample.begin, sample.end), tokens.end + begin, first);
    }
    if (!keySequences.empty()) {
      if (begin == sequenceEnd) {
        queryBegin += sequence ? querySequences[sequence - 1] : 0;
        sequenceEnd += keySequences[sequence++];
      }
      Number sees = within(e, query, queryBegin, queryBegin + querySequences[sequence - 1]);
      end = e.select(sees, end, first);
    }
    keys.runs.push_back({first, end});
    begin += size;
  }
  return keys;
}

/// With s = scale q k: logsumexp = max + log(sum of exp(s - max)), result = sum of exp(s - max) v / sum of exp(s -
/// max). A query that sees no key gets zero.
void AttentionReference::emit(AttentionOp op, KernelContext &context) {
  Value query = context.in(op.getQuery()), key = context.in(op.getKey()), value = context.in(op.getValue());
  Value result = context.out(op.getResult()), logsumexp = context.out(op.getLogsumexp());
  int64_t clips = shapeOf(query)[0], queries = shapeOf(query)[1], heads = op.getHeads();
  int64_t width = shapeOf(query)[2] / heads, keyCount = shapeOf(key)[1];
  double scale = 1.0 / std::sqrt(static_cast<double>(width));
  Value scores = context.temporary({context.getMaxThreads(), keyCount}, Float64Type::get(op.getContext()));
  auto visibility = Visibility::of(op, [&](Value tensor) { return context.in(tensor); });
  SmallVector<Value> reads = {query, key, value};
  llvm::append_range(reads, visibility.all());
  int64_t grain = grainFor(4 * keyCount * width);
  context.launch("attention", {result, logsumexp, scores}, reads, clips * heads * queries, grain, [&](Kernel &k) {
    Emit &e = k.e;
    Visibility buffers = visibility.at(ArrayRef(k.buffers).drop_front(6));
    Value q = k.buffers[3], kk = k.buffers[4], v = k.buffers[5], row = k.buffers[2];
    e.loop(k.begin, k.end, 1, [&](Number item) {
      Number token = item % queries, index = item / queries % heads, clip = item / (queries * heads);
      Head head{e, width, clip, index * width};
      Keys keys = keysOf(op, e, buffers, token);
      Number lowest = real(e, -std::numeric_limits<double>::infinity());
      Number maximum = keys.fold(lowest, [&](Number slot, Number value) {
        Number score = head.dot(q, token, kk, keys.at(clip, slot)) * scale;
        put(e, score, row, {k.thread, slot});
        return e.max(value, score);
      });
      auto weight = [&](Number slot) { return e.exp(get(e, row, {k.thread, slot}) - maximum); };
      Number total = keys.sum(weight);
      put(e, maximum + e.log(total), k.buffers[1], {clip, index, token});
      keys.each([&](Number slot) { put(e, weight(slot) / total, row, {k.thread, slot}); });
      head.each([&](Number i) {
        head.put(keys.sum([&](Number slot) {
          return get(e, row, {k.thread, slot}) * head.get(v, keys.at(clip, slot), i);
        }),
                 k.buffers[0], token, i);
      });
    });
  });
}

/// With p = exp(scale q k - logsumexp), delta = do o and ds = scale p (do v - delta), per head:
/// dq = sum over keys of ds k, dk = sum over queries of ds q, dv = sum over queries of p do.
/// One task does all of a head, query by query; sums are kept in f64 and rounded once.
void AttentionGradReference::emit(AttentionGradOp op, KernelContext &context) {
  Value query = context.in(op.getQuery()), key = context.in(op.getKey());
  int64_t clips = shapeOf(query)[0], queries = shapeOf(query)[1], heads = op.getHeads();
  int64_t width = shapeOf(query)[2] / heads, keyCount = shapeOf(key)[1], threads = context.getMaxThreads();
  double scale = 1.0 / std::sqrt(static_cast<double>(width));
  auto f64 = Float64Type::get(op.getContext());
  SmallVector<Value> writes = {context.out(op.getDquery()),
                               context.out(op.getDkey()),
                               context.out(op.getDvalue()),
                               context.temporary({threads, width}, f64),
                               context.temporary({threads, keyCount, width}, f64),
                               context.temporary({threads, keyCount, width}, f64)};
  SmallVector<Value> reads = {
      context.in(op.getDresult()),  query, key, context.in(op.getValue()), context.in(op.getOutput()),
      context.in(op.getLogsumexp())};
  auto visibility = Visibility::of(op, [&](Value tensor) { return context.in(tensor); });
  llvm::append_range(reads, visibility.all());
  context.launch("attention_grad", writes, reads, clips * heads, 1, [&](Kernel &k) {
    Emit &e = k.e;
    Visibility buffers = visibility.at(ArrayRef(k.buffers).drop_front(12));
    Value dqSum = k.buffers[3], dkSum = k.buffers[4], dvSum = k.buffers[5];
    Value dout = k.buffers[6], q = k.buffers[7], kk = k.buffers[8], v = k.buffers[9];
    e.loop(k.begin, k.end, 1, [&](Number item) {
      Number clip = item / heads, index = item % heads;
      Head head{e, width, clip, index * width};
      auto add = [&](Value sum, ArrayRef<Value> indices, Number term) {
        put(e, get(e, sum, indices) + term, sum, indices);
      };

      // Hidden keys keep these zeros.
      e.loop(0, keyCount, 1, [&](Number at) {
        head.each([&](Number i) {
          put(e, real(e, 0.0), dkSum, {k.thread, at, i});
          put(e, real(e, 0.0), dvSum, {k.thread, at, i});
        });
      });
      e.loop(0, queries, 1, [&](Number token) {
        Keys keys = keysOf(op, e, buffers, token);
        Number delta = head.dot(dout, token, k.buffers[10], token);
        head.each([&](Number i) { put(e, real(e, 0.0), dqSum, {k.thread, i}); });
        keys.each([&](Number slot) {
          Number at = keys.at(clip, slot);
          Number p = e.exp(head.dot(q, token, kk, at) * scale - get(e, k.buffers[11], {clip, index, token}));
          Number ds = p * (head.dot(dout, token, v, at) - delta) * scale;
          head.each([&](Number i) {
            add(dqSum, {k.thread, i}, ds * head.get(kk, at, i));
            add(dkSum, {k.thread, at, i}, ds * head.get(q, token, i));
            add(dvSum, {k.thread, at, i}, p * head.get(dout, token, i));
          });
        });
        head.each([&](Number i) { head.put(get(e, dqSum, {k.thread, i}), k.buffers[0], token, i); });
      });
      e.loop(0, keyCount, 1, [&](Number at) {
        head.each([&](Number i) {
          head.put(get(e, dkSum, {k.thread, at, i}), k.buffers[1], at, i);
          head.put(get(e, dvSum, {k.thread, at, i}), k.buffers[2], at, i);
        });
      });
    });
  });
}
