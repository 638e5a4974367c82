//===- LowerToKernels.cpp - tensor functions to kernel launches ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/dialect/ParameterCopies.h"
#include "compiler/target/Passes.h"
#include "compiler/target/cuda/Kernels.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/PostOrderIterator.h"
#include "llvm/ADT/StringSet.h"

namespace jepa {
#define GEN_PASS_DEF_LOWERTOKERNELS
#include "compiler/target/Passes.h.inc"
} // namespace jepa

using namespace mlir;
using namespace jepa;

static MemRefType bufferType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return MemRefType::get(tensor.getShape(), tensor.getElementType());
}

namespace jepa {

/// Lowers one function: gives each value a buffer, each op its launches.
class FunctionLowering {
public:
  FunctionLowering(KernelModule &shared, func::FuncOp function, StringRef target)
      : shared(shared), function(function), isEntry(function.getSymName() == entryName), target(target) {}

  LogicalResult run();

private:
  LogicalResult lower(Operation *op);
  LogicalResult emit(Operation *op);
  /// Writes on what `op` became, the ops behind `last`, where it came from: profiles show it.
  void describe(Operation *op, Operation *last);
  /// The ops of a group one after the other.
  LogicalResult lowerBody(FusedOp group);
  LogicalResult lowerCall(func::CallOp call);
  LogicalResult lowerReturn(func::ReturnOp op);
  /// Tells the masters of low-precision copies how they are filled at first.
  void lowerMasters();
  /// Makes the value's buffer readable after the run under `name`.
  void output(Value value, StringRef name);
  DictionaryAttr info(ParameterOp op);
  DictionaryAttr info(PositionOp op);

  KernelModule &shared;
  func::FuncOp function;
  bool isEntry;
  StringRef target;
  KernelContext *context = nullptr;
  OpBuilder *builder = nullptr;
  llvm::StringMap<Type> outputs;
  SmallVector<ParameterCopyOp> copies;
};

} // namespace jepa

LogicalResult FunctionLowering::run() {
  MLIRContext *mlirContext = function.getContext();
  OpBuilder b(mlirContext);
  builder = &b;
  Block &old = function.getBody().front();
  auto arenaType = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
  auto *body = new Block();
  function.getBody().push_back(body);
  b.setInsertionPointToStart(body);
  Location loc = function.getLoc();
  KernelContext state(shared, b, body->addArgument(arenaType, loc));
  context = &state;

  SmallVector<Type> types = {arenaType};
  if (isEntry) {
    for (BlockArgument argument : old.getArguments()) {
      auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), inputNameAttr);
      if (!name)
        return function.emitOpError("argument #") << argument.getArgNumber() << " has no 'jepa.name'";
      DictionaryAttr attributes;
      if (Attribute tokens = function.getArgAttr(argument.getArgNumber(), maskTokensAttr))
        attributes = b.getDictionaryAttr(b.getNamedAttr("mask_tokens", tokens));
      state.op = function;
      state.buffers[argument] = state.named("input", name, bufferType(argument.getType()), attributes);
    }
  } else {
    auto addArgument = [&](Type type) {
      types.push_back(bufferType(type));
      return body->addArgument(types.back(), loc);
    };
    for (Value result : old.getTerminator()->getOperands()) {
      Value destination = addArgument(result.getType());
      // A value that is returned twice, or not computed here, is copied at the return.
      if (result.getDefiningOp())
        state.destinations.try_emplace(result, destination);
    }
    for (BlockArgument argument : old.getArguments())
      state.buffers[argument] = addArgument(argument.getType());
  }
  b.setInsertionPointToEnd(body);
  for (Operation &op : old)
    if (failed(lower(&op)))
      return failure();

  lowerMasters();

  // The old body dies as a whole; nothing outside refers to it.
  old.dropAllDefinedValueUses();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(old)))
    op.erase();
  old.erase();
  function.setAllArgAttrs(ArrayRef<DictionaryAttr>(SmallVector<DictionaryAttr>(types.size(), b.getDictionaryAttr({}))));
  function.setAllResultAttrs(ArrayRef<DictionaryAttr>());
  function.setFunctionType(b.getFunctionType(types, {}));
  return success();
}

LogicalResult FunctionLowering::lower(Operation *op) {
  Block &body = *builder->getInsertionBlock();
  Operation *last = body.empty() ? nullptr : &body.back();
  if (failed(emit(op)))
    return failure();
  describe(op, last);
  return success();
}

/// An update in place, or what only updates read; the model's text has no module for them.
static bool isUpdate(Operation *op) {
  auto writes = [](Operation *op) { return op->getNumResults() == 0 && !isa<TapOp>(op) && !isMemoryEffectFree(op); };
  return writes(op) || (llvm::any_of(op->getUsers(), writes) && llvm::all_of(op->getUsers(), [&](Operation *user) {
           return writes(user) || isa<TapOp>(user);
         }));
}

void FunctionLowering::describe(Operation *op, Operation *last) {
  SmallVector<Operation *> launches;
  int64_t flops = 0;
  Attribute scope = op->getAttr(scopeAttr);
  if (!scope && isUpdate(op))
    scope = builder->getStringAttr("optimizer");
  op->walk([&](CostOpInterface cost) { flops += cost.getFlops(); });
  Block &body = *builder->getInsertionBlock();
  for (Operation &made : llvm::make_range(last ? std::next(last->getIterator()) : body.begin(), body.end())) {
    if (isa<BufferOp>(made) || !isa<JepaDialect, func::FuncDialect>(made.getDialect()))
      continue;
    if (scope)
      made.setAttr(scopeAttr, scope);
    if (auto product = dyn_cast<GemmOp>(made))
      flops -= 2 * product.getM() * product.getN() * product.getK();
    if (auto product = dyn_cast<DeviceGemmOp>(made))
      flops -= 2 * product.getM() * product.getN() * product.getK();
    if (isa<LaunchOp, DeviceLaunchOp>(made))
      launches.push_back(&made);
  }
  // How several launches share an op's work is only theirs to know.
  if (launches.size() == 1 && flops > 0)
    launches.front()->setAttr(flopsAttr, builder->getI64IntegerAttr(flops));
}

/// No processor computes with e4m3.
static bool touchesE4m3(Operation *op) {
  return llvm::any_of(op->getOperandTypes(), isE4m3) || llvm::any_of(op->getResultTypes(), isE4m3);
}

LogicalResult FunctionLowering::emit(Operation *op) {
  context->op = op;
  if (!isEntry && isa<ParameterOp, ParameterCopyOp, PositionOp, TapOp>(op))
    return op->emitOpError("must be in '") << entryName << "', not in an outlined layer";
  if (auto parameter = dyn_cast<ParameterOp>(op)) {
    context->buffers[parameter] =
        context->named("parameter", parameter.getName(), bufferType(parameter.getType()), info(parameter));
    return success();
  }
  if (auto copy = dyn_cast<ParameterCopyOp>(op)) {
    context->buffers[copy] = context->copyOf(copy.getName(), bufferType(copy.getType()).getShape());
    copies.push_back(copy);
    return success();
  }
  if (auto position = dyn_cast<PositionOp>(op)) {
    std::string name;
    llvm::raw_string_ostream(name) << "position " << info(position) << " " << bufferType(position.getType());
    context->buffers[position] = context->named("table", name, bufferType(position.getType()), info(position));
    return success();
  }
  if (auto tap = dyn_cast<TapOp>(op)) {
    output(tap.getX(), tap.getName());
    return success();
  }
  if (auto call = dyn_cast<func::CallOp>(op))
    return lowerCall(call);
  if (auto ret = dyn_cast<func::ReturnOp>(op))
    return lowerReturn(ret);
  if (auto kernels = dyn_cast<CpuKernelOpInterface>(op); kernels && target == "cpu" && !touchesE4m3(op))
    return kernels.emitKernels(*context);
  if (auto kernels = dyn_cast<CudaKernelOpInterface>(op); kernels && target == "cuda")
    return kernels.emitKernels(*context);
  if (auto group = dyn_cast<FusedOp>(op))
    return lowerBody(group);
  if (auto kernels = dyn_cast<ReferenceKernelOpInterface>(op))
    return kernels.emitKernels(*context);
  return op->emitOpError("has no kernels for target '") << target << "'";
}

LogicalResult FunctionLowering::lowerBody(FusedOp group) {
  context->enter(group);
  for (Operation &op : group.getBody().front().without_terminator())
    if (failed(lower(&op)))
      return failure();
  context->leave(group);
  return success();
}

LogicalResult FunctionLowering::lowerCall(func::CallOp call) {
  // The callee's frame: jepa-plan-memory puts it where the caller's own buffers leave room.
  SmallVector<Value> operands = {context->arena};
  for (Value result : call.getResults())
    operands.push_back(context->out(result));
  for (Value operand : call.getOperands()) {
    Value buffer = context->in(operand);
    if (!cast<MemRefType>(buffer.getType()).getLayout().isIdentity()) {
      Value plain = context->temporary(bufferType(operand.getType()).getShape(),
                                       bufferType(operand.getType()).getElementType());
      context->copy(plain, buffer);
      buffer = plain;
    }
    operands.push_back(buffer);
  }
  func::CallOp::create(*builder, call.getLoc(), call.getCalleeAttr(), TypeRange{}, operands);
  return success();
}

LogicalResult FunctionLowering::lowerReturn(func::ReturnOp op) {
  for (auto [index, value] : llvm::enumerate(op.getOperands())) {
    if (isEntry) {
      auto name = function.getResultAttrOfType<StringAttr>(index, inputNameAttr);
      if (!name)
        return function.emitOpError("result #") << index << " has no 'jepa.name'";
      output(value, name);
      continue;
    }
    Value destination = context->arena.getParentBlock()->getArgument(1 + index);
    if (context->destinations.lookup(value) != destination)
      context->copy(destination, context->in(value));
  }
  func::ReturnOp::create(*builder, op.getLoc());
  return success();
}

void FunctionLowering::lowerMasters() {
  for (ParameterCopyOp copy : copies) {
    context->op = copy;
    // The master has its buffer already where an op reads or updates it.
    auto type = MemRefType::get(cast<RankedTensorType>(copy.getType()).getShape(), builder->getF32Type());
    auto master = context->named("parameter", copy.getName(), type).getDefiningOp<BufferOp>();
    if (auto info = copy->getAttrOfType<DictionaryAttr>(masterAttr); info && !master.getInfo())
      master.setInfoAttr(info);
  }
}

void FunctionLowering::output(Value value, StringRef name) {
  Value buffer = context->in(value);
  auto made = buffer.getDefiningOp<BufferOp>();
  if (made && made.getKind() == "temporary") {
    made.setKind("output");
    made.setName(name);
    return;
  }
  context->copy(context->named("output", name, bufferType(value.getType())), buffer);
}

DictionaryAttr FunctionLowering::info(ParameterOp op) {
  NamedAttrList list(op->getAttrDictionary());
  list.erase("name");
  list.erase(scopeAttr);
  list.set("trainable", builder->getBoolAttr(op.getTrainable()));
  return list.getDictionary(op.getContext());
}

DictionaryAttr FunctionLowering::info(PositionOp op) {
  NamedAttrList list(op->getAttrDictionary());
  list.erase(scopeAttr);
  list.set("kind", op.getKindAttr());
  list.set("uniform", op.getUniformAttr());
  return list.getDictionary(op.getContext());
}

namespace {

struct LowerToKernelsPass : jepa::impl::LowerToKernelsBase<LowerToKernelsPass> {
  using LowerToKernelsBase::LowerToKernelsBase;
  LowerToKernelsPass(LowerToKernelsOptions options, ProductScratch scratch)
      : LowerToKernelsBase(std::move(options)), scratch(std::move(scratch)) {}

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (target != "reference" && target != "cpu" && target != "cuda") {
      module.emitError("unknown target '") << target << "': use reference, cpu or cuda";
      return signalPassFailure();
    }
    auto query = scratch ? scratch : [](const Product &) -> int64_t { return 1; };
    KernelModule shared{module,       maxThreads, query, {features.begin(), features.end()},
                        /*copyOnDevice=*/target == "cuda" ? copyOnDevice : nullptr,
                        /*kernels=*/{},   /*deviceKernels=*/{}};
    for (auto function : llvm::to_vector(module.getOps<func::FuncOp>()))
      if (failed(FunctionLowering(shared, function, target).run()))
        return signalPassFailure();
  }

  ProductScratch scratch;
};

} // namespace

std::unique_ptr<Pass> jepa::createLowerToKernels(LowerToKernelsOptions options, ProductScratch scratch) {
  return std::make_unique<LowerToKernelsPass>(std::move(options), std::move(scratch));
}
