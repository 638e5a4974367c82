//===- DeviceKernel.cpp - kernels written in the device library's words ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cuda/DeviceKernel.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

#include <charconv>

using namespace mlir;
using namespace jepa;

std::string jepa::deviceType(Type element) {
  if (auto integer = dyn_cast<IntegerType>(element))
    return integer.getWidth() == 8 ? "unsigned char" : integer.getWidth() == 32 ? "int" : "long long";
  return isE4m3(element) ? "e4m3" : element.isBF16() ? "bf16" : element.isF64() ? "double" : "float";
}

std::string jepa::floatText(double value) {
  // The shortest text that reads back as the same float.
  char digits[32];
  auto [end, code] = std::to_chars(digits, digits + sizeof digits, static_cast<float>(value));
  StringRef text(digits, end - digits);
  bool isWhole = text.find_first_of(".e") == StringRef::npos;
  return (text + (isWhole ? ".0f" : "f")).str();
}

std::string jepa::rowsText(const DeviceBuffer &buffer, bool isConst) {
  std::string element = deviceType(cast<MemRefType>(buffer.buffer.getType()).getElementType());
  return "Rows<" + std::string(isConst ? "const " : "") + element + ">{" + buffer.name + ", " +
         std::to_string(KernelContext::rowStride(buffer.buffer)) + "}";
}

//===----------------------------------------------------------------------===//
// Bodies
//===----------------------------------------------------------------------===//

static Type opaque(OpBuilder &b, StringRef text) { return emitc::OpaqueType::get(b.getContext(), text); }

Value DeviceKernel::text(const Twine &expression) {
  return emitc::LiteralOp::create(builder, loc, opaque(builder, "auto"), expression.str());
}

Value DeviceKernel::call(const Twine &callee, ValueRange arguments, StringRef name) {
  auto made = emitc::CallOpaqueOp::create(builder, loc, TypeRange{opaque(builder, "auto")}, callee.str(), arguments);
  made->setAttr(resultNameAttr, builder.getStringAttr(name));
  return made.getResult(0);
}

Value DeviceKernel::define(const Twine &expression, StringRef name) {
  Value made = text(expression);
  made.getDefiningOp()->setAttr(resultNameAttr, builder.getStringAttr(name));
  return made;
}

void DeviceKernel::run(const Twine &callee, ValueRange arguments) {
  emitc::CallOpaqueOp::create(builder, loc, TypeRange{}, callee.str(), arguments);
}

void DeviceKernel::declare(StringRef type, StringRef name) {
  emitc::VerbatimOp::create(builder, loc, (type + " " + name + ";").str());
}

void DeviceKernel::forEach(const Twine &walk, StringRef name, function_ref<void(Value)> body) {
  // The bounds are for the library to know.
  Value bound = text("0");
  auto loop = emitc::ForOp::create(builder, loc, bound, bound, bound);
  loop->setAttr(walkAttr, builder.getStringAttr(walk));
  loop->setAttr(resultNameAttr, builder.getStringAttr(name));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

static DeviceLaunchOp launchWith(KernelContext &context, const DeviceLaunch &launch, ArrayRef<DeviceBuffer> writes,
                                 ArrayRef<DeviceBuffer> reads, const DeviceTable *table,
                                 function_ref<void(DeviceKernel &)> body) {
  OpBuilder &b = context.getBuilder();
  KernelModule &shared = context.getModule();
  Location loc = context.op->getLoc();
  SmallVector<Type> types;
  SmallVector<Value> buffers;
  SmallVector<Attribute> names;
  if (table) {
    types.push_back(emitc::PointerType::get(opaque(b, "unsigned char")));
    names.push_back(b.getStringAttr("arena"));
  }
  for (ArrayRef<DeviceBuffer> side : {writes, reads})
    for (const DeviceBuffer &buffer : side) {
      Type element = cast<MemRefType>(buffer.buffer.getType()).getElementType();
      types.push_back(emitc::PointerType::get(opaque(b, deviceType(element))));
      names.push_back(b.getStringAttr(buffer.name));
      buffers.push_back(buffer.buffer);
    }

  emitc::FuncOp kernel;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(shared.module.getBody());
    kernel = emitc::FuncOp::create(b, loc, "kernel", b.getFunctionType(types, {}));
    kernel->setAttr(blockAttr, b.getStringAttr(launch.block));
    if (!launch.bounds.empty())
      kernel->setAttr(boundsAttr, b.getStringAttr(launch.bounds));
    kernel->setAttr(headerAttr, b.getStringAttr(launch.header));
    kernel->setAttr(namesAttr, b.getArrayAttr(names));
    kernel->setAttr(writesAttr, b.getI64IntegerAttr(writes.size() + (table != nullptr)));
    Block *block = kernel.addEntryBlock();
    b.setInsertionPointToStart(block);
    DeviceKernel state{b, loc, llvm::to_vector_of<Value>(block->getArguments())};
    body(state);
    emitc::ReturnOp::create(b, loc, Value());
  }
  std::string text = launch.name;
  llvm::raw_string_ostream os(text);
  kernel->print(os, OpPrintingFlags().assumeVerified());
  std::string &symbol = shared.deviceKernels[text];
  // A kernel with a table is of one place alone.
  if (!symbol.empty() && !table) {
    kernel.erase();
  } else {
    symbol = llvm::formatv("{0}_{1}", launch.name, shared.kernels.size() + shared.deviceKernels.size() - 1).str();
    kernel.setSymName(symbol);
  }
  DenseI64ArrayAttr numbers = table ? b.getDenseI64ArrayAttr(table->numbers) : nullptr;
  return DeviceLaunchOp::create(b, loc, symbol, buffers, table ? ValueRange(table->places) : ValueRange(), launch.grid,
                                writes.size(), table ? b.getStringAttr(table->entry) : nullptr, numbers,
                                table ? b.getI64IntegerAttr(table->columns) : nullptr);
}

DeviceLaunchOp jepa::launchOnDevice(KernelContext &context, const DeviceLaunch &launch, ArrayRef<DeviceBuffer> writes,
                                    ArrayRef<DeviceBuffer> reads, function_ref<void(DeviceKernel &)> body) {
  return launchWith(context, launch, writes, reads, nullptr, body);
}

DeviceLaunchOp jepa::launchOnDevice(KernelContext &context, const DeviceLaunch &launch, ArrayRef<DeviceBuffer> writes,
                                    ArrayRef<DeviceBuffer> reads, const DeviceTable &table,
                                    function_ref<void(DeviceKernel &, Value)> body) {
  return launchWith(context, launch, writes, reads, &table, [&](DeviceKernel &k) { body(k, k.text("places")); });
}

void DeviceTable::addPlace(Value buffer) {
  if (!buffer) {
    numbers.push_back(-1);
    return;
  }
  auto found = llvm::find(places, buffer);
  numbers.push_back(found - places.begin());
  if (found == places.end())
    places.push_back(buffer);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// What the library may use to cut a long sum into parts: a few partial results, and no more than it is known to make
/// use of.
static int64_t workspaceBytes(const Product &p) {
  constexpr int64_t most = int64_t(32) << 20, partials = 16;
  return std::min(most, p.m * p.n * 4 * partials);
}

void jepa::productOnDevice(KernelContext &context, const Product &p, Value c, Value a, Value b,
                           const ProductEpilogue &epilogue) {
  OpBuilder &builder = context.getBuilder();
  Value workspace = context.temporary({workspaceBytes(p)}, builder.getI8Type());
  DeviceGemmOp::create(builder, context.op->getLoc(), c, a, b, workspace, epilogue.bias, epilogue.aux, epilogue.scale,
                       builder.getStringAttr(epilogue.kind), p.m, p.n, p.k, p.lda, p.ldb, p.ldc,
                       p.transA, p.transB);
}
