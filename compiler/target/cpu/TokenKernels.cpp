//===- TokenKernels.cpp - cpu: patches, selections, concatenations ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/Kernels.h"
#include "compiler/target/cpu/Sweep.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace jepa;

static Number loadIndex(Emit &e, Value list, ArrayRef<Value> indices) {
  return e.convert(e.load(list, indices), e.builder.getIndexType());
}

LogicalResult ConcatFeaturesCpu::emit(ConcatFeaturesOp op, KernelContext &context) {
  SmallVector<Value> parts;
  SmallVector<int64_t> widths;
  for (Value part : op.getParts()) {
    parts.push_back(context.rows(context.in(part)));
    widths.push_back(cast<MemRefType>(parts.back().getType()).getDimSize(1));
  }
  auto type = op.getType();
  context.launch("concat_features", {context.rows(context.out(op.getResult()))}, parts, countRows(type),
                 rowGrain(type.getShape().back()), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      int64_t offset = 0;
      for (auto [index, width] : llvm::enumerate(widths)) {
        copyRow(e, width, k.buffers[0], {row}, e.index(offset), k.buffers[index + 1], {row}, e.index(0));
        offset += width;
      }
    });
  });
  return success();
}

LogicalResult ConcatTokensCpu::emit(ConcatTokensOp op, KernelContext &context) {
  auto type = op.getType();
  int64_t width = type.getDimSize(2), offset = 0;
  Value y = context.out(op.getResult());
  for (Value part : op.getParts()) {
    Value x = context.in(part);
    int64_t tokens = cast<MemRefType>(x.getType()).getDimSize(1);
    // The place is part of the name, so that equal parts at different places do not share a kernel.
    context.launch("concat_tokens_" + std::to_string(offset), {y}, {x}, type.getDimSize(0) * tokens, rowGrain(width),
                   [&](Kernel &k) {
      Emit &e = k.e;
      e.loop(k.begin, k.end, 1, [&](Number row) {
        Number clip = row / tokens, token = row % tokens;
        copyRow(e, width, k.buffers[0], {clip, token + offset}, e.index(0), k.buffers[1], {clip, token}, e.index(0));
      });
    });
    offset += tokens;
  }
  return success();
}

LogicalResult SliceTokensCpu::emit(SliceTokensOp op, KernelContext &context) {
  ArrayRef<int64_t> shape = op.getType().getShape();
  int64_t tokens = shape[1], width = shape[2], offset = op.getOffset();
  context.launch("slice_tokens", {context.out(op.getResult())}, {context.in(op.getX())}, shape[0] * tokens,
                 rowGrain(width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number clip = row / tokens, token = row % tokens;
      copyRow(e, width, k.buffers[0], {clip, token}, e.index(0), k.buffers[1], {clip, token + offset}, e.index(0));
    });
  });
  return success();
}

LogicalResult PadTokensCpu::emit(PadTokensOp op, KernelContext &context) {
  ArrayRef<int64_t> shape = op.getType().getShape();
  int64_t tokens = shape[1], width = shape[2], offset = op.getOffset();
  int64_t end = offset + cast<RankedTensorType>(op.getX().getType()).getDimSize(1);
  context.launch("pad_tokens", {context.out(op.getResult())}, {context.in(op.getX())}, shape[0] * tokens,
                 rowGrain(width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number clip = row / tokens, token = row % tokens;
      Number inside = e.both(e.less(e.index(offset - 1), token), e.less(token, e.index(end)));
      e.when(inside, [&] {
        copyRow(e, width, k.buffers[0], {clip, token}, e.index(0), k.buffers[1], {clip, token - offset}, e.index(0));
      });
      e.when(e.equal(inside, e.constant(inside.getType(), 0)),
             [&] { zeroRow(e, width, k.buffers[0], {clip, token}); });
    });
  });
  return success();
}

LogicalResult GatherTokensCpu::emit(GatherTokensOp op, KernelContext &context) {
  ArrayRef<int64_t> shape = op.getType().getShape();
  bool shared = op.getX().getType().getDimSize(0) == 1;
  int64_t all = op.getX().getType().getDimSize(1);
  int64_t tokens = shape[1], width = shape[2];
  context.launch("gather_tokens", {context.out(op.getResult())}, {context.in(op.getX()), context.in(op.getMask())},
                 shape[0] * tokens, rowGrain(width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number clip = row / tokens, token = row % tokens;
      Number source = loadIndex(e, k.buffers[2], {clip, token});
      if (op.getCyclic())
        source = source % all;
      copyRow(e, width, k.buffers[0], {clip, token}, e.index(0), k.buffers[1], {shared ? e.index(0) : clip, source},
              e.index(0));
    });
  });
  return success();
}

// Each task owns a block of the result's tokens and looks for them in the whole list: no two tasks write the same row,
// and rows that several clips share are added in the order of the clips.
LogicalResult ScatterTokensCpu::emit(ScatterTokensOp op, KernelContext &context) {
  ArrayRef<int64_t> shape = op.getType().getShape();
  auto from = cast<RankedTensorType>(op.getX().getType());
  int64_t tokens = shape[1], width = shape[2], listed = from.getDimSize(1);
  int64_t length = rowGrain(width, 65536), blocks = llvm::divideCeil(tokens, length);
  int64_t clipsPerResult = from.getDimSize(0) / shape[0];
  context.launch("scatter_tokens", {context.out(op.getResult())}, {context.in(op.getX()), context.in(op.getMask())},
                 shape[0] * blocks, 1, [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number task) {
      Number y = task / blocks, first = (task % blocks) * length, end = e.min(first + length, e.index(tokens));
      e.loop(first, end, 1, [&](Number token) { zeroRow(e, width, k.buffers[0], {y, token}); });
      e.loop(y * clipsPerResult, (y + 1) * clipsPerResult, 1, [&](Number clip) {
        e.loop(0, listed, 1, [&](Number i) {
          Number token = loadIndex(e, k.buffers[2], {clip, i});
          if (op.getCyclic())
            token = token % tokens;
          e.when(e.both(e.less(first - 1, token), e.less(token, end)), [&] {
            sweep(e, width, [&](Span &span) {
              span.store(span.load(k.buffers[0], {y, token}) + span.load(k.buffers[1], {clip, i}), k.buffers[0],
                         {y, token});
            });
          });
        });
      });
    });
  });
  return success();
}

LogicalResult PatchifyCpu::emit(PatchifyOp op, KernelContext &context) {
  ArrayRef<int64_t> clipShape = cast<RankedTensorType>(op.getClip().getType()).getShape();
  int64_t patch = op.getPatch(), tubelet = op.getTubelet(), channels = clipShape[1];
  int64_t columns = clipShape[4] / patch, rowsOfPatches = clipShape[3] / patch;
  int64_t gridTokens = clipShape[2] / tubelet * rowsOfPatches * columns;
  int64_t tokens = op.getType().getDimSize(1), width = op.getType().getDimSize(2);
  bool selected = op.getTokens() != nullptr, packed = op.getType().getDimSize(0) != clipShape[0];
  SmallVector<Value> reads{context.in(op.getClip())};
  if (selected)
    reads.push_back(context.in(op.getTokens()));
  context.launch("patchify", {context.out(op.getResult())}, reads, op.getType().getDimSize(0) * tokens,
                 rowGrain(width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number result = row / tokens, slot = row % tokens;
      Number listed = selected ? loadIndex(e, k.buffers[2], {result, slot}) : slot;
      Number clip = packed ? listed / gridTokens : result, place = packed ? listed % gridTokens : listed;
      Number x = (place % columns) * patch, rest = place / columns;
      Number y = (rest % rowsOfPatches) * patch, time = (rest / rowsOfPatches) * tubelet;
      e.loop(0, channels, 1, [&](Number channel) {
        e.loop(0, tubelet, 1, [&](Number frame) {
          e.loop(0, patch, 1, [&](Number line) {
            Number to = ((channel * tubelet + frame) * patch + line) * patch;
            copyRow(e, patch, k.buffers[0], {result, slot}, to, k.buffers[1], {clip, channel, time + frame, y + line},
                    x);
          });
        });
      });
    });
  });
  return success();
}
