//===- PrintCuda.cpp - EmitC as CUDA C++ that a person reads ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/cuda/PrintCuda.h"

#include "compiler/analysis/BufferLifetimes.h"
#include "compiler/target/cuda/DeviceKernel.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace jepa;

static std::string typeText(Type type) {
  return llvm::TypeSwitch<Type, std::string>(type)
      .Case([](emitc::OpaqueType opaque) { return opaque.getValue().str(); })
      .Case([](emitc::PointerType pointer) { return typeText(pointer.getPointee()) + " *"; })
      .Case([](emitc::LValueType place) { return typeText(place.getValueType()); })
      .Default([](Type) { return std::string("bool"); });
}

/// "VJepa.h:31": the model's line that an op comes from.
static std::string lineOf(Operation *op) {
  auto place = op->getLoc()->findInstanceOf<FileLineColLoc>();
  return place ? llvm::sys::path::filename(place.getFilename()).str() + ":" + std::to_string(place.getLine()) : "";
}

static StringRef textOf(Operation *op, StringRef attribute) {
  auto text = op->getAttrOfType<StringAttr>(attribute);
  return text ? text.getValue() : StringRef();
}

namespace {

/// Prints the body of one kernel.
class BodyPrinter {
public:
  explicit BodyPrinter(raw_ostream &os) : os(os) {}

  /// A name that no other value of the kernel has.
  std::string name(Value value, StringRef wish);
  void print(Block &block, unsigned depth);

private:
  void print(Operation &op, unsigned depth);
  void assign(Operation &op, StringRef text);
  /// The value, as an operand of an operator where `tight`.
  std::string use(Value value, bool tight = false);
  std::string expression(Operation &op);
  std::string list(ValueRange values);
  static bool isInPlace(Operation *op);
  static bool isAtom(Operation *op) {
    return isa<emitc::LiteralOp, emitc::CallOpaqueOp, emitc::CastOp, emitc::SubscriptOp>(op);
  }

  raw_ostream &os;
  DenseMap<Value, std::string> names;
  llvm::StringMap<int> taken;
};

} // namespace

std::string BodyPrinter::name(Value value, StringRef wish) {
  int number = taken[wish]++;
  return names[value] = number ? (wish + Twine(number + 1)).str() : wish.str();
}

/// Whether an op's text stands where its value is used: once, in the same block, with nothing between that could
/// matter.
bool BodyPrinter::isInPlace(Operation *op) {
  if (op->getNumResults() != 1 || !textOf(op, resultNameAttr).empty() || isa<emitc::LoadOp, emitc::VariableOp>(op))
    return false;
  if (isa<emitc::LiteralOp, emitc::SubscriptOp>(op))
    return true;
  if (!op->getResult(0).hasOneUse())
    return false;
  return op->getBlock() == op->getResult(0).user_begin()->getBlock();
}

std::string BodyPrinter::use(Value value, bool tight) {
  Operation *op = value.getDefiningOp();
  if (!op || !isInPlace(op))
    return names.lookup(value);
  std::string text = expression(*op);
  // A literal may be an expression itself.
  bool isSingle = isAtom(op) && (!isa<emitc::LiteralOp>(op) || StringRef(text).find(' ') == StringRef::npos);
  return !tight || isSingle ? text : "(" + text + ")";
}

std::string BodyPrinter::list(ValueRange values) {
  std::string text;
  for (Value value : values)
    text += (text.empty() ? "" : ", ") + use(value);
  return text;
}

static StringRef operatorOf(Operation &op) {
  return llvm::TypeSwitch<Operation *, StringRef>(&op)
      .Case<emitc::AddOp>([](auto) { return "+"; })
      .Case<emitc::SubOp>([](auto) { return "-"; })
      .Case<emitc::MulOp>([](auto) { return "*"; })
      .Case<emitc::DivOp>([](auto) { return "/"; })
      .Case<emitc::RemOp>([](auto) { return "%"; })
      .Case<emitc::BitwiseAndOp>([](auto) { return "&"; })
      .Case<emitc::BitwiseOrOp>([](auto) { return "|"; })
      .Case<emitc::LogicalAndOp>([](auto) { return "&&"; })
      .Case<emitc::LogicalOrOp>([](auto) { return "||"; })
      .Case([](emitc::CmpOp cmp) -> StringRef {
        switch (cmp.getPredicate()) {
        case emitc::CmpPredicate::eq: return "==";
        case emitc::CmpPredicate::ne: return "!=";
        case emitc::CmpPredicate::lt: return "<";
        case emitc::CmpPredicate::le: return "<=";
        case emitc::CmpPredicate::gt: return ">";
        case emitc::CmpPredicate::ge: return ">=";
        case emitc::CmpPredicate::three_way: return "<=>";
        }
        return "";
      })
      .Default([](Operation *) { return ""; });
}

std::string BodyPrinter::expression(Operation &op) {
  if (StringRef text = operatorOf(op); !text.empty())
    return use(op.getOperand(0), true) + " " + text.str() + " " + use(op.getOperand(1), true);
  return llvm::TypeSwitch<Operation *, std::string>(&op)
      .Case([](emitc::LiteralOp literal) { return literal.getValue().str(); })
      .Case([&](emitc::CallOpaqueOp call) { return call.getCallee().str() + "(" + list(call.getOperands()) + ")"; })
      .Case([&](emitc::CastOp cast) {
        return "static_cast<" + typeText(cast.getType()) + ">(" + use(cast.getSource()) + ")";
      })
      .Case([&](emitc::UnaryMinusOp minus) { return "-" + use(minus.getOperand(), true); })
      .Case([&](emitc::ConditionalOp choice) {
        return use(choice.getCondition(), true) + " ? " + use(choice.getTrueValue(), true) + " : " +
               use(choice.getFalseValue(), true);
      })
      .Case(
          [&](emitc::SubscriptOp place) { return use(place.getValue(), true) + "[" + list(place.getIndices()) + "]"; })
      .Case([&](emitc::LoadOp load) { return use(load.getOperand()); })
      .Default([](Operation *) { return std::string(); });
}

void BodyPrinter::assign(Operation &op, StringRef text) {
  Value result = op.getResult(0);
  StringRef wish = textOf(&op, resultNameAttr);
  std::string type = typeText(result.getType());
  os << type << " " << name(result, wish.empty() ? "v" : wish) << " = " << text << ";\n";
}

void BodyPrinter::print(Block &block, unsigned depth) {
  for (Operation &op : block)
    print(op, depth);
}

void BodyPrinter::print(Operation &op, unsigned depth) {
  if (isa<emitc::YieldOp, emitc::ReturnOp>(op) || (op.getNumResults() && isInPlace(&op)))
    return;
  // What nobody uses is left out; in EmitC only calls without a result are for their effect.
  if (op.getNumResults() == 1 && op.getResult(0).use_empty() && !isa<emitc::VariableOp>(op))
    return;
  os.indent(2 * depth);
  llvm::TypeSwitch<Operation *>(&op)
      .Case([&](emitc::ForOp loop) {
        Value i = loop.getInductionVar();
        StringRef wish = textOf(loop, resultNameAttr);
        if (StringRef walk = textOf(loop, walkAttr); !walk.empty()) {
          os << walk << ", [&](int " << name(i, wish) << ") {\n";
          print(*loop.getBody(), depth + 1);
          os.indent(2 * depth) << "});\n";
          return;
        }
        std::string type = typeText(loop.getLowerBound().getType());
        std::string begin = use(loop.getLowerBound()), variable = name(i, wish.empty() ? "i" : wish);
        std::string step = use(loop.getStep());
        os << "for (" << (type == "auto" ? "int" : type) << " " << variable << " = " << begin << "; " << variable
           << " < " << use(loop.getUpperBound(), true) << "; "
           << (step == "1" ? "++" + variable : variable + " += " + step) << ") {\n";
        print(*loop.getBody(), depth + 1);
        os.indent(2 * depth) << "}\n";
      })
      .Case([&](emitc::IfOp branch) {
        os << "if (" << use(branch.getCondition()) << ") {\n";
        print(branch.getThenRegion().front(), depth + 1);
        if (!branch.getElseRegion().empty()) {
          os.indent(2 * depth) << "} else {\n";
          print(branch.getElseRegion().front(), depth + 1);
        }
        os.indent(2 * depth) << "}\n";
      })
      .Case([&](emitc::VariableOp variable) {
        StringRef wish = textOf(&op, resultNameAttr);
        os << typeText(variable.getType()) << " " << name(variable.getResult(), wish.empty() ? "sum" : wish) << ";\n";
      })
      .Case([&](emitc::AssignOp assign) { os << use(assign.getVar()) << " = " << use(assign.getValue()) << ";\n"; })
      .Case([&](emitc::VerbatimOp verbatim) { os << verbatim.getValue() << "\n"; })
      .Case([&](emitc::CallOpaqueOp call) {
        if (call.getNumResults())
          return assign(op, expression(op));
        os << expression(op) << ";\n";
      })
      .Default([&](Operation *) { assign(op, expression(op)); });
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

static void printTable(raw_ostream &os, DeviceLaunchOp launch) {
  ArrayRef<int64_t> numbers = *launch.getTable();
  int64_t columns = *launch.getColumns();
  os << "JEPA_TABLE " << *launch.getEntry() << " " << launch.getKernel() << "_places[" << numbers.size() / columns
     << "] = {\n";
  for (size_t row = 0; row < numbers.size(); row += columns) {
    os << "    {";
    llvm::interleaveComma(numbers.slice(row, columns), os, [&](int64_t number) {
      if (number < 0)
        os << (number == -1 ? -1 : -2 - number);
      else
        os << *getViewRoot(launch.getPlaces()[number]).getDefiningOp<BufferOp>().getOffset();
    });
    os << "},\n";
  }
  os << "};\n";
}

static void printKernel(raw_ostream &os, emitc::FuncOp kernel, DeviceLaunchOp first) {
  BodyPrinter body(os);
  StringRef block = textOf(kernel, blockAttr), bounds = textOf(kernel, boundsAttr);
  os << "\n";
  if (std::string line = lineOf(first); !line.empty())
    os << "// " << line << "\n";
  if (!first.getPlaces().empty())
    printTable(os, first);
  os << "JEPA_KERNEL(" << (bounds.empty() ? block.str() + "::threads" : bounds.str()) << ")\n"
     << kernel.getSymName() << "(";
  auto names = kernel->getAttrOfType<ArrayAttr>(namesAttr);
  int64_t writes = kernel->getAttrOfType<IntegerAttr>(writesAttr).getInt();
  std::string parameters;
  for (BlockArgument argument : kernel.getArguments()) {
    StringRef wish = cast<StringAttr>(names[argument.getArgNumber()]).getValue();
    bool isConst = argument.getArgNumber() >= writes;
    parameters += (parameters.empty() ? "" : ", ") + std::string(isConst ? "const " : "") +
                  typeText(argument.getType()) + body.name(argument, wish);
  }
  os << parameters << ") {\n";
  if (!first.getPlaces().empty())
    os << "  auto *places = " << kernel.getSymName() << "_places;\n";
  body.print(kernel.getBody().front(), 1);
  os << "}\nJEPA_LAUNCH_INFO(" << kernel.getSymName() << ", " << kernel.getNumArguments() << ", " << block << ")\n";
}

std::string jepa::printKernels(ModuleOp module, bool hopper) {
  std::string text;
  llvm::raw_string_ostream os(text);
  DenseMap<StringRef, DeviceLaunchOp> firstLaunch;
  module.walk([&](DeviceLaunchOp launch) { firstLaunch.try_emplace(launch.getKernel(), launch); });
  std::set<std::string> headers = {"launch.cuh"};
  for (auto kernel : module.getOps<emitc::FuncOp>())
    headers.insert(textOf(kernel, headerAttr).str());
  os << "// The kernels of one program, generated by jepac: shapes are constants, parameters are addresses.\n";
  if (hopper)
    os << "#define JEPA_HOPPER\n";
  for (const std::string &header : headers)
    os << "#include \"" << header << "\"\n";
  os << "\nusing namespace jepa::device;\n";
  for (auto kernel : module.getOps<emitc::FuncOp>())
    if (auto found = firstLaunch.find(kernel.getSymName()); found != firstLaunch.end())
      printKernel(os, kernel, found->second);
  return wrapLines(text);
}
