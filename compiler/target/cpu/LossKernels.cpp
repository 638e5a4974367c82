//===- LossKernels.cpp - cpu: the power loss, the deviation over tokens, their adjoints ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What a row counts depends on the *limit* of its tokens: none, a run-time length, or the bounds of packed samples. A
// row that does not count may hold anything, so it is left out and never multiplied by zero.
//
//===----------------------------------------------------------------------===//

#include "compiler/target/Packed.h"
#include "compiler/target/cpu/Kernels.h"
#include "compiler/target/cpu/Partial.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace jepa;

/// The op's limit, or null.
template <typename Op> static Value limitOf(Op op) { return op.getLength() ? op.getLength() : op.getBounds(); }

static Number loadLength(Emit &e, Value length) {
  SmallVector<Value> zeros(cast<MemRefType>(length.getType()).getRank(), e.index(0));
  return e.convert(e.load(length, zeros), e.builder.getIndexType());
}

//===----------------------------------------------------------------------===//
// The power loss
//===----------------------------------------------------------------------===//

/// Only the published losses, |d| and d squared, are worth vectors.
static bool isVectorised(double exponent) { return exponent == 1.0 || exponent == 2.0; }

namespace {

/// A row of the loss: whether it counts (null where all do), and what its elements are divided by, as f32.
struct RowWeight {
  Number counts, divisor;

  /// `limit` is the kernel's buffer of the op's limit, or null.
  static RowWeight of(Emit &e, RankedTensorType type, Number row, Value limit, bool isPacked) {
    int64_t tokens = type.getDimSize(type.getRank() - 2), width = type.getShape().back();
    if (!limit)
      return {{}, e.constant(e.builder.getF32Type(), static_cast<double>(type.getNumElements()))};
    if (!isPacked) {
      Number length = loadLength(e, limit);
      Number elements = length * static_cast<double>(type.getNumElements() / tokens);
      return {e.less(row % tokens, length), e.convert(elements, e.builder.getF32Type())};
    }
    Sample sample = sampleOf(e, limit, row);
    Number elements = (sample.end - sample.begin) * static_cast<double>(width * countSamples(limit));
    return {e.less(sample.begin, sample.end), e.convert(elements, e.builder.getF32Type())};
  }
  /// `x`, or zero where the row does not count.
  Number keep(Number x) const { return counts.value ? x.emit->select(counts, x, x.emit->constant(x.getType(), 0)) : x; }
};

} // namespace

LogicalResult PowerLossCpu::emit(PowerLossOp op, KernelContext &context) {
  auto type = cast<RankedTensorType>(op.getPredicted().getType());
  double exponent = op.getExponent().convertToDouble();
  if (!isVectorised(exponent) || type.getRank() < 2)
    return emitReferenceKernels(op, context);
  int64_t width = type.getShape().back(), rows = countRows(type), grain = rowGrain(width);
  int64_t chunks = llvm::divideCeil(rows, grain);
  SmallVector<Value> reads{context.rows(context.in(op.getPredicted())), context.rows(context.in(op.getTarget()))};
  Value limit = limitOf(op);
  if (limit)
    reads.push_back(context.in(limit));
  Value partial = context.temporary({chunks}, Float32Type::get(op.getContext()));
  context.launch("power_loss", {partial}, reads, rows, grain, [&](Kernel &k) {
    Emit &e = k.e;
    Number sum = e.sum(k.begin, k.end, e.builder.getF32Type(), [&](Number row) {
      RowWeight weight = RowWeight::of(e, type, row, limit ? k.buffers[3] : Value(), op.getBounds() != nullptr);
      Number distances = sumRow(e, width, [&](Span &span) {
        Number d = span.load(k.buffers[1], {row}) - span.load(k.buffers[2], {row});
        return exponent == 1.0 ? e.abs(d) : d * d;
      });
      return weight.keep(distances / weight.divisor);
    });
    e.store(sum, k.buffers[0], {k.begin / grain});
  });
  context.launch("power_loss_mean", {context.out(op.getResult())}, {partial}, 1, 1, [&](Kernel &k) {
    Emit &e = k.e;
    Number sum = e.sum(0, chunks, e.builder.getF32Type(), [&](Number i) { return e.load(k.buffers[1], {i}); });
    e.store(sum / exponent, k.buffers[0], {});
  });
  return success();
}

LogicalResult PowerLossGradCpu::emit(PowerLossGradOp op, KernelContext &context) {
  auto type = cast<RankedTensorType>(op.getPredicted().getType());
  double exponent = op.getExponent().convertToDouble();
  if (!isVectorised(exponent) || type.getRank() < 2)
    return emitReferenceKernels(op, context);
  int64_t width = type.getShape().back();
  SmallVector<Value> reads{context.rows(context.in(op.getPredicted())), context.rows(context.in(op.getTarget())),
                           context.in(op.getDloss())};
  Value limit = limitOf(op);
  if (limit)
    reads.push_back(context.in(limit));
  context.launch("power_loss_grad", {context.rows(context.out(op.getResult()))}, reads, countRows(type),
                 rowGrain(width), [&](Kernel &k) {
                   Emit &e = k.e;
                   e.loop(k.begin, k.end, 1, [&](Number row) {
                     RowWeight weight =
                         RowWeight::of(e, type, row, limit ? k.buffers[4] : Value(), op.getBounds() != nullptr);
                     Number slope = e.load(k.buffers[3], {}) / weight.divisor;
                     sweep(e, width, [&](Span &span) {
                       Number zero = span.constant(0), up = span.broadcast(slope);
                       Number d = span.load(k.buffers[1], {row}) - span.load(k.buffers[2], {row});
                       Number gradient = d * up;
                       if (exponent == 1.0)
                         gradient = e.select(e.less(zero, d), up, e.select(e.less(d, zero), zero - up, zero));
                       span.store(weight.keep(gradient), k.buffers[0], {row});
                     });
                   });
                 });
  return success();
}

//===----------------------------------------------------------------------===//
// The deviation over tokens
//===----------------------------------------------------------------------===//

namespace {

/// The tokens that one deviation is over, as rows [begin, end) of all clips' tokens.
struct TokenRows {
  Number begin, end;

  /// Those of row `row` of the deviations: of a clip, or of a sample of the only clip.
  static TokenRows of(Emit &e, Number row, int64_t capacity, Value limit, bool isPacked) {
    if (limit && isPacked) {
      Sample sample = sampleAt(e, limit, row);
      return {sample.begin, sample.end};
    }
    Number begin = row * static_cast<double>(capacity);
    return {begin, begin + (limit ? loadLength(e, limit) : e.index(capacity))};
  }
  /// How many they are, less `less`, in each lane.
  Number count(Span &span, double less) const {
    Emit &e = span.e;
    return span.broadcast(e.convert(end - begin, e.builder.getF32Type()) - less);
  }
  Number sum(Span &span, function_ref<Number(Number)> term) const {
    return span.e.sum(begin, end, span.constant(0).getType(), term);
  }
  Number mean(Span &span, Value x) const {
    return sum(span, [&](Number row) { return span.load(x, {row}); }) / count(span, 0);
  }
};

} // namespace

LogicalResult TokenStdCpu::emit(TokenStdOp op, KernelContext &context) {
  auto type = cast<RankedTensorType>(op.getX().getType()), result = cast<RankedTensorType>(op.getType());
  int64_t capacity = type.getDimSize(1), width = type.getDimSize(2);
  double eps = op.getEps().convertToDouble();
  SmallVector<Value> reads{context.rows(context.in(op.getX()))};
  Value limit = limitOf(op);
  if (limit)
    reads.push_back(context.in(limit));
  context.launch("token_std", {context.out(op.getResult())}, reads, width, columnGrain, [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(0, result.getDimSize(0), 1, [&](Number row) {
      auto tokens = TokenRows::of(e, row, capacity, limit ? k.buffers[2] : Value(), op.getBounds() != nullptr);
      sweep(e, k.begin, k.end, width, [&](Span &span) {
        Number mean = tokens.mean(span, k.buffers[1]);
        Number squares = tokens.sum(span, [&](Number token) {
          Number distance = span.load(k.buffers[1], {token}) - mean;
          return distance * distance;
        });
        span.store(e.sqrt(squares / tokens.count(span, 1) + eps), k.buffers[0], {row});
      });
    });
  });
  return success();
}

/// dx = dstd (x - mean) / ((tokens - 1) std), and zero where a token does not count
LogicalResult TokenStdGradCpu::emit(TokenStdGradOp op, KernelContext &context) {
  auto type = cast<RankedTensorType>(op.getX().getType()), dstd = cast<RankedTensorType>(op.getDstd().getType());
  int64_t capacity = type.getDimSize(1), width = type.getDimSize(2);
  SmallVector<Value> reads{context.in(op.getDstd()), context.rows(context.in(op.getX())), context.in(op.getStd())};
  Value limit = limitOf(op);
  if (limit)
    reads.push_back(context.in(limit));
  context.launch(
      "token_std_grad", {context.rows(context.out(op.getResult()))}, reads, width, columnGrain, [&](Kernel &k) {
        Emit &e = k.e;
        auto columns = [&](function_ref<void(Span &)> body) { sweep(e, k.begin, k.end, width, body); };
        if (limit)
          e.loop(0, countRows(type), 1, [&](Number token) {
            columns([&](Span &span) { span.store(span.constant(0), k.buffers[0], {token}); });
          });
        e.loop(0, dstd.getDimSize(0), 1, [&](Number row) {
          auto tokens = TokenRows::of(e, row, capacity, limit ? k.buffers[4] : Value(), op.getBounds() != nullptr);
          columns([&](Span &span) {
            Number mean = tokens.mean(span, k.buffers[2]);
            Number scale = span.load(k.buffers[1], {row}) / (span.load(k.buffers[3], {row}) * tokens.count(span, 1));
            e.loop(tokens.begin, tokens.end, 1, [&](Number token) {
              span.store((span.load(k.buffers[2], {token}) - mean) * scale, k.buffers[0], {token});
            });
          });
        });
      });
  return success();
}
