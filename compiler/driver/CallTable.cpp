//===- CallTable.cpp - what a run calls, in order ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/CallTable.h"

#include "compiler/analysis/BufferLifetimes.h"
#include "compiler/target/Passes.h"

#include "llvm/Support/Path.h"

using namespace mlir;
using namespace jepa;

/// "VJepa.h:31": the model's line that an op comes from.
static std::string lineOf(Operation *op) {
  auto place = op->getLoc()->findInstanceOf<FileLineColLoc>();
  return place ? llvm::sys::path::filename(place.getFilename()).str() + ":" + std::to_string(place.getLine())
               : std::string();
}

/// Bytes of the buffers that an op touches, each once.
static int64_t bytesOf(ValueRange buffers) {
  DenseSet<Value> seen;
  int64_t bytes = 0;
  for (Value buffer : buffers)
    if (seen.insert(buffer).second)
      bytes += byteSize(cast<MemRefType>(buffer.getType()));
  return bytes;
}

/// "product 1568x3072x768 nt bf16": m x n x k, which operand is transposed, and of what.
template <typename Op> static std::string shapeOf(Op op) {
  std::string name;
  llvm::raw_string_ostream(name) << "product " << op.getM() << "x" << op.getN() << "x" << op.getK() << " "
                                 << (op.getTransA() ? "t" : "n") << (op.getTransB() ? "t" : "n") << " "
                                 << cast<MemRefType>(op.getA().getType()).getElementType();
  return name;
}

/// The shape, and " + gelu": what runs inside it, a kernel without its number or the library's epilogue.
static std::string nameOf(GemmOp op) {
  return shapeOf(op) + (op.getEpilogue() ? " + " + op.getEpilogue()->rtrim("0123456789").rtrim('_').str() : "");
}
static std::string nameOf(DeviceGemmOp op) {
  return shapeOf(op) + (op.getAux() || op.getEpilogue() == "gelu" ? " + " + op.getEpilogue().str() : "");
}

static void appendCallees(func::FuncOp function, SymbolTable &symbols, SetVector<Operation *> &finished) {
  if (finished.contains(function))
    return;
  function.walk([&](func::CallOp call) {
    if (auto callee = symbols.lookup<func::FuncOp>(call.getCallee()))
      appendCallees(callee, symbols, finished);
  });
  finished.insert(function);
}

rt::Json jepa::describeCalls(ModuleOp module) {
  SymbolTable symbols(module);
  SetVector<Operation *> finished;
  appendCallees(symbols.lookup<func::FuncOp>(entryName), symbols, finished);
  SmallVector<Operation *> order(llvm::reverse(finished));
  rt::Json list = rt::Json::array();
  for (Operation *function : order) {
    rt::Json calls = rt::Json::array();
    function->walk([&](Operation *op) {
      rt::Json call = rt::Json::object();
      if (auto launch = dyn_cast<LaunchOp>(op)) {
        call.set("kernel", launch.getKernel().str());
        if (auto flops = op->getAttrOfType<IntegerAttr>(flopsAttr))
          call.set("flops", flops.getInt());
        call.set("bytes", bytesOf(launch.getBuffers()));
      } else if (auto product = dyn_cast<GemmOp>(op)) {
        call.set("kernel", nameOf(product));
        call.set("flops", static_cast<int64_t>(2 * product.getM() * product.getN() * product.getK()));
        SmallVector<Value> buffers{product.getA(), product.getB(), product.getC()};
        llvm::append_range(buffers, product.getEpilogueBuffers());
        call.set("bytes", bytesOf(buffers));
      } else if (auto launch = dyn_cast<DeviceLaunchOp>(op)) {
        call.set("kernel", launch.getKernel().str());
        if (auto flops = op->getAttrOfType<IntegerAttr>(flopsAttr))
          call.set("flops", flops.getInt());
        call.set("bytes", bytesOf(op->getOperands()));
      } else if (auto product = dyn_cast<DeviceGemmOp>(op)) {
        call.set("kernel", nameOf(product));
        call.set("flops", static_cast<int64_t>(2 * product.getM() * product.getN() * product.getK()));
        SmallVector<Value> buffers{product.getA(), product.getB(), product.getC()};
        if (product.getAux())
          buffers.push_back(product.getAux());
        call.set("bytes", bytesOf(buffers));
      } else if (auto inner = dyn_cast<func::CallOp>(op)) {
        call.set("function", llvm::find(order, symbols.lookup(inner.getCallee())) - order.begin());
      } else if (isa<JepaDialect>(op->getDialect()) && !isa<BufferOp>(op)) {
        call.set("kernel", op->getName().stripDialect().str());
        call.set("bytes", bytesOf(op->getOperands()));
      } else {
        return;
      }
      if (auto scope = op->getAttrOfType<StringAttr>(scopeAttr))
        call.set("scope", scope.getValue().str());
      if (std::string line = lineOf(op); !line.empty() && !isa<func::CallOp>(op))
        call.set("line", line);
      calls.push(call);
    });
    rt::Json entry = rt::Json::object();
    entry.set("name", cast<func::FuncOp>(function).getSymName().str());
    entry.set("calls", calls);
    list.push(entry);
  }
  return list;
}
