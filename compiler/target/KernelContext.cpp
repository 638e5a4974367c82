//===- KernelContext.cpp - buffers, launches and products of one function ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/KernelContext.h"

#include "compiler/analysis/Flops.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace jepa;

#include "compiler/target/KernelInterfaces.cpp.inc"

static MemRefType bufferType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return MemRefType::get(tensor.getShape(), tensor.getElementType());
}

Value KernelContext::out(Value result) {
  Value &buffer = buffers[result];
  if (!buffer)
    buffer = destinations.lookup(result);
  if (!buffer)
    buffer = BufferOp::create(builder, op->getLoc(), bufferType(result.getType()), arena,
                              builder.getStringAttr("temporary"), nullptr, nullptr, nullptr);
  return buffer;
}

Value KernelContext::temporary(ArrayRef<int64_t> shape, Type element) {
  return BufferOp::create(builder, op->getLoc(), MemRefType::get(shape, element), arena,
                          builder.getStringAttr("temporary"), nullptr, nullptr, nullptr);
}

void KernelContext::alias(Value result, Value view) {
  if (getElementTypeOrSelf(result.getType()) != getElementTypeOrSelf(view.getType()))
    return copy(out(result), view);
  buffers[result] = view;
  if (Value destination = destinations.lookup(result))
    copy(destination, view);
}

Value KernelContext::named(StringRef kind, StringRef name, MemRefType type, DictionaryAttr info) {
  Value &buffer = namedBuffers[name];
  if (buffer)
    return buffer;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(arena.getParentBlock());
  buffer = BufferOp::create(builder, op->getLoc(), type, arena, builder.getStringAttr(kind),
                            builder.getStringAttr(name), nullptr, info);
  return buffer;
}

Value KernelContext::copyOf(StringRef name, ArrayRef<int64_t> shape) {
  return named("copy", ("copy:" + name).str(), MemRefType::get(shape, builder.getBF16Type()));
}

void KernelContext::enter(FusedOp group) {
  Block &body = group.getBody().front();
  for (auto [argument, input] : llvm::zip_equal(body.getArguments(), group.getInputs()))
    buffers[argument] = in(input);
  for (auto [value, output] : llvm::zip_equal(body.getTerminator()->getOperands(), group.getOutputs()))
    if (value.getDefiningOp() && !buffers.contains(value))
      buffers[value] = out(output);
}

void KernelContext::leave(FusedOp group) {
  op = group;
  for (auto [value, output] :
       llvm::zip_equal(group.getBody().front().getTerminator()->getOperands(), group.getOutputs()))
    if (in(value) != out(output))
      copy(out(output), in(value));
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

Value KernelContext::rows(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  if (type.getRank() == 2)
    return buffer;
  SmallVector<ReassociationIndices> groups(2);
  if (type.getRank() < 2) {
    groups = {{0, 1}};
    groups.resize(type.getRank());
    return memref::ExpandShapeOp::create(builder, op->getLoc(), ArrayRef<int64_t>{1, type.getNumElements()}, buffer,
                                         groups);
  }
  for (int64_t dim = 0; dim + 1 < type.getRank(); ++dim)
    groups[0].push_back(dim);
  groups[1].push_back(type.getRank() - 1);
  return memref::CollapseShapeOp::create(builder, op->getLoc(), buffer, groups);
}

Value KernelContext::weightMatrix(Value weight) {
  int64_t rank = cast<MemRefType>(weight.getType()).getRank();
  if (rank == 2)
    return weight;
  SmallVector<ReassociationIndices> groups = {{0}, {}};
  for (int64_t dim = 1; dim < rank; ++dim)
    groups[1].push_back(dim);
  return memref::CollapseShapeOp::create(builder, op->getLoc(), weight, groups);
}

Value KernelContext::features(Value buffer, int64_t offset, int64_t size) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<int64_t> offsets(type.getRank(), 0), sizes(type.getShape()), strides(type.getRank(), 1);
  offsets.back() = offset;
  sizes.back() = size;
  auto view = memref::SubViewOp::inferResultType(type, offsets, sizes, strides);
  return memref::SubViewOp::create(builder, op->getLoc(), cast<MemRefType>(view), buffer, offsets, sizes, strides);
}

Value KernelContext::clips(Value buffer, int64_t clips) {
  Value matrix = rows(buffer);
  auto shape = cast<MemRefType>(matrix.getType()).getShape();
  SmallVector<ReassociationIndices> groups{{0, 1}, {2}};
  return memref::ExpandShapeOp::create(builder, op->getLoc(), ArrayRef<int64_t>{clips, shape[0] / clips, shape[1]},
                                       matrix, groups);
}

Value KernelContext::flat(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  if (type.getRank() == 1)
    return buffer;
  if (type.getRank() == 0)
    return memref::ExpandShapeOp::create(builder, op->getLoc(), ArrayRef<int64_t>{1}, buffer,
                                         ArrayRef<ReassociationIndices>{});
  SmallVector<ReassociationIndices> groups(1);
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    groups[0].push_back(dim);
  return memref::CollapseShapeOp::create(builder, op->getLoc(), buffer, groups);
}

Value KernelContext::matrix(Value buffer, int64_t width) {
  Value elements = flat(buffer);
  int64_t total = cast<MemRefType>(elements.getType()).getDimSize(0);
  SmallVector<ReassociationIndices> groups{{0, 1}};
  return memref::ExpandShapeOp::create(builder, op->getLoc(), ArrayRef<int64_t>{total / width, width}, elements,
                                       groups);
}

int64_t KernelContext::rowStride(Value buffer) {
  auto [strides, offset] = cast<MemRefType>(buffer.getType()).getStridesAndOffset();
  return strides.size() < 2 ? cast<MemRefType>(buffer.getType()).getNumElements() : strides[strides.size() - 2];
}

void KernelContext::copy(Value to, Value from) {
  if (isOnDevice())
    return shared.copyOnDevice(*this, to, from);
  auto type = cast<MemRefType>(to.getType());
  auto copyElement = [element = type.getElementType()](Kernel &k, ArrayRef<Value> indices) {
    k.e.store(k.e.convert(k.e.load(k.buffers[1], indices), element), k.buffers[0], indices);
  };
  if (type.getRank() == 0) {
    launch("copy", {to}, {from}, 1, 1, [&](Kernel &k) { copyElement(k, {}); });
    return;
  }
  Value toRows = rows(to), fromRows = rows(from);
  auto shape = cast<MemRefType>(toRows.getType()).getShape();
  launch("copy", {toRows}, {fromRows}, shape[0], std::max<int64_t>(1, 16384 / shape[1]), [&](Kernel &k) {
    k.e.loop(k.begin, k.end, 1, [&](Number row) {
      k.e.loop(0, shape[1], 1, [&](Number i) { copyElement(k, {row, i}); });
    });
  });
}

//===----------------------------------------------------------------------===//
// Launches and products
//===----------------------------------------------------------------------===//

/// What a kernel's code depends on: the launch, and the op's own attributes and shapes, which the emitter may have used.
/// Names of parameters and scopes (strings) and of axes are not part of it.
static void describeBody(raw_ostream &os, Operation *op);
static std::string structureOf(StringRef name, Operation *op, TypeRange types, int64_t count, int64_t grain) {
  std::string key;
  llvm::raw_string_ostream os(key);
  os << name << '|' << op->getName() << '|' << count << '|' << grain;
  for (NamedAttribute attribute : op->getAttrDictionary())
    if (!isa<StringAttr>(attribute.getValue()) && attribute.getName() != recomputedAttr)
      os << '|' << attribute.getName() << '=' << attribute.getValue();
  for (Type type : types)
    os << '|' << type;
  describeBody(os, op);
  for (TypeRange range : {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
    for (Type type : range)
      if (auto tensor = dyn_cast<RankedTensorType>(type))
        os << '|' << RankedTensorType::get(tensor.getShape(), tensor.getElementType());
  return key;
}

/// The ops of a group: kinds, attributes, types, and which of them reads what.
static void describeBody(raw_ostream &os, Operation *op) {
  if (op->getNumRegions() == 0)
    return;
  DenseMap<Value, size_t> numbers;
  auto number = [&](Value value) { return numbers.try_emplace(value, numbers.size()).first->second; };
  for (Value argument : op->getRegion(0).getArguments())
    number(argument);
  for (Operation &inner : op->getRegion(0).front()) {
    os << '|' << inner.getName();
    for (NamedAttribute attribute : inner.getAttrDictionary())
      if (!isa<StringAttr>(attribute.getValue()))
        os << '|' << attribute.getName() << '=' << attribute.getValue();
    for (Value operand : inner.getOperands())
      os << '|' << number(operand);
    for (Value result : inner.getResults()) {
      auto tensor = cast<RankedTensorType>(result.getType());
      os << '|' << number(result) << ':' << RankedTensorType::get(tensor.getShape(), tensor.getElementType());
    }
  }
}

StringRef KernelContext::kernelFor(StringRef name, TypeRange types, int64_t count, int64_t grain,
                                   function_ref<void(Kernel &)> body) {
  func::FuncOp &kernel = shared.kernels[structureOf(name, op, types, count, grain)];
  if (!kernel) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(shared.module.getBody());
    SmallVector<Type> arguments(3, builder.getIndexType());
    llvm::append_range(arguments, types);
    std::string symbol = llvm::formatv("{0}_{1}", name, shared.kernels.size() + shared.deviceKernels.size() - 1).str();
    kernel = func::FuncOp::create(builder, op->getLoc(), symbol, builder.getFunctionType(arguments, {}));
    kernel.setPrivate();
    for (unsigned index = 3; index < arguments.size(); ++index)
      kernel.setArgAttr(index, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    Block *block = kernel.addEntryBlock();
    builder.setInsertionPointToStart(block);
    Emit emit(builder, op->getLoc());
    Kernel state{emit, emit.wrap(block->getArgument(0)), emit.wrap(block->getArgument(1)),
                 emit.wrap(block->getArgument(2)), llvm::to_vector_of<Value>(block->getArguments().drop_front(3))};
    body(state);
    func::ReturnOp::create(builder, op->getLoc());
  }
  return kernel.getSymName();
}

static SmallVector<Value> joined(ArrayRef<Value> writes, ArrayRef<Value> reads) {
  SmallVector<Value> all(writes);
  llvm::append_range(all, reads);
  return all;
}

void KernelContext::launch(StringRef name, ArrayRef<Value> writes, ArrayRef<Value> reads, int64_t count, int64_t grain,
                           function_ref<void(Kernel &)> body) {
  SmallVector<Value> all = joined(writes, reads);
  StringRef kernel = kernelFor(name, TypeRange(all), count, grain, body);
  LaunchOp::create(builder, op->getLoc(), kernel, all, count, grain, writes.size());
}

void KernelContext::inNextProduct(StringRef name, ArrayRef<Value> writes, ArrayRef<Value> reads, const Parts &parts,
                                  function_ref<void(Kernel &)> body) {
  assert(!waiting && "one kernel waits for one product");
  SmallVector<Value> all = joined(writes, reads);
  StringRef kernel = kernelFor(name, TypeRange(all), parts.count(), 1, body);
  waiting = {kernel, std::move(all), static_cast<int64_t>(writes.size()), parts};
}

void KernelContext::launchWaiting() {
  if (waiting)
    LaunchOp::create(builder, op->getLoc(), waiting->kernel, waiting->buffers, waiting->parts.count(), /*grain=*/1,
                     waiting->writes);
  waiting.reset();
}

void KernelContext::product(Product p, Value c, Value a, Value b, Value bias) {
  p.bf16Inputs = cast<MemRefType>(a.getType()).getElementType().isBF16();
  p.roundsB = p.bf16Inputs && cast<MemRefType>(b.getType()).getElementType().isF32();
  p.bf16Result = cast<MemRefType>(c.getType()).getElementType().isBF16();
  std::optional<Waiting> epilogue;
  if (waiting && waiting->parts.m == p.m && waiting->parts.n == p.n) {
    epilogue.swap(waiting);
    p.epilogueRows = epilogue->parts.rows;
    p.epilogueColumns = epilogue->parts.columns;
  }
  Value scratch = temporary({std::max<int64_t>(1, shared.productScratch(p))}, builder.getI8Type());
  auto product = GemmOp::create(builder, op->getLoc(), c, a, b, scratch, bias,
                                epilogue ? ValueRange(epilogue->buffers) : ValueRange(), /*packed=*/false, p.m, p.n,
                                p.k, p.lda, p.ldb, p.ldc, p.transA, p.transB, /*epilogue=*/nullptr,
                                /*epilogueRows=*/nullptr, /*epilogueColumns=*/nullptr);
  if (!epilogue)
    return;
  product.setEpilogue(epilogue->kernel);
  product.setEpilogueRows(p.epilogueRows);
  product.setEpilogueColumns(p.epilogueColumns);
}
