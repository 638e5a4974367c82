//===- NormKernels.cpp - reference: layer norm and the deviation over tokens ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

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

static Number tokenMean(Emit &e, Value x, Number clip, Number feature, Number tokens) {
  return sumOf(e, tokens, [&](Number t) { return get(e, x, {clip, t, feature}); }) /
         e.convert(tokens, e.builder.getF64Type());
}

void TokenStdReference::emit(TokenStdOp op, KernelContext &context) {
  Value x = context.in(op.getX()), y = context.out(op.getResult());
  SmallVector<Value> reads = {x};
  if (op.getLength())
    reads.push_back(context.in(op.getLength()));
  int64_t clips = shapeOf(x)[0], capacity = shapeOf(x)[1], width = shapeOf(x)[2];
  double eps = op.getEps().convertToDouble();
  context.launch("token_std", {y}, reads, clips * width, grainFor(4 * capacity), [&](Kernel &k) {
    Emit &e = k.e;
    Number tokens = k.buffers.size() > 2 ? getLength(e, k.buffers[2]) : e.index(capacity);
    e.loop(k.begin, k.end, 1, [&](Number item) {
      Number clip = item / width, feature = item % width;
      Number mean = tokenMean(e, k.buffers[1], clip, feature, tokens);
      Number squares = sumOf(e, tokens, [&](Number t) {
        Number distance = get(e, k.buffers[1], {clip, t, feature}) - mean;
        return distance * distance;
      });
      Number variance = squares / e.convert(tokens - 1, e.builder.getF64Type());
      put(e, e.sqrt(variance + eps), k.buffers[0], {clip, feature});
    });
  });
}

/// dx = dstd (x - mean) / ((tokens - 1) std), and zero beyond the length
void TokenStdGradReference::emit(TokenStdGradOp op, KernelContext &context) {
  Value dx = context.out(op.getResult());
  SmallVector<Value> reads = {context.in(op.getDstd()), context.in(op.getX()), context.in(op.getStd())};
  if (op.getLength())
    reads.push_back(context.in(op.getLength()));
  int64_t clips = shapeOf(dx)[0], capacity = shapeOf(dx)[1], width = shapeOf(dx)[2];
  context.launch("token_std_grad", {dx}, reads, clips * width, grainFor(6 * capacity), [&](Kernel &k) {
    Emit &e = k.e;
    Number tokens = k.buffers.size() > 4 ? getLength(e, k.buffers[4]) : e.index(capacity);
    e.loop(k.begin, k.end, 1, [&](Number item) {
      Number clip = item / width, feature = item % width;
      Number mean = tokenMean(e, k.buffers[2], clip, feature, tokens);
      Number scale = get(e, k.buffers[1], {clip, feature}) /
                     (get(e, k.buffers[3], {clip, feature}) * e.convert(tokens - 1, e.builder.getF64Type()));
      e.loop(e.index(0), tokens, 1, [&](Number t) {
        put(e, (get(e, k.buffers[2], {clip, t, feature}) - mean) * scale, k.buffers[0], {clip, t, feature});
      });
      e.loop(tokens, e.index(capacity), 1,
             [&](Number t) { put(e, real(e, 0.0), k.buffers[0], {clip, t, feature}); });
    });
  });
}
