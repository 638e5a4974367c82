//===- RowKernels.cpp - ops on rows, alone or fused ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cpu/RowKernels.h"

#include "compiler/target/cpu/Partial.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace jepa;

#include "compiler/target/cpu/RowInterface.cpp.inc"

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

bool jepa::isRowOp(Operation *op) {
  if (!isa<CpuRowOpInterface>(op))
    return false;
  auto sum = cast<FusibleOpInterface>(op);
  auto from = typeOf(op->getOperand(0));
  return from.getRank() && (!sum.sumsRows() || llvm::all_of(op->getResults(), [&](Value result) {
           return typeOf(result).getNumElements() == from.getShape().back();
         }));
}

namespace {

class RowGroup {
public:
  RowGroup(KernelContext &context, ArrayRef<Operation *> ops, ValueRange results);
  void emit();

private:
  /// Where the kernel finds a value: an argument (of its buffers), and whether as [thread, width].
  struct Place {
    unsigned argument;
    bool isScratch = false;
  };

  bool isInner(Value value) const { return llvm::is_contained(ops, value.getDefiningOp()); }
  static bool sumsRows(Operation *op) { return cast<FusibleOpInterface>(op).sumsRows(); }
  bool isRow(OpOperand &operand) const;
  bool isComputedTwice(Value value) const;
  void emitRow(Kernel &k, Number row, Number chunk) const;
  RowKernel viewOf(Kernel &k, Number row, Operation *op, const DenseMap<Value, RowFunction> &computed) const;
  RowFunction reader(Kernel &k, Number row, Place place) const;
  void addPartials(Kernel &k, Number chunk, Operation *op, ArrayRef<RowFunction> terms) const;
  void emitSums();

  KernelContext &context;
  ArrayRef<Operation *> ops;
  int64_t width, rows;
  RowChunks chunks;
  bool hasSums = false;
  SmallVector<Value> writes, reads;
  /// Written values, scratch, and what comes from outside, by use.
  DenseMap<Value, Place> written;
  DenseMap<OpOperand *, unsigned> outside;
  /// Ops that sum rows: their partial sums [results, chunks, width].
  DenseMap<Operation *, unsigned> partials;
};

} // namespace

RowGroup::RowGroup(KernelContext &context, ArrayRef<Operation *> ops, ValueRange results)
    : context(context), ops(ops), width(typeOf(ops.front()->getOperand(0)).getShape().back()),
      rows(countRows(typeOf(ops.front()->getOperand(0)))), chunks(rows) {
  for (Operation *op : ops) {
    if (sumsRows(op)) {
      hasSums = true;
      partials[op] = writes.size();
      writes.push_back(
          context.temporary({op->getNumResults(), chunks.count, width}, Float32Type::get(op->getContext())));
      continue;
    }
    for (Value result : op->getResults()) {
      if (llvm::is_contained(results, result)) {
        written[result] = {static_cast<unsigned>(writes.size()), false};
        writes.push_back(context.rows(context.out(result)));
      } else if (isComputedTwice(result)) {
        written[result] = {static_cast<unsigned>(writes.size()), true};
        writes.push_back(context.temporary({context.getMaxThreads(), width}, typeOf(result).getElementType()));
      }
    }
  }
  // One buffer is one argument, by rank, however many ops read it.
  llvm::MapVector<std::pair<Value, unsigned>, Value> views;
  for (Operation *op : ops)
    for (OpOperand &operand : op->getOpOperands()) {
      if (isInner(operand.get()))
        continue;
      Value buffer = context.in(operand.get());
      bool isVector = !isRow(operand) && cast<MemRefType>(buffer.getType()).getRank() == 1;
      auto [place, isNew] = views.insert({{buffer, isVector ? 1 : 2}, Value()});
      if (isNew)
        place->second = isVector ? buffer : context.rows(buffer);
      outside[&operand] = writes.size() + (place - views.begin());
    }
  for (auto &[key, view] : views)
    reads.push_back(view);
}

/// Whether the op gets the operand row by row; a column that an addition repeats is read whole.
bool RowGroup::isRow(OpOperand &operand) const {
  return cast<FusibleOpInterface>(operand.getOwner()).isRowOperand(operand.getOperandNumber()) &&
         typeOf(operand.get()).getShape().back() == width;
}

bool RowGroup::isComputedTwice(Value value) const {
  if (!value.hasOneUse())
    return true;
  Operation *user = *value.user_begin();
  return isa<CpuRowOpInterface>(user) && cast<CpuRowOpInterface>(user).rereadsRow();
}

RowFunction RowGroup::reader(Kernel &k, Number row, Place place) const {
  Value buffer = k.buffers[place.argument], at = place.isScratch ? k.thread : row;
  return [buffer, at](Span &span) { return span.load(buffer, {at}); };
}

RowKernel RowGroup::viewOf(Kernel &k, Number row, Operation *op, const DenseMap<Value, RowFunction> &computed) const {
  RowKernel view{k.e, row, width, SmallVector<RowFunction>(op->getNumOperands()),
                 SmallVector<Value>(op->getNumOperands())};
  for (OpOperand &operand : op->getOpOperands()) {
    unsigned index = operand.getOperandNumber();
    if (isInner(operand.get()))
      view.rows[index] = computed.lookup(operand.get());
    else if (isRow(operand))
      view.rows[index] = reader(k, row, {outside.lookup(&operand)});
    else
      view.whole[index] = k.buffers[outside.lookup(&operand)];
  }
  return view;
}

/// What reading the value back from memory would give.
static RowFunction rounded(Emit &e, RowFunction function, Type element) {
  if (element.isF32())
    return function;
  return [&e, function, element](Span &span) {
    return e.convert(e.convert(function(span), element), e.builder.getF32Type());
  };
}

void RowGroup::addPartials(Kernel &k, Number chunk, Operation *op, ArrayRef<RowFunction> terms) const {
  Value sums = k.buffers[partials.lookup(op)];
  sweep(k.e, width, [&](Span &span) {
    for (auto [index, term] : llvm::enumerate(terms)) {
      SmallVector<Value> place{k.e.index(index), chunk};
      span.store(span.load(sums, place) + term(span), sums, place);
    }
  });
}

void RowGroup::emitRow(Kernel &k, Number row, Number chunk) const {
  DenseMap<Value, RowFunction> computed;
  for (Operation *op : ops) {
    SmallVector<RowFunction> functions = cast<CpuRowOpInterface>(op).emitRow(viewOf(k, row, op, computed));
    if (sumsRows(op)) {
      addPartials(k, chunk, op, functions);
      continue;
    }
    for (auto [result, function] : llvm::zip_equal(op->getResults(), functions)) {
      auto place = written.find(result);
      if (place == written.end()) {
        computed[result] = rounded(k.e, function, typeOf(result).getElementType());
        continue;
      }
      Value buffer = k.buffers[place->second.argument], at = place->second.isScratch ? k.thread : row;
      sweep(k.e, width, [&](Span &span) { span.store(function(span), buffer, {at}); });
      computed[result] = reader(k, row, place->second);
    }
  }
}

void RowGroup::emitSums() {
  for (Operation *op : ops) {
    if (!sumsRows(op))
      continue;
    Value partial = writes[partials.lookup(op)];
    SmallVector<Value> results;
    for (Value result : op->getResults())
      results.push_back(context.flat(context.out(result)));
    context.launch("sum_chunks", results, {partial}, width, columnGrain, [&](Kernel &k) {
      sweep(k.e, k.begin, k.end, width, [&](Span &span) {
        for (int64_t index = 0, count = results.size(); index < count; ++index)
          span.store(sumRows(span, k.buffers[count], {k.e.index(index)}, chunks.count), k.buffers[index], {});
      });
    });
  }
}

void RowGroup::emit() {
  std::string name = llvm::join(llvm::map_range(ops, [](Operation *op) { return op->getName().stripDialect(); }), "_");
  if (!hasSums) {
    context.launch(name, writes, reads, rows, rowGrain(width),
                   [&](Kernel &k) { k.e.loop(k.begin, k.end, 1, [&](Number row) { emitRow(k, row, {}); }); });
    return;
  }
  context.launch(name, writes, reads, chunks.count, 1, [&](Kernel &k) {
    chunks.forEach(k, [&](Number chunk, Number begin, Number end) {
      for (Operation *op : ops)
        if (sumsRows(op))
          for (int64_t index = 0, count = op->getNumResults(); index < count; ++index)
            zeroRow(k.e, width, k.buffers[partials.lookup(op)], {k.e.index(index), chunk});
      k.e.loop(begin, end, 1, [&](Number row) { emitRow(k, row, chunk); });
    });
  });
  emitSums();
}

void jepa::emitRowOps(KernelContext &context, ArrayRef<Operation *> ops, ValueRange results) {
  RowGroup(context, ops, results).emit();
}
