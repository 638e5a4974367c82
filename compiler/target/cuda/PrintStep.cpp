//===- PrintStep.cpp - what the host does in a step, as C++ ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/analysis/BufferLifetimes.h"
#include "compiler/target/Passes.h"
#include "compiler/target/cuda/DeviceKernel.h"
#include "compiler/target/cuda/PrintCuda.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Path.h"

namespace jepa {
#define GEN_PASS_DEF_PRINTCUDA
#include "compiler/target/Passes.h.inc"
} // namespace jepa

using namespace mlir;
using namespace jepa;

namespace {

/// Prints one function of buffers.
class StepPrinter {
public:
  explicit StepPrinter(raw_ostream &os) : os(os) {}
  void print(func::FuncOp function);

private:
  void print(BufferOp buffer);
  void print(DeviceLaunchOp launch);
  void print(DeviceGemmOp product);
  std::string address(Value buffer);
  void name(Value value, StringRef wish);
  void printOrigin(Operation *op);

  raw_ostream &os;
  DenseMap<Value, std::string> names;
  llvm::StringMap<int> taken;
  std::string scope;
};

} // namespace

/// "encoder.blocks.0.norm1.weight" as a C++ name.
static std::string identifier(StringRef text) {
  std::string name;
  for (char c : text)
    name += llvm::isAlnum(c) ? c : '_';
  return name.empty() || llvm::isDigit(name[0]) ? "_" + name : name;
}

void StepPrinter::name(Value value, StringRef wish) {
  std::string base = identifier(wish);
  int number = taken[base]++;
  names[value] = number ? base + "_" + std::to_string(number + 1) : base;
}

/// A buffer's address, a view's with what lies before it.
std::string StepPrinter::address(Value buffer) {
  if (!buffer)
    return "nullptr";
  auto type = cast<MemRefType>(buffer.getType());
  auto [strides, offset] = type.getStridesAndOffset();
  std::string root = names.lookup(getViewRoot(buffer));
  return offset ? root + " + " + std::to_string(offset * llvm::divideCeil(type.getElementTypeBitWidth(), 8)) : root;
}

void StepPrinter::printOrigin(Operation *op) {
  auto text = op->getAttrOfType<StringAttr>(scopeAttr);
  if (text && text.getValue() != scope) {
    scope = text.getValue().str();
    os << "\n  // " << scope;
    if (auto place = op->getLoc()->findInstanceOf<FileLineColLoc>())
      os << ", " << llvm::sys::path::filename(place.getFilename()) << ":" << place.getLine();
    os << "\n";
  }
}

void StepPrinter::print(BufferOp buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  if (buffer->use_empty() || llvm::all_of(buffer->getUsers(), [&](Operation *user) {
        auto launch = dyn_cast<DeviceLaunchOp>(user);
        return launch && !llvm::is_contained(launch.getBuffers(), buffer.getResult());
      }))
    return;
  StringRef wish = buffer.getName() ? *buffer.getName() : "t";
  // A table is called by all that it is made from: its first word and its rows' width tell it from others here.
  if (buffer.getKind() == "table")
    name(buffer, (wish.take_until(llvm::isSpace) + "_" + Twine(type.getShape().back())).str());
  else
    name(buffer, wish);
  os << "  char *" << names[buffer] << " = arena + " << *buffer.getOffset() << "; // "
     << deviceType(type.getElementType());
  for (int64_t size : type.getShape())
    os << "[" << size << "]";
  os << "\n";
}

void StepPrinter::print(DeviceLaunchOp launch) {
  printOrigin(launch);
  std::string arguments = launch.getPlaces().empty() ? "" : "arena";
  for (Value buffer : launch.getBuffers())
    arguments += (arguments.empty() ? "" : ", ") + address(buffer);
  os << "  launch(\"" << launch.getKernel() << "\", {" << launch.getGrid()[0] << ", " << launch.getGrid()[1] << ", "
     << launch.getGrid()[2] << "}, {" << arguments << "});\n";
}

void StepPrinter::print(DeviceGemmOp p) {
  printOrigin(p);
  auto element = [](Value memref) {
    return deviceType(cast<MemRefType>(memref.getType()).getElementType());
  };
  os << "  product({.m = " << p.getM() << ", .n = " << p.getN() << ", .k = " << p.getK() << ", .lda = " << p.getLda()
     << ", .ldb = " << p.getLdb() << ", .ldc = " << p.getLdc() << ", .transA = " << p.getTransA()
     << ", .transB = " << p.getTransB() << ", .inputs = \"" << element(p.getA()) << "\", .result = \""
     << element(p.getC()) << "\", .epilogue = \"" << p.getEpilogue() << "\"}, " << address(p.getC()) << ", "
     << address(p.getA()) << ", " << address(p.getB()) << ", " << address(p.getBias()) << ", " << address(p.getAux())
     << ", " << address(p.getWorkspace());
  if (p.getScale())
    os << ", " << address(p.getScale());
  os << ");\n";
}

void StepPrinter::print(func::FuncOp function) {
  names.clear();
  taken.clear();
  scope.clear();
  os << "\nvoid " << function.getSymName() << "(char *arena";
  names[function.getArgument(0)] = "arena";
  taken["arena"] = 1;
  for (BlockArgument argument : function.getArguments().drop_front()) {
    name(argument, "a" + std::to_string(argument.getArgNumber()));
    os << ", char *" << names[argument];
  }
  os << ") {\n";
  for (Operation &op : function.getBody().front())
    llvm::TypeSwitch<Operation *>(&op)
        .Case<BufferOp, DeviceLaunchOp, DeviceGemmOp>([&](auto known) { print(known); })
        .Case([&](func::CallOp call) {
          printOrigin(call);
          std::string arguments;
          for (Value buffer : call.getOperands())
            arguments += (arguments.empty() ? "" : ", ") + address(buffer);
          os << "  " << call.getCallee() << "(" << arguments << ");\n";
        });
  os << "}\n";
}

std::string jepa::printStep(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "// What the host does in one step, generated by jepac. Places are bytes from the arena's start.\n"
        "#include \"device/step.h\"\n";
  // Callees first, as C++ wants them.
  SymbolTable symbols(module);
  llvm::SetVector<Operation *> done;
  std::function<void(func::FuncOp)> visit = [&](func::FuncOp function) {
    if (done.contains(function))
      return;
    function.walk([&](func::CallOp call) {
      if (auto callee = symbols.lookup<func::FuncOp>(call.getCallee()))
        visit(callee);
    });
    done.insert(function);
  };
  if (auto entry = symbols.lookup<func::FuncOp>(entryName))
    visit(entry);
  StepPrinter printer(os);
  for (Operation *function : done)
    printer.print(cast<func::FuncOp>(function));
  return wrapLines(text);
}

namespace {

struct PrintCudaPass : jepa::impl::PrintCudaBase<PrintCudaPass> {
  using PrintCudaBase::PrintCudaBase;
  void runOnOperation() override {
    markAllAnalysesPreserved();
    llvm::outs() << printKernels(getOperation(), hopper) << "\n" << printStep(getOperation());
  }
};

} // namespace
