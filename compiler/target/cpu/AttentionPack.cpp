//===- AttentionPack.cpp - a head's rows as operands of products ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/AttentionPack.h"
#include "compiler/target/cpu/Sweep.h"

using namespace mlir;
using namespace jepa;

/// The features [at, at + lanes) of a token as `type`, zeros past the first `valid` of them.
Number AttentionPack::load(const HeadRows &from, Number token, Number at, int64_t lanes, int64_t valid,
                           Type type) const {
  SmallVector<Value> place{from.clip, token, from.feature + at};
  Number numbers = valid >= lanes ? e.loadVector(from.buffer, place, lanes)
                                  : e.loadMasked(from.buffer, place,
                                                 e.firstLanes(e.index(std::max<int64_t>(0, valid)), lanes), lanes);
  return e.convert(numbers, VectorType::get({lanes}, type));
}

/// Cuts a row into vectors of `each` features; `valid` of them exist.
void AttentionPack::forVectors(int64_t each, function_ref<void(Number, int64_t)> body) const {
  int64_t whole = width / each * each;
  if (whole)
    e.loop(0, whole, each, [&](Number at) { body(at, each); });
  if (whole != width)
    body(e.index(whole), width - whole);
}

static Number asWords(Emit &e, Words words, Number numbers) {
  if (!words.pairs)
    return numbers;
  return e.wrap(vector::BitCastOp::create(e.builder, e.loc, VectorType::get({Tile::lanes}, words.type(e)), numbers));
}

void AttentionPack::rows(Value to, const HeadRows &from, const GroupTokens &tokens, Number first, Number count) const {
  int64_t each = Tile::lanes * words.each();
  e.loop(e.index(0), count, 1, [&](Number row) {
    Number token = tokens.at(first + row);
    forVectors(each, [&](Number at, int64_t valid) {
      e.storeVector(rowAsWords(from, token, at, valid), to, {slot, row, at / words.each()});
    });
  });
}

void AttentionPack::panels(Value to, const HeadRows &from, const GroupTokens &tokens, Number first,
                           Number count) const {
  int64_t each = Tile::lanes * words.each();
  e.loop(e.index(0), count, Tile::lanes, [&](Number column) {
    SmallVector<Number> lanes;
    for (int64_t i = 0; i < Tile::lanes; ++i)
      lanes.push_back(tokens.at(first + column + i));
    forVectors(each, [&](Number at, int64_t valid) {
      SmallVector<Number> square;
      for (Number token : lanes)
        square.push_back(rowAsWords(from, token, at, valid));
      square = Tile::transpose(e, square);
      for (int64_t i = 0; i < words.count(std::min(each, valid)); ++i)
        e.storeVector(square[i], to, {slot, column / Tile::columns, at / words.each() + i, column % Tile::columns});
    });
  });
}

void AttentionPack::pairs(Value to, const HeadRows &from, const GroupTokens &tokens, Number first, Number count) const {
  Type number = words.numberType(e);
  e.loop(e.index(0), words.count(count), 1, [&](Number word) {
    Number index = word * words.each(), token = tokens.at(first + index);
    forVectors(Tile::lanes, [&](Number at, int64_t valid) {
      Number packed = load(from, token, at, Tile::lanes, valid, number);
      if (words.pairs) {
        Number next = load(from, tokens.at(first + index + 1), at, Tile::lanes, valid, number);
        next = e.select(e.less(index + 1, count), next, e.constant(next.getType(), 0));
        packed = asWords(e, words, e.wrap(vector::InterleaveOp::create(e.builder, e.loc, packed.value, next.value)));
      }
      e.storeVector(packed, to, {slot, word, at});
    });
  });
}

Number AttentionPack::rowAsWords(const HeadRows &from, Number token, Number at, int64_t valid) const {
  return asWords(e, words, load(from, token, at, Tile::lanes * words.each(), valid, words.numberType(e)));
}

Number AttentionPack::pairAsWords(const HeadRows &from, const GroupTokens &tokens, Number index, Number end, Number at,
                                  int64_t valid) const {
  auto one = [&](Number place) {
    Number numbers = load(from, tokens.at(place), at, Tile::lanes, valid, words.numberType(e));
    return e.select(e.less(place, end), numbers, e.constant(numbers.getType(), 0));
  };
  Number left = one(index), right = one(index + 1);
  return asWords(e, words, e.wrap(vector::InterleaveOp::create(e.builder, e.loc, left.value, right.value)));
}

void AttentionPack::unpackPanel(Value to, Value from, Number panel, function_ref<Number(int64_t)> factor) const {
  e.loop(0, rowFeatures(width), Tile::lanes, [&](Number feature) {
    for (int64_t v = 0; v < Tile::vectors; ++v) {
      SmallVector<Number> square;
      for (int64_t i = 0; i < Tile::lanes; ++i)
        square.push_back(e.loadVector(from, {slot, panel, feature + i, e.index(v * Tile::lanes)}, Tile::lanes) *
                         factor(v));
      for (auto [i, row] : llvm::enumerate(Tile::transpose(e, square)))
        e.storeVector(row, to, {slot, e.index(v * Tile::lanes + i), feature});
    }
  });
}

void AttentionPack::writeRow(const HeadRows &to, Number token, Value from, Number row, Number factor) const {
  Type type = cast<MemRefType>(to.buffer.getType()).getElementType();
  forVectors(Tile::lanes, [&](Number at, int64_t valid) {
    Number sums = e.loadVector(from, {slot, row, at}, Tile::lanes) * e.broadcast(factor, Tile::lanes);
    Number numbers = e.convert(sums, VectorType::get({Tile::lanes}, type));
    SmallVector<Value> place{to.clip, token, to.feature + at};
    if (valid >= Tile::lanes)
      e.storeVector(numbers, to.buffer, place);
    else
      e.storeMasked(numbers, to.buffer, place, e.firstLanes(e.index(valid), Tile::lanes));
  });
}

Number AttentionPack::dot(const HeadRows &a, const HeadRows &b, Number token) const {
  Type f32 = e.builder.getF32Type();
  auto product = [&](Number at, int64_t valid, Number sum) {
    return e.fma(load(a, token, at, Tile::lanes, valid, f32), load(b, token, at, Tile::lanes, valid, f32), sum);
  };
  int64_t whole = width / Tile::lanes * Tile::lanes;
  Number sum = e.constant(Tile::vectorType(e), 0);
  if (whole)
    sum = e.reduce(e.index(0), e.index(whole), Tile::lanes, {sum}, [&](Number at, ArrayRef<Number> carried) {
      return SmallVector<Number>{product(at, Tile::lanes, carried[0])};
    })[0];
  if (whole != width)
    sum = product(e.index(whole), width - whole, sum);
  return e.laneSum(sum);
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

Value AttentionScratch::buffer(ArrayRef<int64_t> shape, Type type) { return slotBuffer(context, slots, shape, type); }
Value AttentionScratch::floats(ArrayRef<int64_t> shape) {
  return buffer(shape, Float32Type::get(context.op->getContext()));
}
Value AttentionScratch::words(ArrayRef<int64_t> shape) {
  return kind.pairs ? buffer(shape, IntegerType::get(context.op->getContext(), 32)) : floats(shape);
}

Words jepa::attentionWords(KernelContext &context, ArrayRef<Value> operands) {
  bool allBf16 = llvm::all_of(operands, [](Value operand) { return getElementTypeOrSelf(operand).isBF16(); });
  return {allBf16 && context.hasBf16Dot()};
}

int64_t jepa::evenBlock(int64_t size, int64_t limit, int64_t unit) {
  int64_t units = llvm::divideCeil(size, unit);
  return llvm::divideCeil(units, llvm::divideCeil(units, limit / unit)) * unit;
}

int64_t jepa::forwardParts(const AttentionLayout &layout, KernelContext &context, int64_t panel) {
  int64_t panels = llvm::divideCeil(layout.queries.capacity, panel);
  return std::clamp<int64_t>(llvm::divideCeil(4 * context.getMaxThreads(), layout.units()), 1,
                             llvm::divideCeil(panels, 8));
}

void jepa::clear(KernelContext &context, ArrayRef<Value> buffers) {
  for (Value buffer : buffers) {
    Value rows = context.rows(buffer);
    auto type = cast<MemRefType>(rows.getType());
    int64_t width = type.getDimSize(1);
    context.launch("attention_clear", {rows}, {}, type.getDimSize(0), rowGrain(width), [&](Kernel &k) {
      Emit &e = k.e;
      e.loop(k.begin, k.end, 1, [&](Number row) {
        sweep(e, width, [&](Span &span) {
          Number zero = e.constant(VectorType::get({span.lanes}, type.getElementType()), 0);
          if (span.mask.value)
            e.storeMasked(zero, k.buffers[0], {row, span.at}, span.mask);
          else
            e.storeVector(zero, k.buffers[0], {row, span.at});
        });
      });
    });
  }
}
