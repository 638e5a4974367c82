//===- MergeMasks.cpp - one batch for the mask groups of a step ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The function is scheduled anew, an op at a time, an op only after those that it reads:
//
//  1. An op that no other could join is taken at once, in program order.
//  2. When only ops are left that might be joined, those that are ready and differ in their tokens alone are gathered.
//  The
//     largest such group that gains by it becomes one op on the concatenation of their tokens, and each member a
//     segment of its result.
//  3. Where no group gains, the first op for which no partner is to come is taken alone, or else the first.
//
// Whatever is chosen, the order is one in which the program can run: members of a group are ready at the same time, so
// none reads another.
//
//===----------------------------------------------------------------------===//

#include "passes/MergeMasks/MergeMasks.h"

#include "compiler/analysis/PassReport.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace mlir;
using namespace jepa;

namespace jepa {
#define GEN_PASS_DEF_MERGEMASKS
#include "passes/MergeMasks/MergeMasks.h.inc"
} // namespace jepa

namespace {

constexpr llvm::StringLiteral passName = "jepa-merge-masks";

/// Ops of one group of a batch, in program order, and values of them, in the same order.
using Members = SmallVector<Operation *>;
using Values = SmallVector<Value>;

int64_t tokensOf(Type type) { return cast<RankedTensorType>(type).getDimSize(1); }

/// Numbers what is equal; only ever compared, so that pointers in it do not order anything.
class Numbering {
public:
  unsigned of(const std::vector<const void *> &key) { return numbers.try_emplace(key, numbers.size()).first->second; }

private:
  std::map<std::vector<const void *>, unsigned> numbers;
};

} // namespace

//===----------------------------------------------------------------------===//
// Which ops differ in their tokens alone
//===----------------------------------------------------------------------===//

/// Attention is the one op that mixes tokens and yet can keep several sequences of them apart.
static bool isTokenOperand(Operation *op, unsigned index) {
  if (isa<AttentionOp>(op))
    return index < 3;
  return cast<TokenwiseOpInterface>(op).isTokenwiseOperand(index);
}

static bool canJoin(Operation *op) {
  auto hasTokens = [](Type type) { return getTokenDim(type).has_value(); };
  if (op->getNumRegions() || !isMemoryEffectFree(op) || op->getNumResults() == 0 ||
      !hasTokens(op->getResult(0).getType()))
    return false;
  if (auto attention = dyn_cast<AttentionOp>(op))
    return !attention.getMask() && attention.getLogsumexp().use_empty();
  if (!isa<TokenwiseOpInterface>(op) || !llvm::all_of(op->getResultTypes(), hasTokens))
    return false;
  for (OpOperand &operand : op->getOpOperands())
    if (isTokenOperand(op, operand.getOperandNumber()) && !hasTokens(operand.get().getType()))
      return false;
  return true;
}

/// `type` with any number of tokens.
static const void *anyTokens(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(tensor.getShape());
  shape[1] = 1;
  AxesAttr axes = getAxes(tensor);
  if (axes)
    axes = axes.withName(1, StringAttr::get(type.getContext(), "token"));
  return RankedTensorType::get(shape, tensor.getElementType(), axes).getAsOpaquePointer();
}

/// What members of a group have in common: all but their tokens.
static std::vector<const void *> describe(Operation *op) {
  std::vector<const void *> key{op->getName().getAsOpaquePointer()};
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    // Segments and sequences are put together, but all members have lengths, or bounds, or none has.
    key.push_back(attention.getHeadsAttr().getAsOpaquePointer());
    key.push_back(attention.getLengths().empty() ? nullptr : op->getName().getAsOpaquePointer());
    key.push_back(attention.getKeyBounds().empty() ? nullptr : op->getName().getAsOpaquePointer());
  } else if (Attribute properties = op->getPropertiesAsAttribute()) {
    key.push_back(properties.getAsOpaquePointer());
  }
  for (OpOperand &operand : op->getOpOperands()) {
    if (isTokenOperand(op, operand.getOperandNumber()))
      key.push_back(anyTokens(operand.get().getType()));
    else if (!isa<AttentionOp>(op))
      key.push_back(operand.get().getAsOpaquePointer());
  }
  for (Type type : op->getResultTypes())
    if (getTokenDim(type) && !(isa<AttentionOp>(op) && type != op->getResult(0).getType()))
      key.push_back(anyTokens(type));
  return key;
}

/// The operands that all members read whole: weights.
static bool sharesOperands(Operation *op) {
  if (!isa<TokenwiseOpInterface>(op))
    return false;
  return llvm::any_of(op->getOpOperands(),
                      [&](OpOperand &operand) { return !isTokenOperand(op, operand.getOperandNumber()); });
}

static bool isProduct(Operation *op) { return isa<CostOpInterface>(op) && sharesOperands(op); }

//===----------------------------------------------------------------------===//
// The schedule
//===----------------------------------------------------------------------===//

namespace {

/// From where ops run as one batch.
struct Chain {
  Location location;
  std::string tokens;
  int64_t ops = 0;
};

class Merger {
public:
  explicit Merger(func::FuncOp function);

  void run();
  ArrayRef<Chain> getChains() const { return chains; }
  /// Products that share weights but were computed alone.
  ArrayRef<Operation *> getMissed() const { return missed; }

private:
  bool isReady(Operation *op) const;
  bool mayJoin(Operation *op) const;
  bool isKnown(const Members &members, unsigned operand) const;
  bool leadsToProduct(const Members &members) const;
  bool gains(const Members &members) const;
  void emit(Operation *op);
  void emitAlone(ArrayRef<Operation *> ready);
  Members findGroup(ArrayRef<Operation *> ready);
  void merge(const Members &members);
  Value join(const Values &values, Operation *reader);
  RankedTensorType joinType(const Values &values) const;

  func::FuncOp function;
  OpBuilder builder;
  SmallVector<Operation *> pending;
  DenseSet<Operation *> waiting;
  Numbering numbering;
  /// Of ops that may join others: what they have in common with them, and how many such ops wait.
  DenseMap<Operation *, unsigned> kinds;
  DenseMap<unsigned, int64_t> waitingOfKind;
  /// Of a segment of a joint value, that value; of the segments together, the same; and the chain that it belongs to.
  DenseMap<Value, Value> wholeOf;
  std::map<std::vector<const void *>, Value> wholes;
  DenseMap<Value, unsigned> chainOf;
  SmallVector<Chain> chains;
  SmallVector<Operation *> missed;
};

std::vector<const void *> listOf(const Values &values) {
  std::vector<const void *> list;
  for (Value value : values)
    list.push_back(value.getAsOpaquePointer());
  return list;
}

Values operandsOf(const Members &members, unsigned operand) {
  return llvm::map_to_vector(members, [&](Operation *op) { return op->getOperand(operand); });
}

} // namespace

Merger::Merger(func::FuncOp function) : function(function), builder(function) {
  for (Operation &op : function.front().without_terminator()) {
    pending.push_back(&op);
    waiting.insert(&op);
    if (!canJoin(&op))
      continue;
    unsigned kind = numbering.of(describe(&op));
    kinds[&op] = kind;
    ++waitingOfKind[kind];
  }
}

bool Merger::isReady(Operation *op) const {
  WalkResult result = op->walk([&](Operation *nested) {
    return WalkResult(failure(llvm::any_of(nested->getOperands(), [&](Value operand) {
      return operand.getDefiningOp() && waiting.contains(operand.getDefiningOp());
    })));
  });
  return !result.wasInterrupted();
}

/// Whether it is worth to wait for others of its kind: they share weights, or it reads a segment of a joint value.
bool Merger::mayJoin(Operation *op) const {
  auto kind = kinds.find(op);
  if (kind == kinds.end() || waitingOfKind.lookup(kind->second) < 2)
    return false;
  return sharesOperands(op) ||
         llvm::any_of(op->getOperands(), [&](Value operand) { return wholeOf.contains(operand); });
}

/// Whether the members' tokens stand side by side already.
bool Merger::isKnown(const Members &members, unsigned operand) const {
  return isTokenOperand(members[0], operand) && wholes.count(listOf(operandsOf(members, operand)));
}

/// Whether products that share weights read what the members compute.
bool Merger::leadsToProduct(const Members &members) const {
  auto reads = [&](Operation *op, unsigned kind) {
    return llvm::any_of(op->getUsers(),
                        [&](Operation *user) { return kinds.contains(user) && kinds.at(user) == kind; });
  };
  return llvm::any_of(members[0]->getUsers(), [&](Operation *user) {
    return isProduct(user) && kinds.contains(user) &&
           llvm::all_of(members, [&](Operation *member) { return reads(member, kinds.at(user)); });
  });
}

/// Joining copies what does not stand side by side yet. That pays for itself where weights are read and their gradients
/// computed once.
bool Merger::gains(const Members &members) const {
  for (unsigned operand = 0; operand < members[0]->getNumOperands(); ++operand)
    if (isKnown(members, operand))
      return true;
  return isProduct(members[0]) || (sharesOperands(members[0]) && leadsToProduct(members));
}

void Merger::emit(Operation *op) {
  op->moveBefore(function.front().getTerminator());
  waiting.erase(op);
  if (auto kind = kinds.find(op); kind != kinds.end())
    --waitingOfKind[kind->second];
}

/// Of the ready ops, the largest group that gains, and of equals the first.
Members Merger::findGroup(ArrayRef<Operation *> ready) {
  llvm::MapVector<unsigned, Members> groups;
  for (Operation *op : ready) {
    std::vector<const void *> key{reinterpret_cast<const void *>(uintptr_t(kinds.at(op)))};
    for (OpOperand &operand : op->getOpOperands())
      if (isTokenOperand(op, operand.getOperandNumber()))
        key.push_back(wholeOf.lookup(operand.get()).getAsOpaquePointer());
    groups[numbering.of(key)].push_back(op);
  }
  Members best;
  for (auto &[key, members] : groups)
    if (members.size() > 1 && members.size() > best.size() && gains(members))
      best = members;
  return best;
}

void Merger::emitAlone(ArrayRef<Operation *> ready) {
  auto isLast = [&](Operation *op) {
    unsigned kind = kinds.at(op);
    return llvm::count_if(ready, [&](Operation *other) { return kinds.at(other) == kind; }) ==
           waitingOfKind.lookup(kind);
  };
  auto found = llvm::find_if(ready, isLast);
  Operation *op = found == ready.end() ? ready.front() : *found;
  if (isProduct(op))
    missed.push_back(op);
  emit(op);
}

/// The members' token axis: their names joined, their tokens added up.
RankedTensorType Merger::joinType(const Values &values) const {
  auto first = cast<RankedTensorType>(values[0].getType());
  SmallVector<int64_t> shape(first.getShape());
  SmallVector<StringRef> names;
  shape[1] = 0;
  for (Value value : values) {
    shape[1] += tokensOf(value.getType());
    names.push_back(getAxisName(value.getType(), 1));
  }
  AxesAttr axes = getAxes(first);
  if (axes)
    axes = axes.withName(1, StringAttr::get(first.getContext(), llvm::join(names, "+")));
  return RankedTensorType::get(shape, first.getElementType(), axes);
}

/// The values side by side: what they are segments of, or a concatenation that belongs to `reader`'s scope.
Value Merger::join(const Values &values, Operation *reader) {
  Value &whole = wholes[listOf(values)];
  if (whole)
    return whole;
  Values parts;
  for (Value value : values) {
    if (auto concat = value.getDefiningOp<ConcatTokensOp>())
      llvm::append_range(parts, concat.getParts());
    else
      parts.push_back(value);
  }
  whole = ConcatTokensOp::create(builder, reader->getLoc(), joinType(values), parts);
  whole.getDefiningOp()->setDiscardableAttrs(reader->getDiscardableAttrDictionary());
  for (Value value : values)
    wholeOf[value] = whole;
  return whole;
}

/// The sequences and segments of all members, one after the other.
static void joinVisibility(AttentionOp merged, const Members &members) {
  SmallVector<Value> lengths, queryBounds, keyBounds;
  SmallVector<int64_t> segments, querySegments, querySequences, keySequences;
  for (Operation *op : members) {
    auto member = cast<AttentionOp>(op);
    auto append = [](SmallVectorImpl<int64_t> &list, std::optional<ArrayRef<int64_t>> sizes,
                     ArrayRef<int64_t> otherwise) { llvm::append_range(list, sizes.value_or(otherwise)); };
    append(querySequences, member.getQuerySequences(), tokensOf(member.getQuery().getType()));
    append(keySequences, member.getKeySequences(), tokensOf(member.getKey().getType()));
    append(segments, member.getSegments(), {});
    append(querySegments, member.getQuerySegments(), {});
    llvm::append_range(lengths, member.getLengths());
    llvm::append_range(queryBounds, member.getQueryBounds());
    llvm::append_range(keyBounds, member.getKeyBounds());
  }
  merged.getLengthsMutable().assign(lengths);
  merged.getQueryBoundsMutable().assign(queryBounds);
  merged.getKeyBoundsMutable().assign(keyBounds);
  merged.setQuerySequences(querySequences);
  merged.setKeySequences(keySequences);
  if (!segments.empty())
    merged.setSegments(segments);
  if (!querySegments.empty())
    merged.setQuerySegments(querySegments);
}

void Merger::merge(const Members &members) {
  Operation *first = members[0];
  Location location = builder.getFusedLoc(llvm::map_to_vector(members, [](Operation *op) { return op->getLoc(); }));
  builder.setInsertionPoint(function.front().getTerminator());
  std::optional<unsigned> chain;
  SmallVector<Value> operands;
  for (unsigned index = 0; index < first->getNumOperands(); ++index) {
    if (!isTokenOperand(first, index)) {
      operands.push_back(first->getOperand(index));
      continue;
    }
    bool known = isKnown(members, index);
    operands.push_back(join(operandsOf(members, index), first));
    if (auto found = chainOf.find(operands.back()); known && !chain && found != chainOf.end())
      chain = found->second;
  }
  Operation *merged = builder.clone(*first);
  merged->setLoc(location);
  merged->setOperands(operands);
  if (auto attention = dyn_cast<AttentionOp>(merged))
    joinVisibility(attention, members);
  if (!chain) {
    chain = chains.size();
    SmallVector<std::string> sizes;
    for (Operation *member : members)
      sizes.push_back(std::to_string(tokensOf(member->getResult(0).getType())));
    chains.push_back({first->getLoc(), llvm::join(sizes, " + "), 0});
  }
  ++chains[*chain].ops;

  for (OpResult result : merged->getResults()) {
    Values all =
        llvm::map_to_vector(members, [&](Operation *op) -> Value { return op->getResult(result.getResultNumber()); });
    if (isa<AttentionOp>(merged) && result.getResultNumber() == 1) {
      auto stats = cast<RankedTensorType>(result.getType());
      SmallVector<int64_t> shape(stats.getShape());
      shape[2] = tokensOf(merged->getResult(0).getType());
      result.setType(RankedTensorType::get(shape, stats.getElementType()));
      continue;
    }
    result.setType(joinType(all));
    Values slices;
    int64_t offset = 0;
    for (Value value : all) {
      Value slice = SliceTokensOp::create(builder, value.getLoc(), value.getType(), result, offset);
      slice.getDefiningOp()->setDiscardableAttrs(value.getDefiningOp()->getDiscardableAttrDictionary());
      offset += tokensOf(value.getType());
      value.replaceAllUsesWith(slice);
      wholeOf[slice] = result;
      slices.push_back(slice);
    }
    wholes[listOf(slices)] = result;
    chainOf[result] = *chain;
  }
  for (Operation *member : members) {
    waiting.erase(member);
    --waitingOfKind[kinds.at(member)];
    kinds.erase(member);
    member->erase();
  }
}

void Merger::run() {
  // Without products that share weights there is nothing to schedule anew.
  if (llvm::none_of(pending, [&](Operation *op) { return isProduct(op) && mayJoin(op); }))
    return;
  while (!waiting.empty()) {
    llvm::erase_if(pending, [&](Operation *op) { return !waiting.contains(op); });
    SmallVector<Operation *> ready;
    for (Operation *op : pending) {
      if (!isReady(op))
        continue;
      if (mayJoin(op))
        ready.push_back(op);
      else
        emit(op);
    }
    // What was just emitted may have made others ready.
    bool isStuck =
        llvm::none_of(pending, [&](Operation *op) { return waiting.contains(op) && !mayJoin(op) && isReady(op); });
    if (!isStuck || ready.empty())
      continue;
    if (Members members = findGroup(ready); !members.empty())
      merge(members);
    else
      emitAlone(ready);
  }
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

class MergeMasks : public jepa::impl::MergeMasksBase<MergeMasks> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    if (!function.getBody().hasOneBlock()) {
      function.emitError(
          "has several blocks: mask groups are merged in straight-line functions, before control flow is lowered");
      return signalPassFailure();
    }
    Merger merger(function);
    merger.run();
    int64_t ops = 0;
    for (const Chain &chain : merger.getChains()) {
      ops += chain.ops;
      remark::passed(chain.location, remark::RemarkOpts::name("merged").category(passName).function(function.getName()))
          << remark::add("{0} tokens go through {1} ops as one batch from here", chain.tokens, chain.ops);
    }
    for (Operation *op : merger.getMissed())
      remark::missed(op->getLoc(), remark::RemarkOpts::name("alone").category(passName).function(function.getName()))
          << remark::add(
                 "shares its weights with another op but runs alone: they are not ready side by side, as where one "
                 "reads the other");
    PassReport::count(function, passName, "chains", merger.getChains().size());
    PassReport::count(function, passName, "ops_merged", ops);
    PassReport::count(function, passName, "products_alone", merger.getMissed().size());
  }
};

} // namespace
