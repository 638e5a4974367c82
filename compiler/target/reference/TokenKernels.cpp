//===- TokenKernels.cpp - reference: patches, selections, concatenations ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/reference/Kernels.h"

using namespace mlir;
using namespace jepa;
using namespace jepa::reference;

void PatchifyReference::emit(PatchifyOp op, KernelContext &context) {
  Value clips = context.in(op.getClip()), y = context.out(op.getResult());
  SmallVector<Value> reads = {clips};
  if (op.getTokens())
    reads.push_back(context.in(op.getTokens()));
  ArrayRef<int64_t> shape = shapeOf(clips);
  int64_t channels = shape[1], tubelet = op.getTubelet(), patch = op.getPatch();
  int64_t gridRows = shape[3] / patch, gridColumns = shape[4] / patch;
  int64_t gridTokens = shape[2] / tubelet * gridRows * gridColumns;
  int64_t clipsOut = shapeOf(y)[0], tokens = shapeOf(y)[1], width = shapeOf(y)[2];
  bool packed = clipsOut != shape[0];
  context.launch("patchify", {y}, reads, clipsOut * tokens, grainFor(4 * width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number result = row / tokens, slot = row % tokens;
      Number listed = k.buffers.size() > 2 ? getIndex(e, k.buffers[2], {result, slot}) : slot;
      Number clip = packed ? listed / gridTokens : result, token = packed ? listed % gridTokens : listed;
      Number time = token / (gridRows * gridColumns), gridRow = token / gridColumns % gridRows,
             gridColumn = token % gridColumns;
      e.loop(0, channels, 1, [&](Number c) {
        e.loop(0, tubelet, 1, [&](Number t) {
          e.loop(0, patch, 1, [&](Number h) {
            e.loop(0, patch, 1, [&](Number w) {
              Number pixel = get(e, k.buffers[1], {clip, c, time * tubelet + t, gridRow * patch + h,
                                                  gridColumn * patch + w});
              put(e, pixel, k.buffers[0], {result, slot, ((c * tubelet + t) * patch + h) * patch + w});
            });
          });
        });
      });
    });
  });
}

//===----------------------------------------------------------------------===//
// Selections by a mask
//===----------------------------------------------------------------------===//

void GatherTokensReference::emit(GatherTokensOp op, KernelContext &context) {
  Value x = context.in(op.getX()), mask = context.in(op.getMask()), y = context.out(op.getResult());
  bool shared = shapeOf(x)[0] == 1;
  int64_t all = shapeOf(x)[1];
  int64_t clips = shapeOf(y)[0], tokens = shapeOf(y)[1], width = shapeOf(y)[2];
  context.launch("gather_tokens", {y}, {x, mask}, clips * tokens, grainFor(2 * width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number clip = row / tokens, token = row % tokens;
      Number source = getIndex(e, k.buffers[2], {clip, token});
      if (op.getCyclic())
        source = source % all;
      e.loop(0, width, 1, [&](Number i) {
        put(e, get(e, k.buffers[1], {shared ? e.index(0) : clip, source, i}), k.buffers[0], {clip, token, i});
      });
    });
  });
}

/// Each token of the result looks for those that the masks send to it, so that one task writes it.
void ScatterTokensReference::emit(ScatterTokensOp op, KernelContext &context) {
  Value x = context.in(op.getX()), mask = context.in(op.getMask()), y = context.out(op.getResult());
  int64_t clips = shapeOf(x)[0], selected = shapeOf(x)[1], width = shapeOf(x)[2];
  int64_t tokens = shapeOf(y)[1];
  bool sumsClips = shapeOf(y)[0] == 1;
  Value sums = context.temporary({context.getMaxThreads(), width}, Float64Type::get(op.getContext()));
  int64_t work = 2 * width + selected * (sumsClips ? clips : 1);
  context.launch("scatter_tokens", {y, sums}, {x, mask}, shapeOf(y)[0] * tokens, grainFor(work), [&](Kernel &k) {
    Emit &e = k.e;
    Value sum = k.buffers[1];
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number result = row / tokens, token = row % tokens;
      e.loop(0, width, 1, [&](Number i) { put(e, real(e, 0.0), sum, {k.thread, i}); });
      e.loop(sumsClips ? e.index(0) : result, sumsClips ? e.index(clips) : result + 1, 1, [&](Number clip) {
        e.loop(0, selected, 1, [&](Number slot) {
          Number place = getIndex(e, k.buffers[3], {clip, slot});
          e.when(e.equal(op.getCyclic() ? place % tokens : place, token), [&] {
            e.loop(0, width, 1, [&](Number i) {
              put(e, get(e, sum, {k.thread, i}) + get(e, k.buffers[2], {clip, slot, i}), sum, {k.thread, i});
            });
          });
        });
      });
      e.loop(0, width, 1, [&](Number i) { put(e, get(e, sum, {k.thread, i}), k.buffers[0], {result, token, i}); });
    });
  });
}

void RegroupTokensReference::emit(RegroupTokensOp op, KernelContext &context) {
  ArrayRef<int64_t> shape = op.getType().getShape();
  context.alias(op.getResult(), context.clips(context.in(op.getX()), shape[0]));
}

//===----------------------------------------------------------------------===//
// Concatenations and their segments
//===----------------------------------------------------------------------===//

void ConcatTokensReference::emit(ConcatTokensOp op, KernelContext &context) {
  Value y = context.out(op.getResult());
  SmallVector<Value> parts;
  for (Value part : op.getParts())
    parts.push_back(context.in(part));
  int64_t clips = shapeOf(y)[0], tokens = shapeOf(y)[1], width = shapeOf(y)[2];
  context.launch("concat_tokens", {y}, parts, clips * tokens, grainFor(2 * width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number clip = row / tokens, token = row % tokens;
      int64_t offset = 0;
      for (Value part : ArrayRef(k.buffers).drop_front()) {
        int64_t size = shapeOf(part)[1];
        e.when(within(e, token, offset, offset + size), [&] {
          e.loop(0, width, 1, [&](Number i) {
            put(e, get(e, part, {clip, token - offset, i}), k.buffers[0], {clip, token, i});
          });
        });
        offset += size;
      }
    });
  });
}

void SliceTokensReference::emit(SliceTokensOp op, KernelContext &context) {
  Value x = context.in(op.getX()), y = context.out(op.getResult());
  int64_t clips = shapeOf(y)[0], tokens = shapeOf(y)[1], width = shapeOf(y)[2], offset = op.getOffset();
  context.launch("slice_tokens", {y}, {x}, clips * tokens, grainFor(2 * width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number clip = row / tokens, token = row % tokens;
      e.loop(0, width, 1, [&](Number i) {
        put(e, get(e, k.buffers[1], {clip, token + offset, i}), k.buffers[0], {clip, token, i});
      });
    });
  });
}

void PadTokensReference::emit(PadTokensOp op, KernelContext &context) {
  Value x = context.in(op.getX()), y = context.out(op.getResult());
  int64_t clips = shapeOf(y)[0], tokens = shapeOf(y)[1], width = shapeOf(y)[2];
  int64_t offset = op.getOffset(), size = shapeOf(x)[1];
  context.launch("pad_tokens", {y}, {x}, clips * tokens, grainFor(2 * width), [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number row) {
      Number clip = row / tokens, token = row % tokens;
      e.loop(0, width, 1, [&](Number i) { put(e, real(e, 0.0), k.buffers[0], {clip, token, i}); });
      e.when(within(e, token, offset, offset + size), [&] {
        e.loop(0, width, 1, [&](Number i) {
          put(e, get(e, k.buffers[1], {clip, token - offset, i}), k.buffers[0], {clip, token, i});
        });
      });
    });
  });
}
