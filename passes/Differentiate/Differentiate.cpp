//===- Differentiate.cpp - reverse-mode differentiation -------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A value is *active* if it depends on a trainable parameter other than through
// jepa.stop_gradient. Its *adjoint* is the gradient of the loss with respect to
// it.
//
//   1. find the loss and the parameters; ops that read the same parameter share
//      the adjoint of the first of them
//   2. mark the active values, from the parameters forwards
//   3. sweep backwards from the loss: once an op's users are done, the adjoints
//      of its results are complete, and its rule adds to those of its active
//      operands. An op that the loss does not need is never reached
//   4. hand the parameters' adjoints to the optimiser
//
//===----------------------------------------------------------------------===//

#include "passes/Differentiate/Differentiate.h"

#include "compiler/analysis/PassReport.h"
#include "compiler/dialect/Dialect.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"

namespace jepa {
#define GEN_PASS_DEF_DIFFERENTIATE
#include "passes/Differentiate/Differentiate.h.inc"
} // namespace jepa

using namespace mlir;
using namespace jepa;

static constexpr StringLiteral passName = "jepa-differentiate";

/// Which result of `function` is the loss, by name or as the only one; none where there is no such result.
static std::optional<unsigned> findLoss(func::FuncOp function, StringRef name) {
  for (unsigned index = 0; index < function.getNumResults(); ++index)
    if (auto given = function.getResultAttrOfType<StringAttr>(index, inputNameAttr); given && given.getValue() == name)
      return index;
  if (function.getNumResults() != 1 || function.getResultAttr(0, inputNameAttr))
    return std::nullopt;
  auto type = dyn_cast<RankedTensorType>(function.getResultTypes()[0]);
  return type && type.getRank() == 0 ? std::optional<unsigned>(0) : std::nullopt;
}

/// Whether `op`, or an op inside it, reads a value of `active`.
static bool readsAny(Operation &op, const DenseSet<Value> &active) {
  return op
      .walk([&](Operation *nested) {
        bool reads = llvm::any_of(nested->getOperands(), [&](Value operand) { return active.contains(operand); });
        return reads ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

namespace {

/// Counts the ops that are inserted, and marks them as adjoints of the op in hand.
struct AdjointListener : OpBuilder::Listener {
  StringAttr scope;

  void differentiate(Operation *op) {
    auto primal = op->getAttrOfType<StringAttr>(scopeAttr);
    scope = primal ? StringAttr::get(op->getContext(), primal.getValue() + "/adjoint") : StringAttr();
  }
  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) override {
    ++inserted;
    if (scope)
      op->setAttr(scopeAttr, scope);
  }
  int64_t inserted = 0;
};

class ReverseMode {
public:
  ReverseMode(func::FuncOp function, Value loss)
      : function(function), loss(loss), builder(function.getBody().front().getTerminator(), &listener) {}

  LogicalResult run();

private:
  LogicalResult collectParameters();
  void markActive();
  LogicalResult differentiate(Operation *op);
  LogicalResult accumulate(Operation *op, Value operand, Value gradient);
  LogicalResult emitGradients();
  Value representative(Value value);

  func::FuncOp function;
  Value loss;
  AdjointListener listener;
  OpBuilder builder;
  /// The first op that reads each parameter, in program order.
  llvm::MapVector<StringAttr, ParameterOp> parameters;
  DenseSet<Value> active;
  DenseMap<Value, Value> adjoints;
};

} // namespace

LogicalResult ReverseMode::run() {
  if (failed(collectParameters()))
    return failure();
  markActive();

  SmallVector<Operation *> forward;
  for (Operation &op : function.getBody().front().without_terminator())
    forward.push_back(&op);
  if (active.contains(loss)) {
    listener.differentiate(loss.getDefiningOp());
    adjoints[loss] = ConstantOp::create(builder, loss.getLoc(), loss.getType(), builder.getF64FloatAttr(1.0));
  }
  for (Operation *op : llvm::reverse(forward))
    if (failed(differentiate(op)))
      return failure();
  return emitGradients();
}

// 1.
LogicalResult ReverseMode::collectParameters() {
  for (auto parameter : function.getBody().front().getOps<ParameterOp>()) {
    ParameterOp first = parameters.try_emplace(parameter.getNameAttr(), parameter).first->second;
    if (first.getType() == parameter.getType() && first.getProperties() == parameter.getProperties())
      continue;
    InFlightDiagnostic diagnostic = parameter.emitOpError()
                                    << "reads '" << parameter.getName() << "' as " << describeType(parameter.getType())
                                    << " in another way than before: type and attributes must agree";
    diagnostic.attachNote(first.getLoc()) << "first read here, as " << describeType(first.getType());
    return diagnostic;
  }
  return success();
}

/// The value that stands for all reads of the same parameter.
Value ReverseMode::representative(Value value) {
  auto parameter = value.getDefiningOp<ParameterOp>();
  return parameter ? parameters.lookup(parameter.getNameAttr()).getResult() : value;
}

// 2.
void ReverseMode::markActive() {
  for (Operation &op : function.getBody().front()) {
    auto parameter = dyn_cast<ParameterOp>(op);
    bool isActive = parameter ? parameter.getTrainable() : !isa<StopGradientOp>(op) && readsAny(op, active);
    if (isActive)
      active.insert_range(op.getResults());
  }
}

// 3.
LogicalResult ReverseMode::differentiate(Operation *op) {
  SmallVector<Value> resultGrads = llvm::map_to_vector(op->getResults(), [&](Value v) { return adjoints.lookup(v); });
  if (isa<ParameterOp>(op) || llvm::none_of(resultGrads, [](Value gradient) { return gradient != nullptr; }))
    return success();
  auto rule = dyn_cast<DifferentiableOpInterface>(op);
  if (!rule) {
    InFlightDiagnostic diagnostic = op->emitOpError("has no adjoint, but the loss depends on a trainable parameter "
                                                    "through it: implement DifferentiableOpInterface");
    diagnostic.attachNote(loss.getLoc()) << "the loss is computed here";
    return diagnostic;
  }
  SmallVector<bool> wanted = llvm::map_to_vector(op->getOperands(), [&](Value v) { return active.contains(v); });
  SmallVector<Value> operandGrads(op->getNumOperands());
  listener.differentiate(op);
  if (failed(rule.buildAdjoint(builder, resultGrads, wanted, operandGrads)))
    return failure();
  for (auto [operand, isWanted, gradient] : llvm::zip_equal(op->getOperands(), wanted, operandGrads))
    if (isWanted && gradient && failed(accumulate(op, operand, gradient)))
      return failure();
  return success();
}

LogicalResult ReverseMode::accumulate(Operation *op, Value operand, Value gradient) {
  if (gradient.getType() != operand.getType())
    return op->emitOpError() << "has an adjoint of type " << gradient.getType() << " for an operand of type "
                             << operand.getType() << ": this is a bug in the op's rule, please report it";
  Value &sum = adjoints[representative(operand)];
  sum = sum ? AddOp::create(builder, op->getLoc(), sum.getType(), sum, gradient).getResult() : gradient;
  return success();
}

// 4.
LogicalResult ReverseMode::emitGradients() {
  listener.scope = {};
  PassReport::count(function, passName, "adjoint_ops", listener.inserted);
  int64_t gradients = 0;
  for (auto [name, parameter] : parameters) {
    if (!parameter.getTrainable())
      continue;
    if (Value gradient = adjoints.lookup(parameter.getResult())) {
      GradientOp::create(builder, parameter.getLoc(), name, gradient);
      ++gradients;
    } else {
      auto kind = remark::RemarkOpts::name("no-gradient").category(passName).function(function.getSymName());
      remark::missed(parameter.getLoc(), kind)
          << remark::add("trainable parameter '{0}' stays as it is: the loss does not depend on it", name.getValue());
    }
  }
  PassReport::count(function, passName, "gradients", gradients);
  if (gradients == 0)
    return emitError(loss.getLoc()) << "the loss depends on no trainable parameter: there is nothing to differentiate";
  return success();
}

namespace {

struct Differentiate : jepa::impl::DifferentiateBase<Differentiate> {
  using DifferentiateBase::DifferentiateBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isDeclaration())
      return;
    std::optional<unsigned> index = findLoss(function, loss);
    if (!index && function.getSymName() != entryName)
      return;
    if (failed(check(function, index)))
      return signalPassFailure();
    Value value = function.getBody().front().getTerminator()->getOperand(*index);
    if (failed(ReverseMode(function, value).run()))
      signalPassFailure();
  }

private:
  /// The preconditions that concern the function as a whole.
  LogicalResult check(func::FuncOp function, std::optional<unsigned> index) {
    if (!index)
      return function.emitOpError() << "has no result named '" << loss << "' to differentiate";
    if (!function.getBody().hasOneBlock())
      return function.emitOpError("has several blocks: only straight-line models can be differentiated");
    auto type = dyn_cast<RankedTensorType>(function.getResultTypes()[*index]);
    if (!type || type.getRank() != 0)
      return function.emitOpError() << "'" << loss << "' must be a scalar but is "
                                    << describeType(function.getResultTypes()[*index]);
    auto gradients = function.getOps<GradientOp>();
    if (gradients.empty())
      return success();
    return (*gradients.begin()).emitOpError("is here already: the function is differentiated");
  }
};

} // namespace
