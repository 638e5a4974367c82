//===- Rematerialize.cpp - compute again instead of storing ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A *run* is the forward ops of one layer, consecutive but for ops without a layer. What its own adjoint reads of a
// *chosen* op is computed again, all of a run's chosen ops at once, in front of the first op of the adjoint that reads
// one of them.
//
//  1. cut the function into runs
//  2. list the program as it would be with the ops chosen so far, and find where most bytes are live
//  3. choose what frees most of them there for its cost; back to 2. until the limit holds or nothing frees anything
//  4. write the copies
//
//===----------------------------------------------------------------------===//

#include "passes/Rematerialize/Rematerialize.h"

#include "compiler/analysis/Flops.h"
#include "compiler/analysis/Layers.h"
#include "compiler/analysis/PassReport.h"
#include "compiler/dialect/Dialect.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringSet.h"

namespace jepa {
#define GEN_PASS_DEF_REMATERIALIZE
#include "passes/Rematerialize/Rematerialize.h.inc"
} // namespace jepa

using namespace mlir;
using namespace jepa;

namespace {

constexpr llvm::StringLiteral passName = "jepa-rematerialize";
/// What moving a byte costs, in FLOPs: how many of them a core does meanwhile.
constexpr double flopsPerByte = 8;

struct Run {
  std::string layer;
  SmallVector<Operation *> ops;
};

/// One op of the program as it would be: an op of the function, or the copy of a chosen one.
struct Step {
  Operation *op;
  bool isCopy;
};

/// A result of an op, or of its copy.
using Tensor = llvm::PointerIntPair<void *, 1, bool>;
Tensor tensor(Value value, bool isCopy) { return {value.getAsOpaquePointer(), isCopy}; }

/// When each tensor is live, in steps, and how much is at the worst of them.
struct Profile {
  DenseMap<Tensor, std::pair<int64_t, int64_t>> lives;
  int64_t peakStep = 0, peakBytes = 0;
  /// Of the op that the peak is at.
  int64_t peakPosition = 0;

  bool isLiveAtPeak(Value value) const {
    auto found = lives.find(tensor(value, false));
    return found != lives.end() && found->second.first <= peakStep && peakStep <= found->second.second;
  }
};

int64_t bytesOf(Type type) {
  auto shaped = cast<RankedTensorType>(type);
  return shaped.getNumElements() * llvm::divideCeil(shaped.getElementTypeBitWidth(), 8);
}

/// Parameters, tables and arguments have a place for the whole run.
bool isPermanent(Value value) { return !value.getDefiningOp() || value.getDefiningOp()->getNumOperands() == 0; }

double costOf(Operation *op) {
  double bytes = 0;
  for (TypeRange types : {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
    for (Type type : types)
      bytes += static_cast<double>(bytesOf(type));
  return static_cast<double>(countFlops(op)) + flopsPerByte * bytes;
}

class Planner {
public:
  explicit Planner(func::FuncOp function) : function(function) { findRuns(); }

  /// Chooses until at most `limit` bytes are needed; returns how many are.
  int64_t choose(int64_t limit);
  int64_t estimate() { return permanentBytes() + profile().peakBytes; }
  /// Writes the copies; returns their number.
  int64_t rewrite();
  int64_t recomputedFlops = 0;

private:
  void findRuns();
  bool isOwnAdjoint(const Run &run, Operation *user) const {
    return adjointLayer.lookup(user) == run.layer && !run.layer.empty();
  }
  bool canChoose(const Run &run, Operation *op) const;
  Operation *insertionPoint(const Run &run) const;
  SmallVector<Operation *> neededCopies(const Run &run) const;
  int64_t permanentBytes();
  Profile profile();
  int64_t freedAtPeak(const Run &run, ArrayRef<Operation *> ops, const Profile &profile);

  func::FuncOp function;
  std::vector<Run> runs;
  DenseMap<Operation *, int64_t> position;
  /// Of an op of an adjoint, the layer that it is the adjoint of.
  DenseMap<Operation *, std::string> adjointLayer;
  /// Of an op of a run, that run.
  DenseMap<Operation *, size_t> runOf;
  /// Where a parameter is first written.
  llvm::StringMap<int64_t> updated;
  DenseSet<Operation *> chosen;
};

} // namespace

// 1.
void Planner::findRuns() {
  int64_t count = 0;
  for (Operation &op : function.front()) {
    position[&op] = count++;
    if (auto step = dyn_cast<AdamWOp>(op))
      updated.try_emplace(step.getName(), position[&op]);
    if (auto move = dyn_cast<EmaOp>(op))
      updated.try_emplace(move.getTeacher(), position[&op]);
    StringRef scope = scopeOf(&op);
    if (scope.empty() || op.getNumOperands() == 0 || op.getNumResults() == 0 || !isMemoryEffectFree(&op))
      continue;
    std::string layer = layerOf(scope);
    if (StringRef(layer).ends_with(adjointSuffix)) {
      adjointLayer[&op] = StringRef(layer).drop_back(adjointSuffix.size()).str();
      continue;
    }
    if (runs.empty() || runs.back().layer != layer)
      runs.push_back({layer, {}});
    runs.back().ops.push_back(&op);
    runOf[&op] = runs.size() - 1;
  }
}

/// The first op of the run's adjoint that reads a chosen value.
Operation *Planner::insertionPoint(const Run &run) const {
  Operation *first = nullptr;
  for (Operation *op : run.ops)
    if (chosen.contains(op))
      for (Operation *user : op->getUsers())
        if (isOwnAdjoint(run, user) && (!first || position.lookup(user) < position.lookup(first)))
          first = user;
  return first;
}

/// Whether the copy would read what the original read: no parameter that is written in between.
bool Planner::canChoose(const Run &run, Operation *op) const {
  if (chosen.contains(op))
    return false;
  int64_t last = std::numeric_limits<int64_t>::max();
  for (Value operand : op->getOperands()) {
    StringRef name;
    if (auto parameter = operand.getDefiningOp<ParameterOp>())
      name = parameter.getName();
    else if (auto copy = operand.getDefiningOp<ParameterCopyOp>())
      name = copy.getName();
    if (auto found = updated.find(name); found != updated.end())
      last = std::min(last, found->second);
  }
  // The copies stand in front of an op of the adjoint, so it is enough that none of these comes after the update.
  for (Operation *other : run.ops)
    for (Operation *user : other->getUsers())
      if (isOwnAdjoint(run, user) && position.lookup(user) > last)
        return false;
  return true;
}

/// The chosen ops of a run that its adjoint, or another needed copy, reads; in program order.
SmallVector<Operation *> Planner::neededCopies(const Run &run) const {
  SmallVector<Operation *> needed;
  DenseSet<Operation *> isNeeded;
  for (Operation *op : llvm::reverse(run.ops))
    if (chosen.contains(op) && llvm::any_of(op->getUsers(), [&](Operation *user) {
          return isOwnAdjoint(run, user) || isNeeded.contains(user);
        })) {
      needed.push_back(op);
      isNeeded.insert(op);
    }
  std::reverse(needed.begin(), needed.end());
  return needed;
}

/// What lives for the whole run: inputs, weights, moments, tables, results.
int64_t Planner::permanentBytes() {
  int64_t bytes = 0;
  llvm::StringSet<> seen;
  for (Type type : function.getArgumentTypes())
    bytes += bytesOf(type);
  for (Operation &op : function.front()) {
    if (auto parameter = dyn_cast<ParameterOp>(op))
      bytes += seen.insert(parameter.getName()).second ? bytesOf(parameter.getType()) : 0;
    else if (auto copy = dyn_cast<ParameterCopyOp>(op))
      bytes += seen.insert((copy.getName() + "/copy").str()).second ? bytesOf(copy.getType()) : 0;
    else if (isa<PositionOp>(op))
      bytes += bytesOf(op.getResult(0).getType());
    else if (auto step = dyn_cast<AdamWOp>(op))
      bytes += 2 * bytesOf(step.getGradient().getType());
  }
  return bytes;
}

// 2.
Profile Planner::profile() {
  // The copies of each run, by where they go.
  DenseMap<Operation *, SmallVector<Operation *>> copies;
  for (const Run &run : runs)
    if (Operation *before = insertionPoint(run))
      llvm::append_range(copies[before], neededCopies(run));
  std::vector<Step> steps;
  for (Operation &op : function.front()) {
    if (auto found = copies.find(&op); found != copies.end())
      for (Operation *copy : found->second)
        steps.push_back({copy, true});
    steps.push_back({&op, false});
  }

  Profile result;
  auto end = static_cast<int64_t>(steps.size());
  for (int64_t index = 0; index < end; ++index) {
    auto [op, isCopy] = steps[static_cast<size_t>(index)];
    bool staysToTheEnd = isa<TapOp, GradientOp>(op) || op->hasTrait<OpTrait::IsTerminator>();
    for (Value operand : op->getOperands()) {
      if (isPermanent(operand))
        continue;
      Operation *source = operand.getDefiningOp();
      bool readsCopy = chosen.contains(source);
      if (readsCopy) {
        const Run &run = runs[runOf.lookup(source)];
        readsCopy = isCopy ? runOf.lookup(op) == runOf.lookup(source) : isOwnAdjoint(run, op);
      }
      auto found = result.lives.find(tensor(operand, readsCopy));
      if (found != result.lives.end())
        found->second.second = staysToTheEnd ? end : std::max(found->second.second, index);
    }
    for (Value value : op->getResults())
      if (!isPermanent(value))
        result.lives[tensor(value, isCopy)] = {index, index};
  }
  std::vector<int64_t> change(static_cast<size_t>(end) + 2);
  for (const auto &[key, life] : result.lives) {
    int64_t bytes = bytesOf(Value::getFromOpaquePointer(key.getPointer()).getType());
    change[static_cast<size_t>(life.first)] += bytes;
    change[static_cast<size_t>(life.second) + 1] -= bytes;
  }
  int64_t live = 0;
  for (int64_t index = 0; index < end; ++index) {
    live += change[static_cast<size_t>(index)];
    if (live > result.peakBytes) {
      result.peakBytes = live;
      result.peakStep = index;
      result.peakPosition = position.lookup(steps[static_cast<size_t>(index)].op);
    }
  }
  return result;
}

// 3.
/// Bytes that are no longer live at the peak once `ops` are chosen as well, less those that become live for the copies.
int64_t Planner::freedAtPeak(const Run &run, ArrayRef<Operation *> ops, const Profile &profile) {
  int64_t freed = 0;
  DenseSet<Operation *> with(ops.begin(), ops.end());
  DenseSet<Value> kept;
  for (Operation *op : ops) {
    for (Value value : op->getResults()) {
      bool isOnlyForAdjoint = llvm::all_of(value.getUsers(), [&](Operation *user) {
        return isOwnAdjoint(run, user) == (position.lookup(user) > profile.peakPosition);
      });
      if (isOnlyForAdjoint && profile.isLiveAtPeak(value) &&
          llvm::any_of(value.getUsers(), [&](Operation *user) { return isOwnAdjoint(run, user); }))
        freed += bytesOf(value.getType());
    }
    for (Value operand : op->getOperands()) {
      Operation *source = operand.getDefiningOp();
      bool isCopied = source && (with.contains(source) || chosen.contains(source)) && runOf.contains(source) &&
                      &runs[runOf.lookup(source)] == &run;
      if (!isPermanent(operand) && !isCopied && !profile.isLiveAtPeak(operand) && kept.insert(operand).second)
        freed -= bytesOf(operand.getType());
    }
  }
  return freed;
}

int64_t Planner::choose(int64_t limit) {
  int64_t permanent = permanentBytes(), best = std::numeric_limits<int64_t>::max();
  DenseSet<Operation *> bestChoice;
  struct Candidate {
    const Run *run;
    SmallVector<Operation *> ops;
    double price;
  };
  while (true) {
    Profile now = profile();
    int64_t needed = permanent + now.peakBytes;
    if (needed < best) {
      best = needed;
      bestChoice = chosen;
    }
    if (needed <= limit)
      break;
    std::vector<Candidate> candidates;
    auto consider = [&](const Run &run, SmallVector<Operation *> ops) {
      int64_t freed = ops.empty() ? 0 : freedAtPeak(run, ops, now);
      if (freed <= 0)
        return;
      double cost = 0;
      for (Operation *op : ops)
        cost += costOf(op);
      candidates.push_back({&run, std::move(ops), cost / static_cast<double>(freed)});
    };
    for (const Run &run : runs) {
      SmallVector<Operation *> all;
      for (Operation *op : run.ops)
        if (canChoose(run, op)) {
          consider(run, {op});
          all.push_back(op);
        }
      if (all.size() > 1)
        consider(run, all);
    }
    if (candidates.empty())
      break;
    llvm::stable_sort(candidates, [](const Candidate &a, const Candidate &b) { return a.price < b.price; });
    for (int64_t excess = needed - limit; const Candidate &candidate : candidates) {
      if (excess <= 0)
        break;
      SmallVector<Operation *> fresh;
      llvm::copy_if(candidate.ops, std::back_inserter(fresh), [&](Operation *op) { return !chosen.contains(op); });
      int64_t freed = fresh.empty() ? 0 : freedAtPeak(*candidate.run, fresh, now);
      if (freed <= 0)
        continue;
      chosen.insert_range(fresh);
      excess -= freed;
    }
  }
  chosen = bestChoice;
  return best;
}

// 4.
int64_t Planner::rewrite() {
  int64_t copies = 0;
  for (const Run &run : runs) {
    Operation *before = insertionPoint(run);
    if (!before)
      continue;
    OpBuilder builder(before);
    IRMapping mapping;
    SmallVector<Operation *> needed = neededCopies(run);
    for (Operation *op : needed) {
      Operation *copy = builder.clone(*op, mapping);
      copy->setAttr(recomputedAttr, builder.getUnitAttr());
      copy->walk([&](Operation *nested) {
        if (auto scope = nested->getAttrOfType<StringAttr>(scopeAttr))
          nested->setAttr(scopeAttr, builder.getStringAttr(scope.getValue() + adjointSuffix));
      });
      for (auto [original, again] : llvm::zip_equal(op->getResults(), copy->getResults())) {
        Value value = original;
        value.replaceUsesWithIf(again, [&](OpOperand &use) { return isOwnAdjoint(run, use.getOwner()); });
      }
      recomputedFlops += countFlops(op);
    }
    copies += static_cast<int64_t>(needed.size());
    auto kind = remark::RemarkOpts::name("recomputed").category(passName).function(function.getSymName());
    remark::passed(run.ops.front()->getLoc(), kind)
        << remark::add("{0} of {1} ops of {2} are computed again for its adjoint", needed.size(), run.ops.size(),
                       run.layer);
  }
  return copies;
}

namespace {

struct Rematerialize : jepa::impl::RematerializeBase<Rematerialize> {
  using RematerializeBase::RematerializeBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (limit < 0) {
      function.emitOpError("jepa-rematerialize: limit must not be negative");
      return signalPassFailure();
    }
    if (limit == 0 || function.isDeclaration() || function.getSymName() != entryName)
      return;
    if (!function.getBody().hasOneBlock()) {
      function.emitOpError("has several blocks: only a straight-line step can be rematerialized");
      return signalPassFailure();
    }
    Planner planner(function);
    int64_t before = planner.estimate(), after = planner.choose(limit);
    if (after > limit && !bestEffort) {
      function.emitOpError("needs at least ") << after << " bytes, of which the limit leaves " << int64_t(limit)
                                              << ": raise the limit, or lower the batch or the resolution";
      return signalPassFailure();
    }
    int64_t copies = planner.rewrite();
    PassReport::count(function, passName, "estimated_bytes_before", before);
    PassReport::count(function, passName, "estimated_bytes_after", after);
    PassReport::count(function, passName, "recomputed_ops", copies);
    PassReport::count(function, passName, "recomputed_flops", planner.recomputedFlops);
  }
};

} // namespace
