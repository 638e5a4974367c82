//===- NormKernels.cpp - reference: layer norm and the deviation over tokens ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/Packed.h"
#include "compiler/target/reference/Kernels.h"

using namespace mlir;
using namespace jepa;
using namespace jepa::reference;

//===----------------------------------------------------------------------===//
// LayerNorm
//===----------------------------------------------------------------------===//

namespace {
struct RowStatistics {
  Number mean, inverseStd;
};
} // namespace

static RowStatistics rowStatistics(Emit &e, Value x, Number row, double eps) {
  int64_t width = shapeOf(x)[1];
  Number mean = sumOf(e, width, [&](Number i) { return get(e, x, {row, i}); }) / width;
  Number variance = sumOf(e, width, [&](Number i) {
                      Number distance = get(e, x, {row, i}) - mean;
                      return distance * distance;
                    }) / width;
  return {mean, real(e, 1.0) / e.sqrt(variance + eps)};
}

void LayerNormReference::emit(LayerNormOp op, KernelContext &context) {
  Value x = context.rows(context.in(op.getX())), y = context.rows(context.out(op.getResult()));
  SmallVector<Value> reads = {x};
  if (op.getWeight())
    reads.append({context.in(op.getWeight()), context.in(op.getBias())});
  int64_t rows = shapeOf(x)[0], width = shapeOf(x)[1];
  double eps = op.getEps().convertToDouble();
  context.launch("layer_norm", {y}, reads, rows, grainFor(8 * width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      auto [mean, inverseStd] = rowStatistics(e, k.buffers[1], row, eps);
      e.loop(0, width, 1, [&, mean = mean, inverseStd = inverseStd](Number i) {
        Number normal = (get(e, k.buffers[1], {row, i}) - mean) * inverseStd;
        if (k.buffers.size() > 2)
          normal = normal * get(e, k.buffers[2], {i}) + get(e, k.buffers[3], {i});
        put(e, normal, k.buffers[0], {row, i});
      });
    });
  });
}

/// With n = normalised x and g = dy * weight: dx = (g - mean(g) - n mean(g n)) / std
void LayerNormGradReference::emit(LayerNormGradOp op, KernelContext &context) {
  Value dy = context.rows(context.in(op.getDy())), x = context.rows(context.in(op.getX()));
  Value dx = context.rows(context.out(op.getResult()));
  SmallVector<Value> reads = {dy, x};
  if (op.getWeight())
    reads.push_back(context.in(op.getWeight()));
  int64_t rows = shapeOf(x)[0], width = shapeOf(x)[1];
  double eps = op.getEps().convertToDouble();
  context.launch("layer_norm_grad", {dx}, reads, rows, grainFor(16 * width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      RowStatistics stats = rowStatistics(e, k.buffers[2], row, eps);
      auto normal = [&](Number i) { return (get(e, k.buffers[2], {row, i}) - stats.mean) * stats.inverseStd; };
      auto grad = [&](Number i) {
        Number g = get(e, k.buffers[1], {row, i});
        return k.buffers.size() > 3 ? g * get(e, k.buffers[3], {i}) : g;
      };
      Number meanGrad = sumOf(e, width, grad) / width;
      Number meanProduct = sumOf(e, width, [&](Number i) { return grad(i) * normal(i); }) / width;
      e.loop(0, width, 1, [&](Number i) {
        put(e, (grad(i) - meanGrad - normal(i) * meanProduct) * stats.inverseStd, k.buffers[0], {row, i});
      });
    });
  });
}

/// dweight[i] = sum over rows of dy n, dbias[i] = sum over rows of dy; the rows' statistics are computed first.
void LayerNormWeightGradReference::emit(LayerNormWeightGradOp op, KernelContext &context) {
  Value dy = context.rows(context.in(op.getDy())), x = context.rows(context.in(op.getX()));
  Value dweight = context.out(op.getDweight()), dbias = context.out(op.getDbias());
  int64_t rows = shapeOf(x)[0], width = shapeOf(x)[1];
  double eps = op.getEps().convertToDouble();
  Value statistics = context.temporary({rows, 2}, Float64Type::get(op.getContext()));
  context.launch("layer_norm_statistics", {statistics}, {x}, rows, grainFor(6 * width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      RowStatistics stats = rowStatistics(e, k.buffers[1], row, eps);
      put(e, stats.mean, k.buffers[0], {row, e.index(0)});
      put(e, stats.inverseStd, k.buffers[0], {row, e.index(1)});
    });
  });
  context.launch("layer_norm_weight_grad", {dweight, dbias}, {dy, x, statistics}, width, grainFor(5 * rows),
                 [&](Kernel &k) {
                   Emit &e = k.e;
                   e.loop(k.begin, k.end, 1, [&](Number i) {
                     Number weightSum = sumOf(e, rows, [&](Number row) {
                       Number mean = get(e, k.buffers[4], {row, e.index(0)});
                       Number inverseStd = get(e, k.buffers[4], {row, e.index(1)});
                       Number normal = (get(e, k.buffers[3], {row, i}) - mean) * inverseStd;
                       return get(e, k.buffers[2], {row, i}) * normal;
                     });
                     Number biasSum = sumOf(e, rows, [&](Number row) { return get(e, k.buffers[2], {row, i}); });
                     put(e, weightSum, k.buffers[0], {i});
                     put(e, biasSum, k.buffers[1], {i});
                   });
                 });
}

//===----------------------------------------------------------------------===//
// TokenStd
//===----------------------------------------------------------------------===//

/// The tokens that one deviation is over: some of a clip's, from its first.
namespace {
struct Tokens {
  Number clip, begin, end;

  Number sum(Emit &e, function_ref<Number(Number)> term) const {
    return e.sum(begin, end, e.builder.getF64Type(), term);
  }
  Number mean(Emit &e, Value x, Number feature) const {
    return sum(e, [&](Number t) { return get(e, x, {clip, t, feature}); }) / count(e, 0);
  }
  Number count(Emit &e, int64_t less) const { return e.convert(end - begin - less, e.builder.getF64Type()); }
};
} // namespace

/// Row `row` of the deviations is that of a clip, or where samples are packed of a sample of the only clip. `limit` is
/// the length or the bounds, if there are any.
static Tokens tokensOf(Emit &e, Number row, int64_t capacity, Value limit, bool isPacked) {
  if (!limit)
    return {row, e.index(0), e.index(capacity)};
  if (!isPacked)
    return {row, e.index(0), getLength(e, limit)};
  Sample sample = sampleAt(e, limit, row);
  return {e.index(0), sample.begin, sample.end};
}

void TokenStdReference::emit(TokenStdOp op, KernelContext &context) {
  Value x = context.in(op.getX()), y = context.out(op.getResult());
  Value limit = op.getLength() ? op.getLength() : op.getBounds();
  SmallVector<Value> reads = {x};
  if (limit)
    reads.push_back(context.in(limit));
  int64_t rows = shapeOf(y)[0], capacity = shapeOf(x)[1], width = shapeOf(x)[2];
  double eps = op.getEps().convertToDouble();
  context.launch("token_std", {y}, reads, rows * width, grainFor(4 * capacity), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number item) {
      Number row = item / width, feature = item % width;
      Tokens tokens = tokensOf(e, row, capacity, limit ? k.buffers[2] : Value(), op.getBounds() != nullptr);
      Number mean = tokens.mean(e, k.buffers[1], feature);
      Number squares = tokens.sum(e, [&](Number t) {
        Number distance = get(e, k.buffers[1], {tokens.clip, t, feature}) - mean;
        return distance * distance;
      });
      put(e, e.sqrt(squares / tokens.count(e, 1) + eps), k.buffers[0], {row, feature});
    });
  });
}

/// dx = dstd (x - mean) / ((tokens - 1) std), and zero where a token does not count
void TokenStdGradReference::emit(TokenStdGradOp op, KernelContext &context) {
  Value dx = context.out(op.getResult()), dstd = context.in(op.getDstd());
  Value limit = op.getLength() ? op.getLength() : op.getBounds();
  SmallVector<Value> reads = {dstd, context.in(op.getX()), context.in(op.getStd())};
  if (limit)
    reads.push_back(context.in(limit));
  int64_t clips = shapeOf(dx)[0], capacity = shapeOf(dx)[1], width = shapeOf(dx)[2];
  int64_t rowsPerClip = shapeOf(dstd)[0] / clips;
  context.launch("token_std_grad", {dx}, reads, clips * width, grainFor(6 * capacity), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number item) {
      Number clip = item / width, feature = item % width;
      e.loop(0, capacity, 1, [&](Number t) { put(e, real(e, 0.0), k.buffers[0], {clip, t, feature}); });
      e.loop(clip * rowsPerClip, (clip + 1) * rowsPerClip, 1, [&](Number row) {
        Tokens tokens = tokensOf(e, row, capacity, limit ? k.buffers[4] : Value(), op.getBounds() != nullptr);
        Number mean = tokens.mean(e, k.buffers[2], feature);
        Number scale =
            get(e, k.buffers[1], {row, feature}) / (get(e, k.buffers[3], {row, feature}) * tokens.count(e, 1));
        e.loop(tokens.begin, tokens.end, 1, [&](Number t) {
          put(e, (get(e, k.buffers[2], {clip, t, feature}) - mean) * scale, k.buffers[0], {clip, t, feature});
        });
      });
    });
  });
}
