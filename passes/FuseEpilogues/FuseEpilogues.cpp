//===- FuseEpilogues.cpp - neighbours on the same rows run together ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//  1. In the order of the function, let each fusible op join the group of one of its row operands, the latest that it
//  may
//     join, or begin its own. A group runs where its first op stands, so a member reads nothing that comes later;
//     values without operands (parameters) move up.
//  2. Make a `jepa.fused` of each group of at least two.
//
//===----------------------------------------------------------------------===//

#include "passes/FuseEpilogues/FuseEpilogues.h"

#include "compiler/analysis/PassReport.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

#include <deque>

using namespace mlir;
using namespace jepa;

namespace jepa {
#define GEN_PASS_DEF_FUSEEPILOGUES
#include "passes/FuseEpilogues/FuseEpilogues.h.inc"
} // namespace jepa

namespace {

constexpr llvm::StringLiteral passName = "jepa-fuse-epilogues";

/// The rows that a group goes over.
struct Rows {
  int64_t count, width;
  bool operator==(const Rows &) const = default;
};

struct Group {
  std::string layer;
  Rows rows;
  SmallVector<Operation *> ops;
};

/// "encoder.blocks.3.attn/adjoint" -> "encoder.blocks.3/adjoint": a group must not tie two layers together that could
/// share their code with others.
std::string layerOf(Operation *op) {
  auto scope = op->getAttrOfType<StringAttr>(scopeAttr);
  if (!scope)
    return {};
  auto [path, adjoint] = scope.getValue().split('/');
  SmallVector<StringRef> components;
  path.split(components, '.');
  auto end =
      llvm::find_if(components, [](StringRef part) { return !part.empty() && llvm::all_of(part, llvm::isDigit); });
  if (end != components.end())
    ++end;
  return llvm::join(components.begin(), end, ".") + "/" + adjoint.str();
}

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

std::optional<Rows> rowsOf(Value value) {
  RankedTensorType type = typeOf(value);
  if (type.getRank() == 0)
    return std::nullopt;
  return Rows{countRows(type), type.getShape().back()};
}

/// The rows that the op gives, or sums; nothing where it cannot be in a group.
std::optional<Rows> groupRowsOf(FusibleOpInterface op) {
  if (!isMemoryEffectFree(op) || op->getNumOperands() == 0)
    return std::nullopt;
  if (!op.sumsRows())
    return rowsOf(op->getResult(0));
  std::optional<Rows> rows = rowsOf(op->getOperand(0));
  // A sum that keeps some of the rows apart is none over all of them.
  for (Value result : op->getResults())
    if (rows && typeOf(result).getNumElements() != rows->width)
      return std::nullopt;
  return rows;
}

/// A parameter or a constant: it can be computed earlier.
bool isSource(Operation *op) { return op->getNumOperands() == 0 && op->getNumRegions() == 0 && isMemoryEffectFree(op); }

class Fuser {
public:
  explicit Fuser(func::FuncOp function) : function(function) {}
  void run();
  void report() const;

private:
  void place(FusibleOpInterface op);
  bool mayJoin(FusibleOpInterface op, const Group &group) const;
  void fuse(Group &group);

  func::FuncOp function;
  std::deque<Group> groups;
  DenseMap<Operation *, Group *> groupOf;
  int64_t fused = 0, made = 0, kept = 0;
};

// 1.
bool Fuser::mayJoin(FusibleOpInterface op, const Group &group) const {
  if (op.isProduct() || layerOf(op) != group.layer || groupRowsOf(op) != group.rows)
    return false;
  Operation *first = group.ops.front();
  for (OpOperand &operand : op->getOpOperands()) {
    Operation *before = operand.get().getDefiningOp();
    if (!before)
      continue;
    if (auto found = groupOf.find(before); found != groupOf.end() && found->second == &group) {
      bool isRow = op.isRowOperand(operand.getOperandNumber()) && rowsOf(operand.get()) == group.rows;
      if (!isRow || cast<FusibleOpInterface>(before).sumsRows())
        return false;
    } else {
      // Another group's value is there when that group has run.
      Operation *from = found == groupOf.end() ? before : found->second->ops.front();
      if (!isSource(before) && !from->isBeforeInBlock(first))
        return false;
    }
  }
  return true;
}

void Fuser::place(FusibleOpInterface op) {
  std::optional<Rows> rows = groupRowsOf(op);
  if (!rows)
    return;
  Group *best = nullptr;
  for (Value operand : op->getOperands()) {
    auto found = groupOf.find(operand.getDefiningOp());
    if (found == groupOf.end() || !mayJoin(op, *found->second))
      continue;
    if (!best || best->ops.front()->isBeforeInBlock(found->second->ops.front()))
      best = found->second;
  }
  if (!best) {
    groups.push_back({layerOf(op), *rows, {}});
    best = &groups.back();
  }
  best->ops.push_back(op);
  groupOf[op] = best;
}

// 2.
void Fuser::fuse(Group &group) {
  Operation *first = group.ops.front();
  SmallPtrSet<Operation *, 8> members(group.ops.begin(), group.ops.end());
  llvm::SetVector<Value> inputs;
  SmallVector<Value> outputs;
  for (Operation *op : group.ops) {
    for (Value operand : op->getOperands())
      if (!members.contains(operand.getDefiningOp()))
        inputs.insert(operand);
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !members.contains(user); }))
        outputs.push_back(result);
  }
  for (Value input : inputs)
    if (Operation *source = input.getDefiningOp(); source && isSource(source) && !source->isBeforeInBlock(first))
      source->moveBefore(first);

  OpBuilder builder(first);
  SmallVector<Location> locations = llvm::map_to_vector(group.ops, [](Operation *op) { return op->getLoc(); });
  SmallVector<Type> types = llvm::map_to_vector(outputs, [](Value value) { return value.getType(); });
  auto fusedOp = FusedOp::create(builder, builder.getFusedLoc(locations), types, inputs.getArrayRef());
  if (Attribute scope = first->getAttr(scopeAttr))
    fusedOp->setAttr(scopeAttr, scope);
  Block &body = fusedOp.getBody().emplaceBlock();
  IRMapping mapping;
  for (Value input : inputs)
    mapping.map(input, body.addArgument(input.getType(), input.getLoc()));
  builder.setInsertionPointToStart(&body);
  for (Operation *op : group.ops)
    builder.clone(*op, mapping)->removeAttr(scopeAttr);
  YieldOp::create(builder, fusedOp.getLoc(),
                  llvm::map_to_vector(outputs, [&](Value value) { return mapping.lookup(value); }));
  std::string names =
      llvm::join(llvm::map_range(group.ops, [](Operation *op) { return op->getName().stripDialect(); }), " + ");
  remark::passed(fusedOp.getLoc(), remark::RemarkOpts::name("fused").category(passName).function(function.getName()))
      << remark::add("{0} run together, {1} of their results are kept", names, outputs.size());
  for (auto [output, result] : llvm::zip_equal(outputs, fusedOp.getResults()))
    output.replaceAllUsesWith(result);
  for (Operation *op : llvm::reverse(group.ops))
    op->erase();
  fused += members.size();
  kept += outputs.size();
  ++made;
}

void Fuser::run() {
  for (Operation &op : function.front())
    if (auto fusible = dyn_cast<FusibleOpInterface>(op))
      place(fusible);
  for (Group &group : groups)
    if (group.ops.size() > 1)
      fuse(group);
}

void Fuser::report() const {
  PassReport::count(function, passName, "groups_made", made);
  PassReport::count(function, passName, "ops_fused", fused);
  PassReport::count(function, passName, "results_kept", kept);
}

class FuseEpilogues : public jepa::impl::FuseEpiloguesBase<FuseEpilogues> {
  using FuseEpiloguesBase::FuseEpiloguesBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    if (!function.getBody().hasOneBlock()) {
      function.emitError("has several blocks: ops are fused in straight-line functions");
      return signalPassFailure();
    }
    Fuser fuser(function);
    fuser.run();
    fuser.report();
  }
};

} // namespace
