//===- AttentionPartsKernels.cpp - reference: heads, products of matrices, softmax ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/reference/Kernels.h"

#include <limits>

using namespace mlir;
using namespace jepa;
using namespace jepa::reference;

/// split[clip, head, token, i] and x[clip, token, head * width + i], either copied to the other.
static void moveHeads(KernelContext &context, StringRef name, Value to, Value from, Value split, bool merges) {
  ArrayRef<int64_t> shape = shapeOf(split);
  int64_t heads = shape[1], tokens = shape[2], width = shape[3];
  context.launch(name, {to}, {from}, shape[0] * heads * tokens, grainFor(width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number item) {
      Number token = item % tokens, head = item / tokens % heads, clip = item / (tokens * heads);
      e.loop(0, width, 1, [&](Number i) {
        SmallVector<Value> apart{clip, head, token, i}, together{clip, token, head * static_cast<double>(width) + i};
        put(e, get(e, k.buffers[1], merges ? apart : together), k.buffers[0], merges ? together : apart);
      });
    });
  });
}

void SplitHeadsReference::emit(SplitHeadsOp op, KernelContext &context) {
  Value result = context.out(op.getResult());
  moveHeads(context, "split_heads", result, context.in(op.getX()), result, /*merges=*/false);
}

void MergeHeadsReference::emit(MergeHeadsOp op, KernelContext &context) {
  Value x = context.in(op.getX());
  moveHeads(context, "merge_heads", context.out(op.getResult()), x, x, /*merges=*/true);
}

/// The place in all dimensions of `shape` but the last `kept`, for a number that counts these places.
static SmallVector<Value> leading(Emit &e, ArrayRef<int64_t> shape, int64_t kept, Number number) {
  SmallVector<Value> place(shape.size() - kept);
  for (int64_t dim = static_cast<int64_t>(place.size()) - 1; dim >= 0; --dim) {
    place[dim] = number % shape[dim];
    number = number / shape[dim];
  }
  return place;
}

void MatmulReference::emit(MatmulOp op, KernelContext &context) {
  Value a = context.in(op.getA()), b = context.in(op.getB()), c = context.out(op.getResult());
  ArrayRef<int64_t> shape = shapeOf(c);
  int64_t rows = shape[shape.size() - 2], columns = shape.back();
  int64_t depth = shapeOf(a)[shape.size() - (op.getTransA() ? 2 : 1)];
  int64_t count = op.getType().getNumElements() / columns;
  context.launch("matmul", {c}, {a, b}, count, grainFor(2 * columns * depth), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number item) {
      SmallVector<Value> matrix = leading(e, shape, 2, item / rows);
      Number row = item % rows;
      auto at = [&](Value i, Value j, bool transposed) {
        SmallVector<Value> place(matrix);
        llvm::append_values(place, transposed ? j : i, transposed ? i : j);
        return place;
      };
      e.loop(0, columns, 1, [&](Number column) {
        Number sum = sumOf(e, depth, [&](Number i) {
          return get(e, k.buffers[1], at(row, i, op.getTransA())) * get(e, k.buffers[2], at(i, column, op.getTransB()));
        });
        put(e, sum, k.buffers[0], at(row, column, false));
      });
    });
  });
}

/// y = exp(x - max) / sum of exp(x - max), over the places that a mask lists; what it does not list is zero.
void SoftmaxReference::emit(SoftmaxOp op, KernelContext &context) {
  Value x = context.in(op.getX()), y = context.out(op.getResult());
  ArrayRef<int64_t> shape = shapeOf(x);
  int64_t width = shape.back(), count = op.getType().getNumElements() / width;
  SmallVector<Value> reads{x};
  if (op.getMask())
    reads.push_back(context.in(op.getMask()));
  int64_t visible = op.getMask() ? shapeOf(reads[1])[1] : width;
  context.launch("softmax", {y}, reads, count, grainFor(4 * width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number item) {
      SmallVector<Value> row = leading(e, shape, 1, item);
      auto at = [&](Number place) {
        SmallVector<Value> all(row);
        all.push_back(place);
        return all;
      };
      auto listed = [&](Number slot) { return at(op.getMask() ? getIndex(e, k.buffers[2], {row[0], slot}) : slot); };
      Number lowest = real(e, -std::numeric_limits<double>::infinity());
      Number maximum = e.reduce(e.index(0), e.index(visible), 1, {lowest}, [&](Number slot, ArrayRef<Number> before) {
        return SmallVector<Number>{e.max(before[0], get(e, k.buffers[1], listed(slot)))};
      })[0];
      auto weight = [&](Number slot) { return e.exp(get(e, k.buffers[1], listed(slot)) - maximum); };
      Number total = sumOf(e, visible, weight);
      if (op.getMask())
        e.loop(0, width, 1, [&](Number place) { put(e, real(e, 0.0), k.buffers[0], at(place)); });
      e.loop(0, visible, 1, [&](Number slot) { put(e, weight(slot) / total, k.buffers[0], listed(slot)); });
    });
  });
}

/// dx = y * (dy - sum(y * dy))
void SoftmaxGradReference::emit(SoftmaxGradOp op, KernelContext &context) {
  Value dy = context.in(op.getDy()), y = context.in(op.getY()), dx = context.out(op.getResult());
  ArrayRef<int64_t> shape = shapeOf(y);
  int64_t width = shape.back(), count = cast<RankedTensorType>(op.getType()).getNumElements() / width;
  context.launch("softmax_grad", {dx}, {dy, y}, count, grainFor(4 * width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number item) {
      SmallVector<Value> row = leading(e, shape, 1, item);
      auto at = [&](Value buffer, Number place) {
        SmallVector<Value> all(row);
        all.push_back(place);
        return get(e, buffer, all);
      };
      Number mean = sumOf(e, width, [&](Number i) { return at(k.buffers[2], i) * at(k.buffers[1], i); });
      e.loop(0, width, 1, [&](Number i) {
        SmallVector<Value> all(row);
        all.push_back(i);
        put(e, at(k.buffers[2], i) * (at(k.buffers[1], i) - mean), k.buffers[0], all);
      });
    });
  });
}
