//===- InsertOptimizer.cpp - turn gradients into a step -------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//   1. group the gradients by module, in the order of their first parameter
//   2. write each module's squared norm, and the taps
//   3. find the teachers, by the student that each follows
//   4. write the updates of the trained parameters, each with its teacher's move
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
  return !gradient.getName().contains("bias") && cast<RankedTensorType>(gradient.getGradient().getType()).getRank() > 1;
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
  LogicalResult findTeachers();
  void writeUpdates();
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
  /// By their student's name; nearly always one.
  DenseMap<StringAttr, SmallVector<ParameterOp>> teachers;
  DenseSet<StringAttr> updated;
};

} // namespace

LogicalResult OptimizerWriter::run() {
  if (failed(addHyper()))
    return failure();
  writeNorms();
  if (failed(findTeachers()))
    return failure();
  writeUpdates();
  if (failed(checkReads()))
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
LogicalResult OptimizerWriter::findTeachers() {
  llvm::MapVector<StringAttr, ParameterOp> parameters;
  for (auto parameter : function.getOps<ParameterOp>())
    parameters.try_emplace(parameter.getNameAttr(), parameter);
  for (auto [name, teacher] : parameters) {
    StringAttr student = teacher.getEmaOfAttr();
    if (!student)
      continue;
    ParameterOp source = parameters.lookup(student);
    if (source && source.getType() != teacher.getType()) {
      InFlightDiagnostic diagnostic = teacher.emitOpError()
                                      << "'" << teacher.getName() << "' (" << describeType(teacher.getType())
                                      << ") cannot follow '" << student.getValue() << "' ("
                                      << describeType(source.getType()) << ")";
      diagnostic.attachNote(source.getLoc()) << "the student is read here";
      return diagnostic;
    }
    teachers[student].push_back(teacher);
  }
  return success();
}

// 4.
void OptimizerWriter::writeUpdates() {
  for (GradientOp gradient : gradients) {
    ArrayRef<ParameterOp> followers = teachers[gradient.getNameAttr()];
    StringAttr first = followers.empty() ? nullptr : ParameterOp(followers.front()).getNameAttr();
    AdamWOp::create(builder, gradient.getLoc(), gradient.getNameAttr(), gradient.getGradient(), hyper,
                    norms.lookup(moduleOf(gradient.getName())), builder.getBoolAttr(decays(gradient)), first,
                    /*copy=*/nullptr, /*teacher_copy=*/nullptr);
    updated.insert(gradient.getNameAttr());
    for (ParameterOp teacher : followers)
      updated.insert(teacher.getNameAttr());
  }
  // What reads a student stands below every student's update.
  for (GradientOp gradient : gradients)
    for (auto [place, found] : llvm::enumerate(teachers[gradient.getNameAttr()]))
      if (ParameterOp teacher = found; place > 0)
        EmaOp::create(builder, teacher.getLoc(), teacher.getNameAttr(), gradient.getNameAttr(), hyper,
                      builder.getDenseI64ArrayAttr(cast<RankedTensorType>(teacher.getType()).getShape()));
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
