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

/// How far ahead of the row that it is at a kernel asks for memory.
static constexpr int64_t prefetchedRows = 2;

namespace {

class RowGroup {
public:
  /// `product` is the value, if any, that the kernel gets part by part.
  RowGroup(KernelContext &context, ArrayRef<Operation *> ops, ValueRange results, Value product = {});
  void emit();
  LogicalResult emitInside(function_ref<LogicalResult()> emitProduct);

private:
  /// Where the kernel finds a value: an argument (of its buffers), and whether as [thread, width].
  struct Place {
    unsigned argument;
    bool isScratch = false;
  };
  /// Those of a row that a kernel is at: all, where there is no `begin`.
  struct Columns {
    Number begin, end;
  };

  bool isInner(Value value) const { return llvm::is_contained(ops, value.getDefiningOp()); }
  static bool sumsRows(Operation *op) { return cast<FusibleOpInterface>(op).sumsRows(); }
  bool isRow(OpOperand &operand) const;
  bool isComputedTwice(Value value) const;
  Value homeOfProduct() const;
  void prefetchRow(Kernel &k, Number row, const Columns &columns) const;
  std::string name() const;
  void sweepColumns(Kernel &k, const Columns &columns, function_ref<void(Span &)> body) const;
  void emitRow(Kernel &k, Number row, Number chunk, const Columns &columns) const;
  void emitChunk(Kernel &k, Number chunk, Number begin, Number end, const Columns &columns) const;
  RowKernel viewOf(Kernel &k, Number row, Operation *op, const DenseMap<Value, RowFunction> &computed) const;
  RowFunction reader(Kernel &k, Number row, Place place) const;
  RowFunction readerOf(Kernel &k, Number row, OpOperand &operand) const;
  void addPartials(Kernel &k, Number chunk, const Columns &columns, Operation *op, ArrayRef<RowFunction> terms) const;
  void emitSums();

  KernelContext &context;
  ArrayRef<Operation *> ops;
  ValueRange results;
  Value product;
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

RowGroup::RowGroup(KernelContext &context, ArrayRef<Operation *> ops, ValueRange results, Value product)
    : context(context), ops(ops), results(results), product(product),
      width(typeOf(ops.front()->getOperand(0)).getShape().back()), rows(countRows(typeOf(ops.front()->getOperand(0)))),
      chunks(rows) {
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
        writes.push_back(slotBuffer(context, context.getMaxThreads(), {width}, typeOf(result).getElementType()));
      }
    }
  }
  Value home = homeOfProduct();
  if (home)
    context.place(product, context.out(home));
  else if (product)
    context.out(product);
  // One buffer is one argument, by rank, however many ops read it.
  llvm::MapVector<std::pair<Value, unsigned>, Value> views;
  for (Operation *op : ops)
    for (OpOperand &operand : op->getOpOperands()) {
      if (isInner(operand.get()))
        continue;
      if (home && operand.get() == product) {
        outside[&operand] = written[home].argument;
        continue;
      }
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

/// The result in whose buffer the product's can stand until the kernel replaces it, row by row: of the same type or
/// wider, and computed when nothing reads the product any more. Nothing where the product's result is kept, or has no
/// such place.
Value RowGroup::homeOfProduct() const {
  if (!product || llvm::is_contained(results, product))
    return {};
  Value home;
  // What is not stored is computed anew, from the product, wherever it is read.
  DenseSet<Value> fresh{product};
  for (Operation *op : ops) {
    bool readsProduct = false;
    for (OpOperand &operand : op->getOpOperands()) {
      if (operand.get() == product && !isRow(operand))
        return {};
      readsProduct |= fresh.contains(operand.get());
    }
    if (!readsProduct)
      continue;
    home = {};
    for (Value result : op->getResults()) {
      auto place = written.find(result);
      if (place == written.end() && !sumsRows(op))
        fresh.insert(result);
      Type element = typeOf(result).getElementType();
      if (place != written.end() && !place->second.isScratch &&
          (element.isF32() || element == typeOf(product).getElementType()))
        home = result;
    }
  }
  return home;
}

RowFunction RowGroup::reader(Kernel &k, Number row, Place place) const {
  Value buffer = k.buffers[place.argument], at = place.isScratch ? k.thread : row;
  return [buffer, at](Span &span) { return span.load(buffer, {at}); };
}

/// What reading the value back from memory would give.
static RowFunction rounded(Emit &e, RowFunction function, Type element) {
  if (element.isF32())
    return function;
  return [&e, function, element](Span &span) {
    return e.convert(e.convert(function(span), element), e.builder.getF32Type());
  };
}

RowFunction RowGroup::readerOf(Kernel &k, Number row, OpOperand &operand) const {
  unsigned argument = outside.lookup(&operand);
  RowFunction read = reader(k, row, {argument});
  Type element = typeOf(operand.get()).getElementType();
  bool isWider = operand.get() == product && getElementTypeOrSelf(k.buffers[argument].getType()) != element;
  return isWider ? rounded(k.e, read, element) : read;
}

RowKernel RowGroup::viewOf(Kernel &k, Number row, Operation *op, const DenseMap<Value, RowFunction> &computed) const {
  RowKernel view{k.e, row, width, SmallVector<RowFunction>(op->getNumOperands()),
                 SmallVector<Value>(op->getNumOperands())};
  for (OpOperand &operand : op->getOpOperands()) {
    unsigned index = operand.getOperandNumber();
    if (isInner(operand.get()))
      view.rows[index] = computed.lookup(operand.get());
    else if (isRow(operand))
      view.rows[index] = readerOf(k, row, operand);
    else
      view.whole[index] = k.buffers[outside.lookup(&operand)];
  }
  return view;
}

void RowGroup::sweepColumns(Kernel &k, const Columns &columns, function_ref<void(Span &)> body) const {
  if (columns.begin.value)
    sweep(k.e, columns.begin, columns.end, width, body);
  else
    sweep(k.e, width, body);
}

void RowGroup::addPartials(Kernel &k, Number chunk, const Columns &columns, Operation *op,
                           ArrayRef<RowFunction> terms) const {
  Value sums = k.buffers[partials.lookup(op)];
  sweepColumns(k, columns, [&](Span &span) {
    for (auto [index, term] : llvm::enumerate(terms)) {
      SmallVector<Value> place{k.e.index(index), chunk};
      span.store(span.load(sums, place) + term(span), sums, place);
    }
  });
}

void RowGroup::emitRow(Kernel &k, Number row, Number chunk, const Columns &columns) const {
  DenseMap<Value, RowFunction> computed;
  for (Operation *op : ops) {
    SmallVector<RowFunction> functions = cast<CpuRowOpInterface>(op).emitRow(viewOf(k, row, op, computed));
    if (sumsRows(op)) {
      addPartials(k, chunk, columns, op, functions);
      continue;
    }
    for (auto [result, function] : llvm::zip_equal(op->getResults(), functions)) {
      auto place = written.find(result);
      if (place == written.end()) {
        computed[result] = rounded(k.e, function, typeOf(result).getElementType());
        continue;
      }
      Value buffer = k.buffers[place->second.argument], at = place->second.isScratch ? k.thread : row;
      sweepColumns(k, columns, [&](Span &span) { span.store(function(span), buffer, {at}); });
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

std::string RowGroup::name() const {
  return llvm::join(llvm::map_range(ops, [](Operation *op) { return op->getName().stripDialect(); }), "_");
}

/// The rows [begin, end), all of chunk `chunk`.
void RowGroup::emitChunk(Kernel &k, Number chunk, Number begin, Number end, const Columns &columns) const {
  for (Operation *op : ops)
    if (sumsRows(op))
      for (int64_t index = 0, count = op->getNumResults(); index < count; ++index)
        sweepColumns(k, columns, [&](Span &span) {
          span.store(span.constant(0), k.buffers[partials.lookup(op)], {k.e.index(index), chunk});
        });
  k.e.loop(begin, end, 1, [&](Number row) {
    if (product)
      prefetchRow(k, k.e.min(row + prefetchedRows, end - 1), columns);
    emitRow(k, row, chunk, columns);
  });
}

/// Inside a product, rows come in pieces too short for the processor to see what is needed next.
void RowGroup::prefetchRow(Kernel &k, Number row, const Columns &columns) const {
  constexpr int64_t lineBytes = 64;
  auto prefetch = [&](unsigned argument, bool isWrite) {
    Value buffer = k.buffers[argument];
    int64_t step = lineBytes / (getElementTypeOrSelf(buffer.getType()).getIntOrFloatBitWidth() / 8);
    bool all = !columns.begin.value;
    k.e.loop(all ? k.e.index(0) : columns.begin, all ? k.e.index(width) : columns.end, step, [&](Number at) {
      k.e.prefetch(buffer, {row, at}, isWrite);
    });
  };
  llvm::SmallDenseSet<unsigned> seen;
  for (Operation *op : ops)
    for (OpOperand &operand : op->getOpOperands())
      if (operand.get() == product && !isInner(operand.get()))
        seen.insert(outside.lookup(&operand));
  for (Operation *op : ops) {
    for (OpOperand &operand : op->getOpOperands())
      if (!isInner(operand.get()) && isRow(operand) && seen.insert(outside.lookup(&operand)).second)
        prefetch(outside.lookup(&operand), /*isWrite=*/false);
    for (Value result : op->getResults())
      if (auto place = written.find(result);
          place != written.end() && !place->second.isScratch && seen.insert(place->second.argument).second)
        prefetch(place->second.argument, /*isWrite=*/true);
  }
}

void RowGroup::emit() {
  if (!hasSums) {
    context.launch(name(), writes, reads, rows, rowGrain(width),
                   [&](Kernel &k) { emitChunk(k, {}, k.begin, k.end, {}); });
    return;
  }
  context.launch(name(), writes, reads, chunks.count, 1, [&](Kernel &k) {
    chunks.forEach(k, [&](Number chunk, Number begin, Number end) { emitChunk(k, chunk, begin, end, {}); });
  });
  emitSums();
}

// Parts have the rows of a chunk, so that sums do not depend on who runs the kernel. An op that has to see a row as a
// whole has to wait for all its columns; others take them as the product writes them.
LogicalResult RowGroup::emitInside(function_ref<LogicalResult()> emitProduct) {
  bool wholeRows =
      width <= columnGrain || llvm::any_of(ops, [](Operation *op) { return cast<CpuRowOpInterface>(op).rereadsRow(); });
  Parts parts{rows, width, chunks.length, wholeRows ? width : columnGrain};
  context.inNextProduct(name(), writes, reads, parts, [&](Kernel &k) {
    Emit &e = k.e;
    e.loop(k.begin, k.end, 1, [&](Number part) {
      Number chunk = part / parts.across(), begin = chunk * chunks.length;
      Columns columns;
      if (!wholeRows) {
        columns.begin = (part % parts.across()) * parts.columns;
        columns.end = e.min(columns.begin + parts.columns, e.index(width));
      }
      emitChunk(k, chunk, begin, e.min(begin + chunks.length, e.index(rows)), columns);
    });
  });
  if (failed(emitProduct()))
    return failure();
  context.launchWaiting();
  emitSums();
  return success();
}

void jepa::emitRowOps(KernelContext &context, ArrayRef<Operation *> ops, ValueRange results) {
  RowGroup(context, ops, results).emit();
}

LogicalResult jepa::emitRowOpsInside(KernelContext &context, ArrayRef<Operation *> ops, ValueRange results,
                                     Value product, function_ref<LogicalResult()> emitProduct) {
  return RowGroup(context, ops, results, product).emitInside(emitProduct);
}
