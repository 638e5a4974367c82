//===- Check.cpp - every pass of a pipeline, proved by running it ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//   1. run the pipeline, keeping a copy of the module wherever a pass changed it
//   2. run each copy, and compare it with the one before
//   3. one row for each pass: the worst of its copies (a pass over functions has
//      one for each function)
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Check.h"

#include "compiler/analysis/Flops.h"
#include "compiler/driver/CheckComparison.h"
#include "compiler/driver/Compiler.h"
#include "runtime/core/Error.h"
#include "runtime/core/ThreadPool.h"

#include "llvm/ADT/StringSwitch.h"

#include <limits>

using namespace mlir;
using namespace jepa;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

struct Stage {
  std::string pass;
  int number;
  bool failed;
  /// Null where the pass changed nothing.
  OwningOpRef<ModuleOp> module;
};

/// The numbers that programs before and after a pass compute with.
struct Precision {
  bool f32 = false, bf16 = false;
};

Precision precisionOf(ModuleOp module) {
  Precision precision;
  auto look = [&](Type type) {
    Type element = getElementTypeOrSelf(type);
    precision.f32 |= element.isF32();
    precision.bf16 |= element.isBF16();
  };
  module.walk([&](Operation *op) {
    llvm::for_each(op->getOperandTypes(), look);
    llvm::for_each(op->getResultTypes(), look);
  });
  return precision;
}

/// How far a program may be from the one before it. Tensors are computed in f64 and rounded only where they are bf16, so
/// that only passes which change precision, or leave f64, may be off by more than the order of a sum.
double toleranceOf(StringRef pass, ModuleOp before, ModuleOp after) {
  Precision old = precisionOf(before), now = precisionOf(after);
  // The same kernels, elsewhere in memory.
  if (isLowered(before))
    return 0;
  // Another target's kernels, in the precision of the tensors. bf16 rounds the other way where a sum's order differs.
  if (isLowered(after))
    return old.bf16 ? 5e-2 : old.f32 ? 1e-4 : 1e-12;
  // Rounding, and signs of the L1 loss that it flips: a cosine of 0.995 is an angle of 0.1.
  if (now.bf16 && !old.bf16)
    return 1e-1;
  return llvm::StringSwitch<double>(pass)
      // Proved by differences of the loss, which are no better.
      .Case("jepa-differentiate", 1e-5)
      // Three bits of mantissa, in the teacher's blocks alone, and the signs that they flip.
      .Case("jepa-quantize-teacher", 1e-1)
      // These leave every number as it is, to the last bit.
      .Cases({"jepa-rematerialize", "jepa-outline-layers", "jepa-bind-lengths", "jepa-verify-phase", "inline", "cse"}, 0)
      .Cases({"jepa-prune-tokens", "canonicalize"}, 1e-12)
      .Default(1e-9);
}

class Checker {
public:
  Checker(const Specialisation &specialisation, CheckReport &report)
      : specialisation(specialisation), report(report), inputs(specialisation) {}

  /// Adds a row for `stage` or brings that of its pass up to date.
  void visit(const Stage &stage);

private:
  CheckRow evaluate(const Stage &stage);
  Difference compareWithLast(const Observation &now, CheckProgram &program, ModuleOp module, CheckRow &row);
  void remember(const Observation &now);

  const Specialisation &specialisation;
  CheckReport &report;
  CheckInputs inputs;
  CheckCode code;
  int lastNumber = -1;
  /// The last module that ran, with what was seen of it, and the first values of each result.
  ModuleOp lastModule;
  std::unique_ptr<CheckProgram> lastProgram;
  Observation last, first;
};

} // namespace

void Checker::remember(const Observation &now) {
  for (auto [to, from] : {std::pair{&first.outputs, &now.outputs}, {&first.gradients, &now.gradients},
                          {&first.copies, &now.copies}})
    to->insert(from->begin(), from->end());
  if (first.changes.empty())
    first.changes = now.changes;
}

/// What is new since the program before is compared with what it should be.
Difference Checker::compareWithLast(const Observation &now, CheckProgram &program, ModuleOp module, CheckRow &row) {
  Difference worst = compare(now, last);
  std::vector<std::string> unproved;
  if (last.gradients.empty() && !now.gradients.empty()) {
    std::optional<Difference> found;
    // A loss that is rounded on the way has no derivative.
    if (!precisionOf(lastModule).bf16)
      found = compareToDifferences(*lastProgram, now.gradients);
    if (found)
      worst.add(found->error, found->tensor);
    else
      unproved.push_back("gradients");
  }
  if (last.changes.empty() && !now.changes.empty()) {
    if (last.gradients.empty()) {
      unproved.push_back("weights after the step");
    } else {
      Difference found = compareToStep(inputs, program.getPlan(), now.changes, last.gradients);
      worst.add(found.error, found.tensor);
    }
  }
  if (!unproved.empty())
    row.note = "nothing to compare the " + llvm::join(unproved, " and the ") + " with";
  return worst;
}

CheckRow Checker::evaluate(const Stage &stage) {
  CheckRow row;
  row.name = stage.pass.empty() ? "import" : stage.pass;
  if (stage.failed) {
    row.ok = false;
    row.errorPrevious = row.errorInput = infinite;
    row.note = "the pass failed";
    return row;
  }
  if (!stage.module) {
    // What was not run stays so.
    if (const CheckRow *before = report.rows.empty() ? nullptr : &report.rows.back()) {
      std::string name = std::move(row.name);
      row = *before;
      row.name = std::move(name);
      row.errorPrevious = lastModule ? 0 : infinite;
      row.tolerance = 0;
      row.ok = row.errorPrevious == 0;
      row.note = row.ok ? "unchanged" : "nothing that it could be compared with was run";
    }
    return row;
  }
  ModuleOp module = *stage.module;
  bool lowered = isLowered(module);
  const CheckRow *before = report.rows.empty() ? nullptr : &report.rows.back();
  row.flops = lowered && before ? before->flops : countFlops(module);
  row.bytes = countBytes(module);
  row.peakBytes = plannedBytes(module, specialisation).value_or(-1);
  if (lastModule)
    row.tolerance = toleranceOf(stage.pass, lastModule, module);
  try {
    auto program = std::make_unique<CheckProgram>(module, specialisation, inputs, code);
    Observation now = program->run();
    row.seconds = program->seconds();
    Difference worst = checkFinite(now);
    if (worst.error > 0)
      row.note = "'" + worst.tensor + "' is not finite";
    if (lastModule)
      worst = compareWithLast(now, *program, module, row);
    else if (before)
      throw rt::Error("nothing that it could be compared with was run");
    row.errorPrevious = worst.error;
    row.errorInput = compare(now, first).error;
    row.ok = row.errorPrevious <= row.tolerance;
    if (!row.ok && row.note.empty())
      row.note = "'" + worst.tensor + "' is worst";
    remember(now);
    last = std::move(now);
    lastProgram = std::move(program);
    lastModule = module;
  } catch (const rt::Error &error) {
    row.ok = false;
    row.errorPrevious = row.errorInput = infinite;
    row.note = std::string("could not be run: ") + error.what();
  }
  return row;
}

void Checker::visit(const Stage &stage) {
  CheckRow row = evaluate(stage);
  if (stage.number != lastNumber || report.rows.empty()) {
    report.rows.push_back(std::move(row));
  } else {
    CheckRow &whole = report.rows.back();
    bool isWorse = row.errorPrevious > whole.errorPrevious || whole.ok > row.ok;
    row.errorPrevious = std::max(row.errorPrevious, whole.errorPrevious);
    row.tolerance = std::max(row.tolerance, whole.tolerance);
    row.ok &= whole.ok;
    if (!isWorse)
      row.note = whole.note;
    whole = std::move(row);
  }
  lastNumber = stage.number;
}

CheckReport jepa::check(const Specialisation &specialisation, llvm::function_ref<void(const CheckRow &)> progress) {
  rt::ThreadPool &pool = rt::ThreadPool::get();
  if (pool.threads() > specialisation.request.maxThreads)
    pool.setThreads(static_cast<int>(specialisation.request.maxThreads));
  Compiler compiler(specialisation);
  // 1.
  std::vector<Stage> stages;
  ModuleOp latest;
  compiler.setObserver([&](StringRef pass, int number, ModuleOp module, bool failed) {
    bool isChanged = !failed && (!latest || !OperationEquivalence::isEquivalentTo(
                                                latest, module, OperationEquivalence::IgnoreLocations));
    stages.push_back({pass.str(), number, failed, isChanged ? module.clone() : ModuleOp()});
    if (isChanged)
      latest = *stages.back().module;
  });
  // This process runs no kernels for a GPU; the passes over the graph are what a target's kernels are compared with.
  bool isOnDevice = specialisation.request.target == "cuda";
  bool isDone = succeeded(compiler.runTo(isOnDevice ? Phase::Fused : Phase::Kernels));
  compiler.setObserver({});
  compiler.printReport(llvm::errs());

  // 2. and 3.
  CheckReport report;
  report.model = specialisation.request.model;
  Checker checker(specialisation, report);
  for (size_t index = 0; index < stages.size(); ++index) {
    checker.visit(stages[index]);
    bool isWhole = index + 1 == stages.size() || stages[index + 1].number != stages[index].number;
    if (progress && isWhole)
      progress(report.rows.back());
  }
  if (!isDone && !report.firstBad()) {
    report.rows.push_back({});
    report.rows.back().name = "pipeline";
    report.rows.back().ok = false;
    report.rows.back().note = "the pipeline did not come to its end";
    if (progress)
      progress(report.rows.back());
  }
  return report;
}

const CheckRow *CheckReport::firstBad() const {
  auto found = llvm::find_if(rows, [](const CheckRow &row) { return !row.ok; });
  return found == rows.end() ? nullptr : &*found;
}
