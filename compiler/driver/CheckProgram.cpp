//===- CheckProgram.cpp - a program at one of its stages, run in this process ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/CheckProgram.h"

#include "compiler/analysis/BufferLifetimes.h"
#include "compiler/driver/Artifact.h"
#include "compiler/target/Passes.h"
#include "passes/PlanMemory/PlanMemory.h"
#include "runtime/core/Error.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/Transforms/Passes.h"

#include <chrono>

using namespace mlir;
using namespace jepa;

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

static MemRefType arenaOf(ModuleOp module) {
  auto entry = module.lookupSymbol<func::FuncOp>(entryName);
  auto type = entry && entry.getNumArguments() ? dyn_cast<MemRefType>(entry.getArgumentTypes()[0]) : MemRefType();
  return type && type.getElementType().isInteger(8) ? type : MemRefType();
}

bool jepa::isLowered(ModuleOp module) { return static_cast<bool>(arenaOf(module)); }

bool jepa::isPlanned(ModuleOp module) {
  MemRefType arena = arenaOf(module);
  return arena && arena.hasStaticShape();
}

static int64_t bytesOf(TypeRange types) {
  int64_t bytes = 0;
  for (Type type : types)
    if (auto shaped = dyn_cast<ShapedType>(type); shaped && shaped.hasStaticShape())
      bytes += shaped.getNumElements() * llvm::divideCeil(shaped.getElementTypeBitWidth(), 8);
  return bytes;
}

int64_t jepa::countBytes(ModuleOp module) {
  SymbolTable symbols(module);
  std::function<int64_t(func::FuncOp)> count = [&](func::FuncOp function) {
    int64_t bytes = 0;
    for (Operation &op : function.getBody().front()) {
      if (auto call = dyn_cast<func::CallOp>(op)) {
        if (auto callee = symbols.lookup<func::FuncOp>(call.getCallee()))
          bytes += count(callee);
      } else if (isa<LaunchOp, GemmOp>(op)) {
        bytes += bytesOf(op.getOperandTypes());
      } else if (isa<JepaDialect>(op.getDialect()) && op.getNumOperands() && op.getNumResults() && !isa<BufferOp>(op)) {
        bytes += bytesOf(op.getOperandTypes()) + bytesOf(op.getResultTypes());
      } else if (isa<AdamWOp>(op)) {
        // The gradient is read; weight and both moments are read and written.
        bytes += 7 * bytesOf(op.getOperand(0).getType());
      } else if (auto ema = dyn_cast<EmaOp>(op)) {
        auto type = cast<RankedTensorType>(ema.getHyper().getType());
        bytes += 3 * bytesOf(RankedTensorType::get(ema.getShape(), type.getElementType()));
      }
    }
    return bytes;
  };
  auto entry = symbols.lookup<func::FuncOp>(entryName);
  return entry ? count(entry) : 0;
}

//===----------------------------------------------------------------------===//
// Lowering
//===----------------------------------------------------------------------===//

static constexpr StringLiteral gradientPrefix = "gradient ";

/// Makes the gradients that wait for an optimiser readable after the run.
static void keepGradients(ModuleOp module) {
  SmallVector<GradientOp> gradients;
  module.walk([&](GradientOp op) { gradients.push_back(op); });
  for (GradientOp gradient : gradients) {
    OpBuilder builder(gradient);
    TapOp::create(builder, gradient.getLoc(), gradient.getGradient(),
                  builder.getStringAttr(gradientPrefix + gradient.getName()));
    gradient.erase();
  }
}

/// Turns every f32 tensor into an f64 one. Tensors of bf16 stay, so that values are rounded where they were.
static void widen(ModuleOp module) {
  AttrTypeReplacer replacer;
  replacer.addReplacement([](Type type) -> std::optional<Type> {
    return type.isF32() ? std::optional<Type>(Float64Type::get(type.getContext())) : std::nullopt;
  });
  module.walk([&](Operation *op) {
    for (OpResult result : op->getResults())
      result.setType(replacer.replace(result.getType()));
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (BlockArgument argument : block.getArguments())
          argument.setType(replacer.replace(argument.getType()));
    if (auto function = dyn_cast<func::FuncOp>(op))
      function.setFunctionType(cast<FunctionType>(replacer.replace(function.getFunctionType())));
  });
}

namespace {

/// Runs passes on a copy; what they say becomes the message of an rt::Error.
class Lowering {
public:
  explicit Lowering(MLIRContext *context) : errors(context) {}

  void run(ModuleOp module, llvm::function_ref<void(OpPassManager &)> build, bool verify = true) {
    PassManager manager(module.getContext());
    manager.enableVerifier(verify);
    build(manager);
    errors.require(succeeded(manager.run(module)));
  }

private:
  ErrorText errors;
};

void plan(OpPassManager &manager, bool share) {
  PlanMemoryOptions options;
  options.share = share;
  manager.addPass(createPlanMemory(options));
}

} // namespace

std::optional<int64_t> jepa::plannedBytes(ModuleOp original, const Specialisation &specialisation) {
  OwningOpRef<ModuleOp> module = original.clone();
  try {
    Lowering lowering(original.getContext());
    if (!isLowered(*module)) {
      keepGradients(*module);
      LowerToKernelsOptions options;
      options.target = specialisation.request.target;
      options.maxThreads = specialisation.request.maxThreads;
      lowering.run(*module, [&](OpPassManager &manager) {
        manager.addPass(createLowerToKernels(options, productLibrary(specialisation).scratchBytes));
        manager.addPass(createCanonicalizerPass());
        manager.addPass(createCSEPass());
      });
    }
    if (!isPlanned(*module))
      lowering.run(*module, [](OpPassManager &manager) { plan(manager, true); });
  } catch (const rt::Error &) {
    return std::nullopt;
  }
  return arenaOf(*module).getDimSize(0);
}

CheckProgram::CheckProgram(ModuleOp original, const Specialisation &given, const CheckInputs &inputs,
                           CheckCode &code)
    : inputs(inputs) {
  OwningOpRef<ModuleOp> module = original.clone();
  Specialisation specialisation = given;
  Lowering lowering(original.getContext());
  if (!isLowered(*module)) {
    specialisation.request.target = "reference";
    specialisation.request.dtype = "f64";
    keepGradients(*module);
    widen(*module);
    LowerToKernelsOptions options;
    options.target = "reference";
    options.maxThreads = specialisation.request.maxThreads;
    // Ops need not allow f64 beside bf16; their kernels do.
    lowering.run(*module, [&](OpPassManager &manager) { manager.addPass(createLowerToKernels(options)); }, false);
  }
  if (!isPlanned(*module))
    lowering.run(*module, [](OpPassManager &manager) { ::plan(manager, false); });
  plan = std::make_unique<rt::Plan>(rt::Plan::parse(describePlan(*module, specialisation, {}, "").dump()));
  rt::checkMachine(*plan);

  entry = code.compile(*module, given.machine);
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

static std::vector<double> valuesOf(const rt::State &state, const rt::Buffer &buffer) {
  std::vector<double> values(static_cast<size_t>(buffer.elements));
  for (int64_t index = 0; index < buffer.elements; ++index)
    values[static_cast<size_t>(index)] = state.get(buffer, index);
  return values;
}

Observation CheckProgram::run(llvm::function_ref<void(rt::State &)> adjust) {
  rt::State state(*plan);
  inputs.fill(state);
  if (adjust)
    adjust(state);
  auto start = std::chrono::steady_clock::now();
  entry(state.arena());
  time = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  Observation seen;
  for (const rt::Buffer &buffer : plan->buffers) {
    if (buffer.kind == rt::BufferKind::Output) {
      StringRef name(buffer.name);
      bool isGradient = name.consume_front(gradientPrefix);
      (isGradient ? seen.gradients : seen.outputs)[name.str()] = valuesOf(state, buffer);
    } else if (buffer.kind == rt::BufferKind::Parameter || buffer.kind == rt::BufferKind::Moment) {
      const std::vector<double> &before = inputs.stateBefore(buffer);
      std::vector<double> after = valuesOf(state, buffer);
      if (before == after)
        continue;
      for (size_t index = 0; index < after.size(); ++index)
        after[index] -= before[index];
      seen.changes[buffer.name] = std::move(after);
    }
  }
  return seen;
}
