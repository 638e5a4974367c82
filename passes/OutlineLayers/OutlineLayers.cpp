//===- OutlineLayers.cpp - equal layers share one function ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A *run* is the ops of one layer, consecutive but for ops that can step aside: sources (no operands: parameters, tables)
// move before it, watchers (taps, gradients) after it.
//
//  1. Cut each function into runs, and make each view that several of them read again in every one, so that the whole
//     that it is a part of is what they hand on.
//  2. Write down each run's structure: ops, attributes, types, and for each operand the op of the run or the number of
//     the input that it is. Equal structures are one group.
//  3. Make a function of a group's first run and call it in place of each.
//
//===----------------------------------------------------------------------===//

#include "passes/OutlineLayers/OutlineLayers.h"

#include "compiler/analysis/Layers.h"
#include "compiler/analysis/PassReport.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

#include <map>

using namespace mlir;
using namespace jepa;

namespace jepa {
#define GEN_PASS_DEF_OUTLINELAYERS
#include "passes/OutlineLayers/OutlineLayers.h.inc"
} // namespace jepa

namespace {

constexpr llvm::StringLiteral passName = "jepa-outline-layers";

/// Equal for runs that may share a function; only ever compared, so that pointers in it do not order anything.
using Structure = std::vector<uintptr_t>;

struct Run {
  std::string layer;
  SmallVector<Operation *> ops;
  SetVector<Value> inputs;
  SmallVector<Value> outputs;
};

/// "encoder.blocks.3/adjoint" -> "layer_encoder_blocks_adjoint".
std::string functionNameOf(StringRef layer) {
  bool isAdjoint = layer.consume_back(adjointSuffix);
  SmallVector<StringRef> components;
  layer.split(components, '.');
  llvm::erase_if(components, [](StringRef part) { return !part.empty() && llvm::all_of(part, llvm::isDigit); });
  std::string name = "layer_" + llvm::join(components, "_") + (isAdjoint ? "_adjoint" : "");
  std::replace_if(name.begin(), name.end(), [](char c) { return !llvm::isAlnum(c); }, '_');
  return name;
}

/// What is left of an op's scope inside its layer.
StringRef scopeWithin(StringRef scope, StringRef layer) {
  scope.consume_back(adjointSuffix);
  layer.consume_back(adjointSuffix);
  scope.consume_front(layer);
  scope.consume_front(".");
  return scope;
}

bool isSource(Operation *op) {
  return op->getNumOperands() == 0 && op->getNumResults() && op->getNumRegions() == 0 && isMemoryEffectFree(op);
}

/// Ops that only look at a value, so that it is the same to them whether they do so a little later.
bool isWatcher(Operation *op) { return isa<TapOp, GradientOp>(op); }

bool isLayerOp(Operation *op) {
  return isa<JepaDialect>(op->getDialect()) && (op->getNumRegions() == 0 || isa<FusedOp>(op)) &&
         isMemoryEffectFree(op) && op->getAttrOfType<StringAttr>(scopeAttr);
}

// 1.
std::vector<Run> findRuns(func::FuncOp function) {
  std::vector<Run> runs;
  bool isOpen = false;
  for (Operation &op : function.front()) {
    if (isSource(&op) || isWatcher(&op))
      continue;
    bool belongs = isLayerOp(&op);
    if (belongs) {
      std::string layer = layerOf(op.getAttrOfType<StringAttr>(scopeAttr).getValue());
      if (!isOpen || runs.back().layer != layer)
        runs.push_back({layer, {}, {}, {}});
      runs.back().ops.push_back(&op);
    }
    isOpen = belongs;
  }
  return runs;
}

/// Whether the results lie where the operand does.
bool isView(Operation *op) {
  return isa<ViewOpInterface>(op) && llvm::all_of(op->getResultTypes(), [&](Type type) {
           return getElementTypeOrSelf(type) == getElementTypeOrSelf(op->getOperand(0).getType());
         });
}

/// How many were made again.
int64_t repeatViews(ArrayRef<Run> runs) {
  DenseMap<Operation *, const Run *> runOf;
  for (const Run &run : runs)
    for (Operation *op : run.ops)
      runOf[op] = &run;
  int64_t count = 0;
  // Backwards, so that a view of a view is there where its operand's readers are looked for.
  for (const Run &run : llvm::reverse(runs))
    for (Operation *view : llvm::reverse(run.ops)) {
      if (!isView(view))
        continue;
      llvm::MapVector<const Run *, Operation *> firstReader;
      for (Operation *reader : view->getUsers()) {
        const Run *other = runOf.lookup(reader);
        if (!other || other == &run)
          continue;
        Operation *&first = firstReader[other];
        if (!first || reader->isBeforeInBlock(first))
          first = reader;
      }
      for (auto [other, first] : firstReader) {
        Operation *again = OpBuilder(first).clone(*view);
        again->setAttr(scopeAttr, first->getAttr(scopeAttr));
        view->replaceUsesWithIf(again->getResults(),
                                [&](OpOperand &use) { return runOf.lookup(use.getOwner()) == other; });
        runOf[again] = other;
        ++count;
      }
      if (view->use_empty())
        view->erase();
    }
  return count;
}

// 2.
/// The op without its operands: kind, attributes, and what a group's body does.
void describeOp(Operation *op, Structure &structure) {
  auto addPointer = [&](const void *pointer) { structure.push_back(reinterpret_cast<uintptr_t>(pointer)); };
  NamedAttrList attributes(op->getAttrDictionary());
  attributes.erase(scopeAttr);
  addPointer(op->getName().getAsOpaquePointer());
  addPointer(attributes.getDictionary(op->getContext()).getAsOpaquePointer());
  structure.push_back(op->getNumOperands());
  if (op->getNumRegions() == 0)
    return;
  DenseMap<Value, unsigned> numbers;
  for (Value argument : op->getRegion(0).getArguments())
    numbers.insert({argument, numbers.size()});
  for (Operation &inner : op->getRegion(0).front()) {
    describeOp(&inner, structure);
    for (Value operand : inner.getOperands())
      structure.push_back(numbers.lookup(operand));
    for (Value result : inner.getResults()) {
      numbers.insert({result, numbers.size()});
      addPointer(result.getType().getAsOpaquePointer());
    }
  }
}

/// Sets the run's inputs and outputs on the way.
Structure describe(Run &run) {
  Structure structure;
  run.inputs.clear();
  run.outputs.clear();
  auto addPointer = [&](const void *pointer) { structure.push_back(reinterpret_cast<uintptr_t>(pointer)); };
  DenseMap<Value, unsigned> inner;
  for (Operation *op : run.ops) {
    describeOp(op, structure);
    for (Value operand : op->getOperands()) {
      auto it = inner.find(operand);
      bool isInner = it != inner.end();
      unsigned number = isInner ? it->second : 0;
      if (!isInner) {
        run.inputs.insert(operand);
        number = llvm::find(run.inputs, operand) - run.inputs.begin();
      }
      structure.push_back(isInner);
      structure.push_back(number);
      addPointer(operand.getType().getAsOpaquePointer());
    }
    for (Value result : op->getResults()) {
      inner.insert({result, inner.size()});
      addPointer(result.getType().getAsOpaquePointer());
    }
  }
  SmallPtrSet<Operation *, 32> members(run.ops.begin(), run.ops.end());
  for (Operation *op : run.ops)
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !members.contains(user); })) {
        run.outputs.push_back(result);
        structure.push_back(inner.lookup(result));
      }
  return structure;
}

// 3.
func::FuncOp makeFunction(const Run &run, SymbolTable &symbols) {
  std::string base = functionNameOf(run.layer), name = base;
  for (unsigned number = 1; symbols.lookup(name); ++number)
    name = base + "_" + std::to_string(number);
  MLIRContext *context = run.ops.front()->getContext();
  SmallVector<Type> inputs = llvm::map_to_vector(run.inputs, [](Value value) { return value.getType(); });
  SmallVector<Type> outputs = llvm::map_to_vector(run.outputs, [](Value value) { return value.getType(); });
  Location location = run.ops.front()->getLoc();
  auto function = func::FuncOp::create(location, name, FunctionType::get(context, inputs, outputs));
  function.setPrivate();
  symbols.insert(function);

  OpBuilder builder(context);
  builder.setInsertionPointToStart(function.addEntryBlock());
  IRMapping mapping;
  mapping.map(run.inputs.getArrayRef(), function.getArguments());
  for (Operation *op : run.ops) {
    Operation *copy = builder.clone(*op, mapping);
    StringRef scope = scopeWithin(copy->getAttrOfType<StringAttr>(scopeAttr).getValue(), run.layer);
    copy->removeAttr(scopeAttr);
    if (!scope.empty())
      copy->setAttr(scopeAttr, builder.getStringAttr(scope));
  }
  auto results = llvm::map_to_vector(run.outputs, [&](Value value) { return mapping.lookup(value); });
  func::ReturnOp::create(builder, location, results);
  return function;
}

void replaceByCall(const Run &run, func::FuncOp callee) {
  Operation *first = run.ops.front(), *last = run.ops.back(), *after = last;
  for (Operation *op = first, *next; op != last; op = next) {
    next = op->getNextNode();
    if (isSource(op) && !llvm::is_contained(run.ops, op)) {
      op->moveBefore(first);
    } else if (isWatcher(op)) {
      op->moveAfter(after);
      after = op;
    }
  }
  OpBuilder builder(first);
  auto call = func::CallOp::create(builder, first->getLoc(), callee, run.inputs.getArrayRef());
  call->setAttr(scopeAttr, builder.getStringAttr(run.layer));
  for (auto [output, result] : llvm::zip_equal(run.outputs, call.getResults())) {
    Value value = output;
    value.replaceAllUsesWith(result);
  }
  for (Operation *op : llvm::reverse(run.ops))
    op->erase();
}

class OutlineLayers : public jepa::impl::OutlineLayersBase<OutlineLayers> {
  using OutlineLayersBase::OutlineLayersBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (minOps < 1 || minInstances < 1) {
      module.emitError("jepa-outline-layers: min-ops and min-instances must be at least 1");
      return signalPassFailure();
    }
    SymbolTable symbols(module);
    for (auto function : llvm::to_vector(module.getOps<func::FuncOp>())) {
      if (function.isExternal())
        continue;
      if (!function.getBody().hasOneBlock()) {
        function.emitError("has several blocks: layers are outlined from straight-line functions");
        return signalPassFailure();
      }
      outline(function, symbols);
    }
  }

  void outline(func::FuncOp function, SymbolTable &symbols) {
    int64_t repeated = repeatViews(findRuns(function));
    std::vector<Run> runs = findRuns(function);
    std::map<Structure, unsigned> numbers;
    std::vector<SmallVector<Run *>> groups;
    for (Run &run : runs) {
      if (run.ops.size() < static_cast<size_t>(minOps))
        continue;
      auto [it, isNew] = numbers.insert({describe(run), groups.size()});
      if (isNew)
        groups.emplace_back();
      groups[it->second].push_back(&run);
    }
    int64_t calls = 0, functions = 0;
    for (ArrayRef<Run *> group : groups) {
      if (group.size() < static_cast<size_t>(minInstances))
        continue;
      describe(*group.front());
      func::FuncOp callee = makeFunction(*group.front(), symbols);
      remark::passed(callee.getLoc(),
                     remark::RemarkOpts::name("shared").category(passName).function(function.getName()))
          << remark::add("{0} layers of {1} ops share @{2}", group.size(), group.front()->ops.size(),
                         callee.getName().str());
      for (Run *run : group) {
        // Inputs that an earlier call computes now are other values than before.
        describe(*run);
        replaceByCall(*run, callee);
      }
      calls += group.size();
      ++functions;
    }
    PassReport::count(function, passName, "layers_called", calls);
    PassReport::count(function, passName, "functions_made", functions);
    PassReport::count(function, passName, "views_repeated", repeated);
  }
};

} // namespace
