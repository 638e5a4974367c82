//===- MixedPrecision.cpp - compute in bf16 where that is enough ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

// Terminology: a value is *low* if it is stored in bf16, *full* if in f32. An op *rounds* a result that is low while
// what it was computed from is full.
//
// 1. Take every result that its op may give in low precision as low.
// 2. Until nothing changes: make full what a reader insists on, what a passing op would round although a reader would
// not,
//    and all of an op whose operands and results are of one type when one of them is full.
// 3. Set the low results' types.
// 4. Cast what is computed with in low precision and is full; of parameters, take copies, or store them low.

#include "passes/MixedPrecision/MixedPrecision.h"

#include "compiler/analysis/PassReport.h"
#include "compiler/dialect/Dialect.h"
#include "compiler/dialect/ParameterCopies.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringSet.h"

namespace jepa {
#define GEN_PASS_DEF_MIXEDPRECISION
#include "passes/MixedPrecision/MixedPrecision.h.inc"
} // namespace jepa

using namespace mlir;
using namespace jepa;

static constexpr StringLiteral passName = "jepa-mixed-precision";

static bool isFull(Value value) {
  return isa<RankedTensorType>(value.getType()) && getElementTypeOrSelf(value).isF32();
}

static RankedTensorType lowType(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.clone(BFloat16Type::get(type.getContext()));
}

/// Whether the use is a vector that a product reads whole: its bias.
static bool isBias(OpOperand &use) {
  auto op = dyn_cast<FusibleOpInterface>(use.getOwner());
  auto type = dyn_cast<RankedTensorType>(use.get().getType());
  return op && op.isProduct() && !op.isRowOperand(use.getOperandNumber()) && type && type.getRank() == 1;
}

namespace {

/// What the ops say, and what the target wants beyond it.
struct PrecisionRules {
  bool lowBiases;

  bool computesLow(OpOperand &use) const {
    auto op = dyn_cast<PrecisionOpInterface>(use.getOwner());
    return (op && op.computesInLowPrecision(use.getOperandNumber())) || (lowBiases && isBias(use));
  }
  /// Whether the use reads either precision. A tap must not change what it looks at.
  bool takesLow(OpOperand &use) const {
    auto op = dyn_cast<PrecisionOpInterface>(use.getOwner());
    return isa<TapOp>(use.getOwner()) || (op && op.takesLowPrecision(use.getOperandNumber())) ||
           (lowBiases && isBias(use));
  }
};

} // namespace

static bool isOfOneType(Operation *op) { return op->hasTrait<OpTrait::SameOperandsAndResultType>(); }

/// Whether the op only passes values on: it takes all of them in either precision and computes with none in low.
static bool passesOn(PrecisionOpInterface op) {
  return llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
    return !isa<FloatType>(getElementTypeOrSelf(operand.get())) ||
           (op.takesLowPrecision(operand.getOperandNumber()) && !op.computesInLowPrecision(operand.getOperandNumber()));
  });
}

namespace {

class PrecisionAssignment {
public:
  PrecisionAssignment(func::FuncOp function, PrecisionRules rules);

  bool isLow(Value value) const { return low.contains(value) || getElementTypeOrSelf(value).isBF16(); }
  ArrayRef<Value> getLow() const { return low.getArrayRef(); }

private:
  /// The first reason for the value to be full, or null.
  Operation *insists(OpResult value) const;

  PrecisionRules rules;
  llvm::SetVector<Value> low;
};

class PrecisionRewriter {
public:
  PrecisionRewriter(func::FuncOp function, const PrecisionAssignment &assignment, PrecisionRules rules);
  void run();

private:
  Value cast(Value value, StringAttr scope);
  Value copyOf(ParameterOp parameter);
  void lower(ParameterOp parameter, ArrayRef<OpOperand *> uses);

  func::FuncOp function;
  const PrecisionAssignment &assignment;
  PrecisionRules rules;
  /// The op that updates a parameter, or its teacher, by name.
  llvm::StringMap<AdamWOp> updates;
  llvm::StringSet<> averaged;
  DenseMap<Value, Value> casts;
  int64_t copies = 0, stored = 0;
};

} // namespace

//===----------------------------------------------------------------------===//
// Which values are low
//===----------------------------------------------------------------------===//

// 1. and 2.
PrecisionAssignment::PrecisionAssignment(func::FuncOp function, PrecisionRules rules) : rules(rules) {
  for (Operation &op : function.front())
    if (auto precision = dyn_cast<PrecisionOpInterface>(op))
      for (OpResult result : op.getResults())
        if (isFull(result) && precision.givesLowPrecision(result.getResultNumber()))
          low.insert(result);
  for (bool changed = true; changed;) {
    changed = false;
    for (Value value : llvm::to_vector(low))
      if (Operation *why = insists(cast<OpResult>(value))) {
        low.remove(value);
        changed = true;
        remark::missed(value.getLoc(), remark::RemarkOpts::name("full").category(passName).function(function.getName()))
            << remark::add("a result of '{0}' stays in f32 for '{1}'", value.getDefiningOp()->getName().getStringRef(),
                           why->getName().getStringRef());
      }
  }
}

Operation *PrecisionAssignment::insists(OpResult value) const {
  auto op = cast<PrecisionOpInterface>(value.getOwner());
  bool everyReaderRounds = false;
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (!rules.takesLow(use) || (isOfOneType(user) && !llvm::all_of(user->getResults(), [&](Value v) { return isLow(v); })))
      return user;
  }
  auto readers = llvm::make_filter_range(value.getUses(), [](OpOperand &use) { return !isa<TapOp>(use.getOwner()); });
  everyReaderRounds = !readers.empty() && llvm::all_of(readers, [&](OpOperand &use) { return rules.computesLow(use); });
  auto isFullReal = [&](Value v) { return isFull(v) && !isLow(v); };
  if (isOfOneType(op) && (llvm::any_of(op->getOperands(), isFullReal) || llvm::any_of(op->getResults(), isFullReal)))
    return op;
  if (passesOn(op) && llvm::any_of(op->getOperands(), isFullReal) && !everyReaderRounds)
    return op;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

PrecisionRewriter::PrecisionRewriter(func::FuncOp function, const PrecisionAssignment &assignment,
                                     PrecisionRules rules)
    : function(function), assignment(assignment), rules(rules) {
  for (auto update : function.getOps<AdamWOp>()) {
    updates[update.getName()] = update;
    if (update.getTeacher())
      updates[*update.getTeacher()] = update;
  }
  for (auto update : function.getOps<EmaOp>())
    averaged.insert(update.getTeacher());
}

void PrecisionRewriter::run() {
  // 3.
  for (Value value : assignment.getLow())
    value.setType(lowType(value));

  // 4. In the order of the first reader, so that the output does not depend on addresses.
  llvm::MapVector<Value, SmallVector<OpOperand *>> full;
  for (Operation &op : function.front())
    for (OpOperand &operand : op.getOpOperands())
      if (rules.computesLow(operand) && isFull(operand.get()))
        full[operand.get()].push_back(&operand);
  for (auto &[value, uses] : full) {
    if (auto parameter = value.getDefiningOp<ParameterOp>()) {
      lower(parameter, uses);
      continue;
    }
    Value low = cast(value, uses.front()->getOwner()->getAttrOfType<StringAttr>(scopeAttr));
    for (OpOperand *use : uses)
      use->set(low);
  }
  PassReport::count(function, passName, "low_values", assignment.getLow().size());
  PassReport::count(function, passName, "casts", casts.size());
  PassReport::count(function, passName, "parameter_copies", copies);
  PassReport::count(function, passName, "low_parameters", stored);
}

Value PrecisionRewriter::cast(Value value, StringAttr scope) {
  Value &low = casts[value];
  if (low)
    return low;
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfterValue(value);
  auto made = CastOp::create(builder, value.getLoc(), lowType(value), value);
  // Where the value is made, so that the two can become one kernel.
  if (Operation *definition = value.getDefiningOp())
    if (auto own = definition->getAttrOfType<StringAttr>(scopeAttr))
      scope = own;
  if (scope)
    made->setAttr(scopeAttr, scope);
  return low = made;
}

void PrecisionRewriter::lower(ParameterOp parameter, ArrayRef<OpOperand *> uses) {
  Value value = parameter.getResult();
  bool trains = !updates.empty() || !averaged.empty();
  if (!trains && llvm::all_of(value.getUses(), [&](OpOperand &use) { return rules.takesLow(use); })) {
    value.setType(lowType(value));
    ++stored;
    return;
  }
  // No sweep writes a copy of what only an average moves.
  Value low = averaged.contains(parameter.getName()) ? cast(value, nullptr) : copyOf(parameter);
  for (OpOperand *use : uses)
    use->set(low);
}

Value PrecisionRewriter::copyOf(ParameterOp parameter) {
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfter(parameter);
  auto copy =
      ParameterCopyOp::create(builder, parameter.getLoc(), lowType(parameter.getResult()), parameter.getNameAttr());
  NamedAttrList master(parameter->getAttrDictionary());
  master.erase("name");
  master.erase(scopeAttr);
  master.set("trainable", builder.getBoolAttr(parameter.getTrainable()));
  copy->setAttr(masterAttr, master.getDictionary(function.getContext()));
  if (AdamWOp update = updates.lookup(parameter.getName()))
    (update.getName() == parameter.getName()) ? update.setCopy(true) : update.setTeacherCopy(true);
  ++copies;
  return copy;
}

namespace {

struct MixedPrecision : jepa::impl::MixedPrecisionBase<MixedPrecision> {
  using MixedPrecisionBase::MixedPrecisionBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isDeclaration())
      return;
    if (!function.getBody().hasOneBlock()) {
      function.emitError("has several blocks: precision is chosen in straight-line functions");
      return signalPassFailure();
    }
    PrecisionRules rules{lowBiases};
    for (Operation &op : function.front())
      for (OpOperand &operand : op.getOpOperands())
        if (rules.computesLow(operand) && getElementTypeOrSelf(operand.get()).isF64()) {
          op.emitOpError("computes in f64: mixed precision begins with f32, so leave jepa-mixed-precision out");
          return signalPassFailure();
        }
    PrecisionAssignment assignment(function, rules);
    PrecisionRewriter(function, assignment, rules).run();
  }
};

} // namespace
