//===- DeviceRow.cpp - ops on rows, alone or fused ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cuda/DeviceRow.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

#include <numeric>

using namespace mlir;
using namespace jepa;

#include "compiler/target/cuda/RowInterface.cpp.inc"

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }
/// A scalar is a row of one number.
static int64_t widthOf(RankedTensorType type) { return type.getRank() ? type.getShape().back() : 1; }
static bool sumsRows(Operation *op) { return cast<FusibleOpInterface>(op).sumsRows(); }

/// What a row's numbers are called after: the op, in the words of C++.
static std::string nameOf(Operation *op) {
  StringRef name = op->getName().stripDialect();
  std::string text;
  bool isFirst = true;
  for (StringRef part : llvm::split(name, '_')) {
    text += isFirst ? part[0] : llvm::toUpper(part[0]);
    text += part.drop_front();
    isFirst = false;
  }
  return text;
}

/// The largest of 8, 4, 2 and 1 that divides both.
static int64_t alignmentOf(int64_t a, int64_t b) { return std::gcd(std::gcd(a, b), int64_t(8)); }

/// What the rows of a buffer begin at multiples of, if that is less than the width's vectors; else 0.
static int64_t narrowed(Value buffer, int64_t width) {
  auto type = cast<MemRefType>(buffer.getType());
  auto [strides, offset] = type.getStridesAndOffset();
  int64_t stride = type.getNumElements() > width ? KernelContext::rowStride(buffer) : 0;
  int64_t aligned = alignmentOf(offset, stride);
  return aligned < alignmentOf(width, width) ? aligned : 0;
}

std::string jepa::narrowAlignment(Value buffer, int64_t width) {
  int64_t aligned = narrowed(buffer, width);
  return aligned ? ", " + std::to_string(aligned) : "";
}

std::string jepa::storeRowText(Value buffer, int64_t width) {
  int64_t aligned = narrowed(buffer, width);
  return aligned ? "storeRow<" + std::to_string(aligned) + ">" : "storeRow";
}

bool jepa::isDeviceRowOp(Operation *op) {
  if (!isa<CudaRowOpInterface>(op))
    return false;
  RankedTensorType from = typeOf(op->getOperand(0));
  // A column or a scalar that an addition repeats along its rows is a case for loops.
  auto isColumn = [&](Value operand) {
    RankedTensorType type = typeOf(operand);
    return widthOf(type) == 1 && (widthOf(from) != 1 || (type.getRank() == 0 && from.getRank() != 0));
  };
  if (llvm::any_of(op->getOperands(), isColumn))
    return false;
  return !sumsRows(op) ||
         llvm::all_of(op->getResults(), [&](Value result) { return typeOf(result).getNumElements() == widthOf(from); });
}

namespace {

class DeviceRows {
public:
  DeviceRows(KernelContext &context, ArrayRef<Operation *> ops, ValueRange results);
  void emit();

private:
  bool isInner(Value value) const { return llvm::is_contained(ops, value.getDefiningOp()); }
  void emitRow(DeviceKernel &k, Value row);
  Value read(DeviceKernel &k, Value row, OpOperand &operand);
  std::string repeated(Value row, RankedTensorType lhs, RankedTensorType rhs) const;
  void emitSums();
  Value parameterOf(DeviceKernel &k, Value buffer) const { return k.parameters[parameters.lookup(buffer)]; }
  KernelContext &context;
  ArrayRef<Operation *> ops;
  ValueRange results;
  RankedTensorType shape;
  int64_t width, rows, sumCount = 0, each = 0, blocks = 0;
  bool isTiled;
  Value partial;
  SmallVector<DeviceBuffer> writes, reads;
  /// Buffers and their parameters.
  DenseMap<Value, unsigned> parameters;
  /// While the body is written: rows of values, and of buffers that were read.
  DenseMap<Value, Value> computed;
  std::map<std::pair<void *, std::string>, Value> loaded;
};

} // namespace

DeviceRows::DeviceRows(KernelContext &context, ArrayRef<Operation *> ops, ValueRange results)
    : context(context), ops(ops), results(results), shape(typeOf(ops.front()->getOperand(0))), width(widthOf(shape)),
      rows(countRows(shape)) {
  isTiled = llvm::none_of(ops, [](Operation *op) { return cast<CudaRowOpInterface>(op).needsWholeRow(); });
  llvm::StringMap<int> taken;
  auto unique = [&](StringRef name) {
    int count = taken[name]++;
    return count ? (name + Twine(count)).str() : name.str();
  };
  for (Operation *op : ops) {
    if (sumsRows(op)) {
      sumCount += op->getNumResults();
      continue;
    }
    for (Value result : op->getResults())
      if (llvm::is_contained(results, result)) {
        Value buffer = context.out(result);
        parameters[buffer] = writes.size();
        writes.push_back({unique("to_" + nameOf(op)), buffer});
      }
  }
  if (sumCount) {
    // Two blocks for each of Hopper's multiprocessors, which is what fits; enough rows to a block for its four warps.
    constexpr int64_t wanted = 264, least = 16;
    each = llvm::alignTo(std::max(least, blocksFor(rows, wanted)), 4);
    blocks = blocksFor(rows, each);
    partial = context.temporary({blocks, sumCount, width}, Float32Type::get(ops.front()->getContext()));
    parameters[partial] = writes.size();
    writes.push_back({"partial", partial});
  }
  for (Operation *op : ops)
    for (OpOperand &operand : op->getOpOperands()) {
      Value buffer = isInner(operand.get()) ? Value() : context.in(operand.get());
      if (!buffer || !parameters.try_emplace(buffer, writes.size() + reads.size()).second)
        continue;
      bool isRow = cast<FusibleOpInterface>(op).isRowOperand(operand.getOperandNumber());
      reads.push_back({unique(isRow ? "x" : "whole"), buffer});
    }
}

/// The row of the right-hand side that belongs to `row` of the left: dimensions that it repeats do not move in it.
std::string DeviceRows::repeated(Value, RankedTensorType lhs, RankedTensorType rhs) const {
  int64_t missing = lhs.getRank() - rhs.getRank(), below = 1, stride = 1;
  std::string text;
  for (int64_t dim = lhs.getRank() - 2; dim >= missing; --dim) {
    int64_t size = lhs.getDimSize(dim);
    if (size != 1 && rhs.getDimSize(dim - missing) != 1) {
      std::string term = below == 1 ? "row" : "row / " + std::to_string(below);
      if (below * size != countRows(lhs))
        term += " % " + std::to_string(size);
      if (stride != 1)
        term = "(" + term + ") * " + std::to_string(stride);
      text += (text.empty() ? "" : " + ") + term;
      stride *= size;
    }
    below *= size;
  }
  return text.empty() ? "0" : text;
}

Value DeviceRows::read(DeviceKernel &k, Value row, OpOperand &operand) {
  if (isInner(operand.get()))
    return computed.lookup(operand.get());
  Value buffer = context.in(operand.get());
  RankedTensorType type = typeOf(operand.get());
  bool isRow = type.getShape() == shape.getShape() ||
               (cast<FusibleOpInterface>(operand.getOwner()).isRowOperand(operand.getOperandNumber()) &&
                type.getNumElements() == shape.getNumElements());
  std::string place = isRow ? "row" : type.getRank() < 2 ? "" : repeated(row, shape, type);
  Value &found = loaded[{buffer.getAsOpaquePointer(), place}];
  if (found)
    return found;
  StringRef name =
      (buffer ? writes.size() + reads.size() : 0)
          ? StringRef(parameters.lookup(buffer) < writes.size() ? writes[parameters.lookup(buffer)].name
                                                                : reads[parameters.lookup(buffer) - writes.size()].name)
          : "";
  std::string callee =
      (Twine(place.empty() ? "loadWhole"
             : isTiled     ? "loadTile"
                           : "loadRow") +
       (place.empty() && isTiled ? "Tile" : "") + "<" + Twine(width) + narrowAlignment(buffer, width) + ">")
          .str();
  SmallVector<Value> arguments{parameterOf(k, buffer)};
  if (!place.empty())
    llvm::append_values(arguments, isRow ? row : k.text(place), k.number(KernelContext::rowStride(buffer)));
  return found = k.call(callee, arguments, (name + "Row").str());
}

void DeviceRows::emitRow(DeviceKernel &k, Value row) {
  computed.clear();
  loaded.clear();
  int64_t sum = 0;
  std::map<std::pair<void *, double>, Value> normal;
  for (Operation *op : ops) {
    DeviceRow view{k, {}, nameOf(op) + "Out", [&](Value x, double eps) {
                     Value &made = normal[{x.getAsOpaquePointer(), eps}];
                     if (!made)
                       made = k.call("normalize", {x, k.text(floatText(eps))}, "normalRow");
                     return made;
                   }};
    for (OpOperand &operand : op->getOpOperands())
      view.operands.push_back(read(k, row, operand));
    SmallVector<Value> made = cast<CudaRowOpInterface>(op).emitRow(view);
    if (sumsRows(op)) {
      for (Value term : made)
        k.run("sums.add<" + Twine(sum++) + ">", term);
      continue;
    }
    for (auto [result, value] : llvm::zip_equal(op->getResults(), made)) {
      Type element = typeOf(result).getElementType();
      auto isIn = [&](Operation *user) { return llvm::is_contained(ops, user); };
      // What reading the value back from memory would give.
      if (element.isBF16() && llvm::any_of(result.getUsers(), isIn))
        value = k.call("rounded<bf16>", value, nameOf(op) + "Out");
      computed[result] = value;
      if (llvm::is_contained(results, result)) {
        Value buffer = context.out(result);
        k.run(storeRowText(buffer, width),
              {parameterOf(k, buffer), row, k.number(KernelContext::rowStride(buffer)), value});
      }
    }
  }
}

void DeviceRows::emitSums() {
  int64_t sum = 0;
  for (Operation *op : ops)
    if (sumsRows(op))
      for (Value result : op->getResults()) {
        int64_t at = sum++;
        launchOnDevice(context, {"sum_rows", "SumRows", "reduce.cuh", {blocksFor(width, 32), 1, 1}},
                       {{"to", context.out(result)}}, {{"partial", partial}}, [&](DeviceKernel &k) {
                         std::string from = at ? "partial + " + std::to_string(at * width) : "partial";
                         k.run("SumRows::run", {k.parameters[0], at ? k.text(from) : k.parameters[1], k.number(blocks),
                                                k.number(width), k.number(sumCount * width)});
                       });
      }
}

void DeviceRows::emit() {
  std::string name = llvm::join(llvm::map_range(ops, [](Operation *op) { return op->getName().stripDialect(); }), "_");
  // As ColumnTile of the device library cuts them.
  constexpr int64_t tile = 512;
  int64_t tiles = isTiled ? blocksFor(width, std::min(width, tile)) : 1;
  std::string kind = isTiled ? "Tile" : "Row", arguments = std::to_string(width);
  if (!sumCount) {
    std::string block = kind + "Block<" + arguments + ">";
    launchOnDevice(context,
                   {name, block, "row.cuh", {blocksFor(rows, 4), tiles, 1}, block + "::threads, " + block + "::blocks"},
                   writes, reads, [&](DeviceKernel &k) {
                     k.forEach(block + "::forRows(" + Twine(rows), "row", [&](Value row) { emitRow(k, row); });
                   });
    return;
  }
  std::string sums = kind + "Sums<" + arguments + ", " + std::to_string(sumCount) + ">";
  launchOnDevice(context, {name, sums, "row.cuh", {blocks, tiles, 1}, sums + "::threads, " + sums + "::blocks"}, writes,
                 reads, [&](DeviceKernel &k) {
                   k.declare(sums, "sums");
                   k.forEach("sums.forRows(" + Twine(rows) + ", " + Twine(each), "row",
                             [&](Value row) { emitRow(k, row); });
                   k.run("sums.store", parameterOf(k, partial));
                 });
  emitSums();
}

void jepa::emitDeviceRows(KernelContext &context, ArrayRef<Operation *> ops, ValueRange results) {
  DeviceRows(context, ops, results).emit();
}
