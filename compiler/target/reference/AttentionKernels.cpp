//===- AttentionKernels.cpp - reference: attention and its adjoint ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/reference/Kernels.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace jepa;
using namespace jepa::reference;

namespace {

/// What both kernels know of the keys: a *slot* is a place in the mask's list, or a key itself where there is no mask.
struct Keys {
  Emit &e;
  int64_t slots;
  /// Sizes of the slots' segments; each has a run-time length.
  ArrayRef<int64_t> segments;
  Value mask;
  ArrayRef<Value> lengths;

  /// The key in a slot.
  Number at(Number clip, Number slot) const { return mask ? getIndex(e, mask, {clip, slot}) : slot; }

  /// Folds body over the visible slots, in order.
  Number fold(Number initial, function_ref<Number(Number slot, Number value)> body) const {
    auto run = [&](Number begin, Number end, Number value) {
      return e.reduce(begin, end, 1, {value}, [&](Number slot, ArrayRef<Number> carried) {
        return SmallVector<Number>{body(slot, carried[0])};
      })[0];
    };
    if (segments.empty())
      return run(e.index(0), e.index(slots), initial);
    Number value = initial;
    int64_t begin = 0;
    for (auto [size, length] : llvm::zip(segments, lengths)) {
      value = run(e.index(begin), getLength(e, length) + begin, value);
      begin += size;
    }
    return value;
  }

  Number sum(function_ref<Number(Number slot)> term) const {
    return fold(real(e, 0.0), [&](Number slot, Number value) { return value + term(slot); });
  }

  void each(function_ref<void(Number slot)> body) const {
    Number none = e.index(0);
    fold(none, [&](Number slot, Number value) {
      body(slot);
      return value;
    });
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

/// The buffers of the mask and the lengths, where there are any.
template <typename Op>
static SmallVector<Value> visibility(Op op, KernelContext &context) {
  SmallVector<Value> buffers;
  if (op.getMask())
    buffers.push_back(context.in(op.getMask()));
  for (Value length : op.getLengths())
    buffers.push_back(context.in(length));
  return buffers;
}

template <typename Op>
static Keys keysOf(Op op, Emit &e, ArrayRef<Value> buffers) {
  auto listed = op.getMask() ? op.getMask().getType() : op.getKey().getType();
  Value mask = op.getMask() ? buffers[0] : Value();
  return {e, cast<RankedTensorType>(listed).getDimSize(1), op.getSegments().value_or(ArrayRef<int64_t>{}), mask,
          buffers.drop_front(op.getMask() ? 1 : 0)};
}

/// With s = scale q k: logsumexp = max + log(sum of exp(s - max)), result = sum of exp(s - max) v / sum of exp(s - max)
void AttentionReference::emit(AttentionOp op, KernelContext &context) {
  Value query = context.in(op.getQuery()), key = context.in(op.getKey()), value = context.in(op.getValue());
  Value result = context.out(op.getResult()), logsumexp = context.out(op.getLogsumexp());
  int64_t clips = shapeOf(query)[0], queries = shapeOf(query)[1], heads = op.getHeads();
  int64_t width = shapeOf(query)[2] / heads, keyCount = shapeOf(key)[1];
  double scale = 1.0 / std::sqrt(static_cast<double>(width));
  Value scores = context.temporary({context.getMaxThreads(), keyCount}, Float64Type::get(op.getContext()));
  SmallVector<Value> reads = {query, key, value};
  llvm::append_range(reads, visibility(op, context));
  int64_t grain = grainFor(4 * keyCount * width);
  context.launch("attention", {result, logsumexp, scores}, reads, clips * heads * queries, grain, [&](Kernel &k) {
    Emit &e = k.e;
    Keys keys = keysOf(op, e, ArrayRef(k.buffers).drop_front(6));
    Value q = k.buffers[3], kk = k.buffers[4], v = k.buffers[5], row = k.buffers[2];
    e.loop(k.begin, k.end, 1, [&](Number item) {
      Number token = item % queries, index = item / queries % heads, clip = item / (queries * heads);
      Head head{e, width, clip, index * width};
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
/// One task does all of a head; p and ds of one query (then of one key) are rows of scratch.
void AttentionGradReference::emit(AttentionGradOp op, KernelContext &context) {
  Value query = context.in(op.getQuery()), key = context.in(op.getKey());
  int64_t clips = shapeOf(query)[0], queries = shapeOf(query)[1], heads = op.getHeads();
  int64_t width = shapeOf(query)[2] / heads, keyCount = shapeOf(key)[1], threads = context.getMaxThreads();
  double scale = 1.0 / std::sqrt(static_cast<double>(width));
  auto f64 = Float64Type::get(op.getContext());
  SmallVector<Value> writes = {context.out(op.getDquery()), context.out(op.getDkey()), context.out(op.getDvalue()),
                               context.temporary({threads, queries}, f64),
                               context.temporary({threads, std::max(queries, keyCount)}, f64),
                               context.temporary({threads, queries}, f64)};
  SmallVector<Value> reads = {context.in(op.getDresult()), query, key, context.in(op.getValue()),
                              context.in(op.getOutput()), context.in(op.getLogsumexp())};
  llvm::append_range(reads, visibility(op, context));
  context.launch("attention_grad", writes, reads, clips * heads, 1, [&](Kernel &k) {
    Emit &e = k.e;
    Keys keys = keysOf(op, e, ArrayRef(k.buffers).drop_front(12));
    Value dq = k.buffers[0], dk = k.buffers[1], dv = k.buffers[2];
    Value deltas = k.buffers[3], ds = k.buffers[4], p = k.buffers[5];
    Value dout = k.buffers[6], q = k.buffers[7], kk = k.buffers[8], v = k.buffers[9];
    e.loop(k.begin, k.end, 1, [&](Number item) {
      Number clip = item / heads, index = item % heads;
      Head head{e, width, clip, index * width};
      auto probability = [&](Number token, Number at) {
        return e.exp(head.dot(q, token, kk, at) * scale - get(e, k.buffers[11], {clip, index, token}));
      };
      auto scoreGrad = [&](Number probability, Number token, Number at) {
        return probability * (head.dot(dout, token, v, at) - get(e, deltas, {k.thread, token})) * scale;
      };

      e.loop(0, queries, 1, [&](Number token) {
        put(e, head.dot(dout, token, k.buffers[10], token), deltas, {k.thread, token});
        keys.each([&](Number slot) {
          Number at = keys.at(clip, slot);
          put(e, scoreGrad(probability(token, at), token, at), ds, {k.thread, slot});
        });
        head.each([&](Number i) {
          head.put(keys.sum([&](Number slot) {
            return get(e, ds, {k.thread, slot}) * head.get(kk, keys.at(clip, slot), i);
          }),
                   dq, token, i);
        });
      });

      // Hidden keys keep these zeros.
      e.loop(0, keyCount, 1, [&](Number at) {
        head.each([&](Number i) {
          head.put(real(e, 0.0), dk, at, i);
          head.put(real(e, 0.0), dv, at, i);
        });
      });
      keys.each([&](Number slot) {
        Number at = keys.at(clip, slot);
        e.loop(0, queries, 1, [&](Number token) {
          Number here = probability(token, at);
          put(e, here, p, {k.thread, token});
          put(e, scoreGrad(here, token, at), ds, {k.thread, token});
        });
        head.each([&](Number i) {
          auto overQueries = [&](Value row, Value x) {
            return sumOf(e, queries, [&](Number token) {
              return get(e, row, {k.thread, token}) * head.get(x, token, i);
            });
          };
          head.put(overQueries(ds, q), dk, at, i);
          head.put(overQueries(p, dout), dv, at, i);
        });
      });
    });
  });
}
