//===- LoopsToEmitC.cpp - scalar kernels to EmitC ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

// Upstream's conversions know no strided buffers, no bf16 and no launches, so the few ops that textbook loops consist
// of are translated here, one by one.

#include "compiler/target/Passes.h"
#include "compiler/target/cuda/DeviceKernel.h"

#include "llvm/ADT/TypeSwitch.h"

namespace jepa {
#define GEN_PASS_DEF_LOOPSTOEMITC
#include "compiler/target/Passes.h.inc"
} // namespace jepa

using namespace mlir;
using namespace jepa;

namespace {

/// Translates the body of one kernel.
class LoopTranslator {
public:
  LoopTranslator(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  void map(Value from, Value to) { values[from] = to; }
  /// `begin` and `end` of the kernel: a loop between them is the body, with `item`.
  void setItem(Value begin, Value end, Value item) {
    this->begin = begin;
    this->end = end;
    map(begin, item);
  }
  LogicalResult translate(Block &block);

private:
  LogicalResult translate(Operation &op);
  LogicalResult translateFor(scf::ForOp loop);
  LogicalResult translateIf(scf::IfOp branch);
  Value constant(arith::ConstantOp op);
  Value element(Value memref, ValueRange indices);
  Value convert(Value from, Type to);
  Value callOf(StringRef callee, ValueRange arguments, Type type);

  Type opaque(StringRef text) { return emitc::OpaqueType::get(b.getContext(), text); }
  Type typeOf(Type type);
  Value in(Value value) { return values.lookup(value); }
  template <typename Op> Value binary(Operation &op) {
    return Op::create(b, loc, typeOf(op.getResult(0).getType()), in(op.getOperand(0)), in(op.getOperand(1)));
  }

  OpBuilder &b;
  Location loc;
  DenseMap<Value, Value> values;
  Value begin, end;
};

} // namespace

Type LoopTranslator::typeOf(Type type) {
  if (type.isInteger(1))
    return type;
  return opaque(isa<IndexType>(type) ? "long long" : deviceType(type));
}

Value LoopTranslator::callOf(StringRef callee, ValueRange arguments, Type type) {
  return emitc::CallOpaqueOp::create(b, loc, TypeRange{type}, callee, arguments).getResult(0);
}

Value LoopTranslator::constant(arith::ConstantOp op) {
  std::string text;
  if (auto integer = dyn_cast<IntegerAttr>(op.getValue())) {
    text =
        op.getType().isInteger(1) ? (integer.getValue().isZero() ? "false" : "true") : std::to_string(integer.getInt());
  } else {
    APFloat number = cast<FloatAttr>(op.getValue()).getValue();
    if (number.isInfinity())
      text = number.isNegative() ? "-infinity()" : "infinity()";
    else if (op.getType().isF32())
      text = floatText(number.convertToDouble());
    else {
      SmallString<32> digits;
      number.toString(digits, 17, 3, /*TruncateZero=*/true);
      text = digits.str();
      if (StringRef(text).find_first_of(".eE") == StringRef::npos)
        text += ".0";
    }
    if (op.getType().isBF16())
      text = "fromFloat<bf16>(" + floatText(number.convertToDouble()) + ")";
  }
  return emitc::LiteralOp::create(b, loc, typeOf(op.getType()), text);
}

/// The place of an element, as an lvalue.
Value LoopTranslator::element(Value memref, ValueRange indices) {
  SmallVector<int64_t> strides = cast<MemRefType>(memref.getType()).getStridesAndOffset().first;
  Type place = opaque("long long");
  Value sum;
  for (auto [index, stride] : llvm::zip_equal(indices, strides)) {
    Value term = in(index);
    if (stride != 1)
      term = emitc::MulOp::create(b, loc, place, term, emitc::LiteralOp::create(b, loc, place, std::to_string(stride)));
    sum = sum ? emitc::AddOp::create(b, loc, place, sum, term).getResult() : term;
  }
  // What lies before a view is in the address that the kernel gets.
  if (!sum)
    sum = emitc::LiteralOp::create(b, loc, place, "0");
  auto pointer = cast<TypedValue<emitc::PointerType>>(in(memref));
  return emitc::SubscriptOp::create(b, loc, emitc::LValueType::get(pointer.getType().getPointee()), pointer, sum);
}

Value LoopTranslator::convert(Value from, Type to) {
  Type type = from.getType();
  Value value = in(from);
  if (type.isBF16()) {
    value = callOf("toFloat", value, opaque("float"));
    return to.isF32() ? value : emitc::CastOp::create(b, loc, typeOf(to), value).getResult();
  }
  if (to.isBF16() || isE4m3(to))
    return callOf("fromFloat<" + deviceType(to) + ">", value, typeOf(to));
  return emitc::CastOp::create(b, loc, typeOf(to), value);
}

LogicalResult LoopTranslator::translateFor(scf::ForOp loop) {
  if (loop.getLowerBound() == begin && loop.getUpperBound() == end && loop.getInitArgs().empty()) {
    map(loop.getInductionVar(), in(begin));
    return translate(*loop.getBody());
  }
  SmallVector<emitc::VariableOp> carried;
  for (auto [init, argument] : llvm::zip_equal(loop.getInitArgs(), loop.getRegionIterArgs())) {
    Type type = typeOf(init.getType());
    carried.push_back(
        emitc::VariableOp::create(b, loc, emitc::LValueType::get(type), emitc::OpaqueAttr::get(b.getContext(), "")));
    emitc::AssignOp::create(b, loc, carried.back().getResult(), in(init));
  }
  auto made = emitc::ForOp::create(b, loc, in(loop.getLowerBound()), in(loop.getUpperBound()), in(loop.getStep()));
  made->setAttr(resultNameAttr, b.getStringAttr("i"));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(made.getBody());
    map(loop.getInductionVar(), made.getInductionVar());
    auto load = [&](emitc::VariableOp variable, Type type) {
      return emitc::LoadOp::create(b, loc, typeOf(type), variable.getResult());
    };
    for (auto [variable, argument] : llvm::zip_equal(carried, loop.getRegionIterArgs()))
      map(argument, load(variable, argument.getType()));
    if (failed(translate(*loop.getBody())))
      return failure();
    for (auto [variable, value] : llvm::zip_equal(carried, loop.getBody()->getTerminator()->getOperands()))
      emitc::AssignOp::create(b, loc, variable.getResult(), in(value));
  }
  for (auto [variable, result] : llvm::zip_equal(carried, loop.getResults()))
    map(result, emitc::LoadOp::create(b, loc, typeOf(result.getType()), variable.getResult()));
  return success();
}

LogicalResult LoopTranslator::translateIf(scf::IfOp branch) {
  SmallVector<emitc::VariableOp> results;
  for (Type type : branch.getResultTypes())
    results.push_back(emitc::VariableOp::create(b, loc, emitc::LValueType::get(typeOf(type)),
                                                emitc::OpaqueAttr::get(b.getContext(), "")));
  auto made = emitc::IfOp::create(b, loc, in(branch.getCondition()), true, !branch.getElseRegion().empty());
  for (auto [from, to] : {std::pair(&branch.getThenRegion(), &made.getThenRegion()),
                          std::pair(&branch.getElseRegion(), &made.getElseRegion())}) {
    if (from->empty())
      continue;
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&to->front());
    if (failed(translate(from->front())))
      return failure();
    for (auto [variable, value] : llvm::zip_equal(results, from->front().getTerminator()->getOperands()))
      emitc::AssignOp::create(b, loc, variable.getResult(), in(value));
    emitc::YieldOp::create(b, loc, Value());
  }
  for (auto [variable, result] : llvm::zip_equal(results, branch.getResults()))
    map(result, emitc::LoadOp::create(b, loc, typeOf(result.getType()), variable.getResult()));
  return success();
}

LogicalResult LoopTranslator::translate(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(translate(op)))
      return failure();
  return success();
}

static emitc::CmpPredicate predicateOf(arith::CmpIPredicate predicate) {
  using P = arith::CmpIPredicate;
  switch (predicate) {
  case P::eq: return emitc::CmpPredicate::eq;
  case P::ne: return emitc::CmpPredicate::ne;
  case P::slt:
  case P::ult: return emitc::CmpPredicate::lt;
  case P::sle:
  case P::ule: return emitc::CmpPredicate::le;
  case P::sgt:
  case P::ugt: return emitc::CmpPredicate::gt;
  case P::sge:
  case P::uge: return emitc::CmpPredicate::ge;
  }
  llvm_unreachable("a predicate that arith does not have");
}

static std::optional<emitc::CmpPredicate> predicateOf(arith::CmpFPredicate predicate) {
  using P = arith::CmpFPredicate;
  switch (predicate) {
  case P::OEQ: return emitc::CmpPredicate::eq;
  case P::UNE: return emitc::CmpPredicate::ne;
  case P::OLT: return emitc::CmpPredicate::lt;
  case P::OLE: return emitc::CmpPredicate::le;
  case P::OGT: return emitc::CmpPredicate::gt;
  case P::OGE: return emitc::CmpPredicate::ge;
  default: return std::nullopt;
  }
}

/// The C function of a math op: in f64 its bare name, in f32 with an f behind.
static StringRef functionOf(Operation &op) {
  return llvm::TypeSwitch<Operation *, StringRef>(&op)
      .Case<math::ExpOp>([](auto) { return "exp"; })
      .Case<math::LogOp>([](auto) { return "log"; })
      .Case<math::ErfOp>([](auto) { return "erf"; })
      .Case<math::SqrtOp>([](auto) { return "sqrt"; })
      .Case<math::RsqrtOp>([](auto) { return "rsqrt"; })
      .Case<math::AbsFOp>([](auto) { return "fabs"; })
      .Case<math::PowFOp>([](auto) { return "pow"; })
      .Case<math::FmaOp>([](auto) { return "fma"; })
      .Case<arith::MaxNumFOp>([](auto) { return "fmax"; })
      .Case<arith::MinNumFOp>([](auto) { return "fmin"; })
      .Default([](Operation *) { return ""; });
}

LogicalResult LoopTranslator::translate(Operation &op) {
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return translateFor(loop);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return translateIf(branch);
  if (auto store = dyn_cast<memref::StoreOp>(op)) {
    emitc::AssignOp::create(b, loc, cast<TypedValue<emitc::LValueType>>(element(store.getMemref(), store.getIndices())),
                            in(store.getValue()));
    return success();
  }
  if (op.getNumResults() != 1)
    return op.emitOpError("is no part of a scalar kernel that the cuda target can print");
  Type type = op.getResult(0).getType();
  if (StringRef function = functionOf(op); !function.empty()) {
    SmallVector<Value> arguments = llvm::map_to_vector(op.getOperands(), [&](Value value) { return in(value); });
    map(op.getResult(0), callOf((function + (type.isF32() ? "f" : "")).str(), arguments, typeOf(type)));
    return success();
  }
  Value made =
      llvm::TypeSwitch<Operation *, Value>(&op)
          .Case([&](arith::ConstantOp op) { return constant(op); })
          .Case([&](memref::LoadOp op) -> Value {
            Value place = element(op.getMemref(), op.getIndices());
            auto load = emitc::LoadOp::create(b, loc, cast<emitc::LValueType>(place.getType()).getValueType(),
                                              cast<TypedValue<emitc::LValueType>>(place));
            return load;
          })
          .Case<arith::AddFOp, arith::AddIOp>([&](auto) { return binary<emitc::AddOp>(op); })
          .Case<arith::SubFOp, arith::SubIOp>([&](auto) { return binary<emitc::SubOp>(op); })
          .Case<arith::MulFOp, arith::MulIOp>([&](auto) { return binary<emitc::MulOp>(op); })
          .Case<arith::DivFOp, arith::DivSIOp, arith::DivUIOp>([&](auto) { return binary<emitc::DivOp>(op); })
          .Case<arith::RemSIOp, arith::RemUIOp>([&](auto) { return binary<emitc::RemOp>(op); })
          .Case<arith::NegFOp>(
              [&](auto) -> Value { return emitc::UnaryMinusOp::create(b, loc, typeOf(type), in(op.getOperand(0))); })
          .Case<arith::MaxSIOp>([&](auto) {
            return callOf("larger", {in(op.getOperand(0)), in(op.getOperand(1))}, typeOf(type));
          })
          .Case<arith::MinSIOp>([&](auto) {
            return callOf("smaller", {in(op.getOperand(0)), in(op.getOperand(1))}, typeOf(type));
          })
          .Case([&](arith::CmpIOp op) -> Value {
            return emitc::CmpOp::create(b, loc, b.getI1Type(), predicateOf(op.getPredicate()), in(op.getLhs()),
                                        in(op.getRhs()));
          })
          .Case([&](arith::CmpFOp op) -> Value {
            std::optional<emitc::CmpPredicate> predicate = predicateOf(op.getPredicate());
            return predicate ? emitc::CmpOp::create(b, loc, b.getI1Type(), *predicate, in(op.getLhs()), in(op.getRhs()))
                                   .getResult()
                             : Value();
          })
          .Case([&](arith::SelectOp op) -> Value {
            return emitc::ConditionalOp::create(b, loc, in(op.getTrueValue()).getType(), in(op.getCondition()),
                                                in(op.getTrueValue()), in(op.getFalseValue()));
          })
          .Case<arith::AndIOp>([&](auto) -> Value {
            return type.isInteger(1)
                       ? emitc::LogicalAndOp::create(b, loc, type, in(op.getOperand(0)), in(op.getOperand(1)))
                             .getResult()
                       : binary<emitc::BitwiseAndOp>(op);
          })
          .Case<arith::OrIOp>([&](auto) -> Value {
            return type.isInteger(1)
                       ? emitc::LogicalOrOp::create(b, loc, type, in(op.getOperand(0)), in(op.getOperand(1)))
                             .getResult()
                       : binary<emitc::BitwiseOrOp>(op);
          })
          .Case([&](arith::BitcastOp op) {
            return callOf(type.isF32() ? "bitsToFloat" : "floatToBits", in(op.getIn()), typeOf(type));
          })
          .Case<arith::ExtFOp, arith::TruncFOp, arith::SIToFPOp, arith::UIToFPOp, arith::FPToSIOp, arith::IndexCastOp,
                arith::IndexCastUIOp, arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp>(
              [&](auto) { return convert(op.getOperand(0), type); })
          .Default([](Operation *) { return Value(); });
  if (!made)
    return op.emitOpError("is no part of a scalar kernel that the cuda target can print");
  map(op.getResult(0), made);
  return success();
}

//===----------------------------------------------------------------------===//
// Kernels and launches
//===----------------------------------------------------------------------===//

namespace {

struct LoopsToEmitCPass : jepa::impl::LoopsToEmitCBase<LoopsToEmitCPass> {
  using LoopsToEmitCBase::LoopsToEmitCBase;

  /// What a kernel of loops became.
  struct Made {
    std::string symbol;
    bool hasScratch;
  };

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    SmallVector<LaunchOp> launches;
    module.walk([&](LaunchOp launch) { launches.push_back(launch); });
    llvm::StringMap<Made> kernels;
    // By their text: kernels that differ in where a view begins are one.
    llvm::StringMap<std::string> texts;
    for (LaunchOp launch : launches) {
      Made &known = kernels[launch.getKernel()];
      if (auto kernel = symbols.lookup<func::FuncOp>(launch.getKernel())) {
        known = {kernel.getSymName().str(), !kernel.getArgument(2).use_empty()};
        FailureOr<emitc::FuncOp> made = translate(kernel, launch);
        if (failed(made))
          return signalPassFailure();
        symbols.erase(kernel);
        std::string text;
        llvm::raw_string_ostream os(text);
        made->print(os, OpPrintingFlags().assumeVerified().useLocalScope());
        if (auto [place, isNew] = texts.try_emplace(text, known.symbol); !isNew) {
          known.symbol = place->second;
          made->erase();
        } else {
          made->setSymName(known.symbol);
          symbols.insert(*made);
        }
      }
      OpBuilder b(launch);
      int64_t blocks = llvm::divideCeil(std::max<int64_t>(1, launch.getCount()), threads);
      blocks = std::min<int64_t>(blocks, known.hasScratch ? std::max<int64_t>(1, maxThreads / threads) : 1 << 20);
      auto device =
          DeviceLaunchOp::create(b, launch.getLoc(), known.symbol, launch.getBuffers(), ValueRange(),
                                 ArrayRef<int64_t>{blocks, 1, 1}, launch.getWrites(), nullptr, nullptr, nullptr);
      for (NamedAttribute attribute : launch->getDiscardableAttrs())
        device->setAttr(attribute.getName(), attribute.getValue());
      launch.erase();
    }
  }

  FailureOr<emitc::FuncOp> translate(func::FuncOp kernel, LaunchOp launch) {
    OpBuilder b(kernel);
    Location loc = kernel.getLoc();
    auto opaque = [&](StringRef text) { return emitc::OpaqueType::get(&getContext(), text); };
    SmallVector<Type> types;
    SmallVector<Attribute> names;
    int64_t writes = launch.getWrites();
    for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes().drop_front(3))) {
      bool isWritten = static_cast<int64_t>(index) < writes;
      std::string element = deviceType(cast<MemRefType>(type).getElementType());
      types.push_back(emitc::PointerType::get(opaque(element)));
      names.push_back(b.getStringAttr(isWritten ? "y" + std::to_string(index) : "x" + std::to_string(index - writes)));
    }
    auto made = emitc::FuncOp::create(b, loc, "loop", b.getFunctionType(types, {}));
    made->setAttr(blockAttr, b.getStringAttr("Loop"));
    made->setAttr(headerAttr, b.getStringAttr("loops.cuh"));
    made->setAttr(namesAttr, b.getArrayAttr(names));
    made->setAttr(writesAttr, b.getI64IntegerAttr(writes));
    Block *block = made.addEntryBlock();
    b.setInsertionPointToStart(block);
    auto number = [&](StringRef text) -> Value { return emitc::LiteralOp::create(b, loc, opaque("long long"), text); };
    auto loop = emitc::ForOp::create(b, loc, number("Loop::first()"), number(std::to_string(launch.getCount())),
                                     number("Loop::step()"));
    loop->setAttr(resultNameAttr, b.getStringAttr("item"));
    emitc::ReturnOp::create(b, loc, Value());
    b.setInsertionPointToStart(loop.getBody());
    LoopTranslator translator(b, loc);
    Value item = loop.getInductionVar();
    translator.setItem(kernel.getArgument(0), kernel.getArgument(1), item);
    translator.map(kernel.getArgument(1), emitc::AddOp::create(b, loc, opaque("long long"), item, number("1")));
    translator.map(kernel.getArgument(2), number("Loop::first()"));
    for (auto [from, to] : llvm::zip_equal(kernel.getArguments().drop_front(3), block->getArguments()))
      translator.map(from, to);
    if (failed(translator.translate(kernel.getBody().front()))) {
      made.erase();
      return failure();
    }
    return made;
  }

  /// Loop::threads of the device library.
  static constexpr int64_t threads = 128;
};

} // namespace
