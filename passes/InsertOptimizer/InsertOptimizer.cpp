//===- InsertOptimizer.cpp - turn gradients into a step -------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//   1. group the gradients by module, in the order of their first parameter
//   2. write each module's squared norm, and the taps
//   3. write the updates of the trained parameters
//   4. write the moves of their teachers, which read the updated students
//   5. check the border: whatever reads a parameter stands above its update
//
//===----------------------------------------------------------------------===//

#include "passes/InsertOptimizer/InsertOptimizer.h"

#include "compiler/analysis/PassReport.h"
#include "compiler/dialect/Dialect.h"

#include "llvm/ADT/MapVector.h"

namespace jepa {
#define GEN_PASS_DEF_INSERTOPTIMIZER
#include "passes/InsertOptimizer/InsertOptimizer.h.inc"
} // namespace jepa

using namespace mlir;
using namespace jepa;

/// The part of a parameter's name that says which module it belongs to: "encoder" of "encoder.norm.weight".
static StringRef moduleOf(StringRef name) { return name.split('.').first; }

/// Biases and the vectors of norms do not decay, as published.
static bool decays(GradientOp gradient) {
  return !gradient.getName().contains("bias") &&
         cast<RankedTensorType>(gradient.getGradient().getType()).getRank() > 1;
}

namespace {

class OptimizerWriter {
public:
  OptimizerWriter(func::FuncOp function, bool keepGradients)
      : function(function), builder(function.getBody().front().getTerminator()), keepGradients(keepGradients),
        gradients(function.getOps<GradientOp>()) {}

  LogicalResult run();

private:
  LogicalResult addHyper();
  void writeNorms();
  void writeUpdates();
  LogicalResult writeTeachers();
  LogicalResult checkReads();
  void tap(Location loc, Value value, const Twine &name) {
    TapOp::create(builder, loc, value, builder.getStringAttr(name));
  }

  func::FuncOp function;
  OpBuilder builder;
  bool keepGradients;
  SmallVector<GradientOp> gradients;
  Value hyper;
  /// Squared norm of each module's gradients.
  llvm::MapVector<StringRef, Value> norms;
  DenseSet<StringAttr> updated;
};

} // namespace

LogicalResult OptimizerWriter::run() {
  if (failed(addHyper()))
    return failure();
  writeNorms();
  writeUpdates();
  if (failed(writeTeachers()) || failed(checkReads()))
    return failure();
  PassReport::count(function, "jepa-insert-optimizer", "trained_parameters", gradients.size());
  PassReport::count(function, "jepa-insert-optimizer", "teacher_parameters", updated.size() - gradients.size());
  for (GradientOp gradient : gradients)
    gradient.erase();
  return success();
}

LogicalResult OptimizerWriter::addHyper() {
  Type element = getElementTypeOrSelf(gradients.front().getGradient());
  auto name = builder.getNamedAttr(inputNameAttr, builder.getStringAttr("hyper"));
  unsigned index = function.getNumArguments();
  if (failed(function.insertArgument(index, RankedTensorType::get({9}, element), builder.getDictionaryAttr(name),
                                     function.getLoc())))
    return failure();
  hyper = function.getArgument(index);
  return success();
}

// 1. and 2.
void OptimizerWriter::writeNorms() {
  llvm::MapVector<StringRef, SmallVector<Value>> modules;
  for (GradientOp gradient : gradients) {
    modules[moduleOf(gradient.getName())].push_back(gradient.getGradient());
    if (keepGradients)
      tap(gradient.getLoc(), gradient.getGradient(), "grad." + gradient.getName());
  }
  for (auto &[module, values] : modules) {
    auto scalar = RankedTensorType::get({}, getElementTypeOrSelf(values.front()));
    Value norm = SquaredNormOp::create(builder, function.getLoc(), scalar, values);
    tap(function.getLoc(), norm, "grad_norm_squared." + module);
    norms[module] = norm;
  }
}

// 3.
void OptimizerWriter::writeUpdates() {
  for (GradientOp gradient : gradients) {
    AdamWOp::create(builder, gradient.getLoc(), gradient.getNameAttr(), gradient.getGradient(), hyper,
                    norms.lookup(moduleOf(gradient.getName())), builder.getBoolAttr(decays(gradient)),
                    /*teacher=*/nullptr, /*copy=*/nullptr, /*teacher_copy=*/nullptr);
    updated.insert(gradient.getNameAttr());
  }
}

// 4.
LogicalResult OptimizerWriter::writeTeachers() {
  llvm::MapVector<StringAttr, ParameterOp> parameters;
  for (auto parameter : function.getOps<ParameterOp>())
    parameters.try_emplace(parameter.getNameAttr(), parameter);
  for (auto [name, teacher] : parameters) {
    StringAttr student = teacher.getEmaOfAttr();
    if (!student || !updated.contains(student))
      continue;
    auto type = cast<RankedTensorType>(teacher.getType());
    ParameterOp source = parameters.lookup(student);
    if (source && source.getType() != type) {
      InFlightDiagnostic diagnostic = teacher.emitOpError()
                                      << "'" << teacher.getName() << "' (" << describeType(type) << ") cannot follow '"
                                      << student.getValue() << "' (" << describeType(source.getType()) << ")";
      diagnostic.attachNote(source.getLoc()) << "the student is read here";
      return diagnostic;
    }
    EmaOp::create(builder, teacher.getLoc(), name, student, hyper, builder.getDenseI64ArrayAttr(type.getShape()));
    updated.insert(name);
  }
  return success();
}

// 5.
LogicalResult OptimizerWriter::checkReads() {
  // The updates stand just above the terminator; what is left to read a parameter after them is the caller, of a
  // result, and the runtime, of a tap.
  for (auto parameter : function.getOps<ParameterOp>())
    for (Operation *user : parameter->getUsers())
      if (updated.contains(parameter.getNameAttr()) && (isa<TapOp>(user) || user->hasTrait<OpTrait::IsTerminator>()))
        return user->emitOpError() << "keeps parameter '" << parameter.getName()
                                   << "', which is updated before it is read: keep a value computed from it";
  return success();
}

namespace {

struct InsertOptimizer : jepa::impl::InsertOptimizerBase<InsertOptimizer> {
  using InsertOptimizerBase::InsertOptimizerBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (optimizer != "adamw") {
      emitError(function.getLoc()) << "there is no optimizer '" << optimizer << "': use adamw";
      return signalPassFailure();
    }
    // Only a step has gradients; other functions (an embedding, an outlined layer) have nothing to update.
    if (function.isDeclaration() || function.getOps<GradientOp>().empty())
      return;
    if (failed(OptimizerWriter(function, keepGradients).run()))
      signalPassFailure();
  }
};

} // namespace
