//===- QuantizeTeacher.cpp - compute the teacher in e4m3 ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Terminology: a value is *raw* if it was computed from an input with no norm on the way, so that nothing bounds it:
// pixels, and the sums that blocks add to.
//
//  1. In the order of the function, find the linear layers of a teacher whose x is not raw and whose sizes allow it.
//  2. Let what computes such an x store it in e4m3 where nothing else reads it, or round it once.
//
//===----------------------------------------------------------------------===//

#include "passes/QuantizeTeacher/QuantizeTeacher.h"

#include "compiler/analysis/PassReport.h"
#include "compiler/dialect/ParameterCopies.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"

namespace jepa {
#define GEN_PASS_DEF_QUANTIZETEACHER
#include "passes/QuantizeTeacher/QuantizeTeacher.h.inc"
} // namespace jepa

using namespace mlir;
using namespace jepa;

static constexpr StringLiteral passName = "jepa-quantize-teacher";

/// Numbers of e4m3 that tensor cores take at a time, from an address that is a multiple of as many bytes.
static constexpr int64_t sizeMultiple = 16;

/// Whether a weight is a teacher's: it moves after a student's.
static bool followsStudent(Value weight) {
  while (auto cast = weight.getDefiningOp<CastOp>())
    weight = cast.getX();
  if (auto parameter = weight.getDefiningOp<ParameterOp>())
    return static_cast<bool>(parameter.getEmaOfAttr());
  auto copy = weight.getDefiningOp<ParameterCopyOp>();
  auto master = copy ? copy->getAttrOfType<DictionaryAttr>(masterAttr) : nullptr;
  return master && master.contains("ema_of");
}

static bool isLow(Value value) { return getElementTypeOrSelf(value).isBF16(); }

/// Why a teacher's layer stays as it is, or null.
static const char *reasonToKeep(LinearOp op, bool readsRaw) {
  if (!isLow(op.getX()) || !isLow(op.getWeight()))
    return "is not computed in bf16";
  if (readsRaw)
    return "reads what no norm bounds";
  RankedTensorType weight = op.getWeight().getType();
  int64_t out = weight.getDimSize(0), in = weight.getNumElements() / out;
  for (int64_t size : {countRows(op.getX().getType()), out, in})
    if (size % sizeMultiple != 0)
      return "has a size that is no multiple of 16";
  return nullptr;
}

/// Adds what becomes raw by `op`.
static void addRaw(Operation &op, DenseSet<Value> &raw) {
  auto precision = dyn_cast<PrecisionOpInterface>(op);
  if (precision && precision.normalizes())
    return;
  if (llvm::any_of(op.getOperands(), [&](Value operand) { return raw.contains(operand); }))
    raw.insert(op.result_begin(), op.result_end());
}

/// Whether what computes x can store it in e4m3 for `readers`, which are all that read it.
static bool canBeStored(Value x, ArrayRef<LinearOp> readers) {
  auto producer = x.getDefiningOp<PrecisionOpInterface>();
  return producer && producer.givesE4m3(cast<OpResult>(x).getResultNumber()) &&
         llvm::all_of(x.getUses(), [&](OpOperand &use) {
           return use.getOperandNumber() == 0 && llvm::is_contained(readers, use.getOwner());
         });
}

static void roundToE4m3(Value x, ArrayRef<LinearOp> readers) {
  Type type = cast<RankedTensorType>(x.getType()).clone(Float8E4M3FNType::get(x.getContext()));
  if (canBeStored(x, readers))
    return x.setType(type);
  OpBuilder builder(x.getContext());
  builder.setInsertionPointAfterValue(x);
  Operation *producer = x.getDefiningOp();
  auto rounded = CastOp::create(builder, x.getLoc(), type, x);
  if (Attribute scope = producer ? producer->getAttr(scopeAttr) : Attribute())
    rounded->setAttr(scopeAttr, scope);
  for (LinearOp reader : readers)
    reader.getXMutable().assign(rounded);
}

namespace {

struct QuantizeTeacherPass : jepa::impl::QuantizeTeacherBase<QuantizeTeacherPass> {
  using QuantizeTeacherBase::QuantizeTeacherBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    if (!function.getBody().hasOneBlock()) {
      function.emitError("has several blocks: teachers are quantised in straight-line functions");
      return signalPassFailure();
    }
    DenseSet<Value> raw;
    for (Value argument : function.getArguments())
      if (isa<FloatType>(getElementTypeOrSelf(argument)))
        raw.insert(argument);
    llvm::MapVector<Value, SmallVector<LinearOp>> readersOf;
    int64_t quantized = 0, kept = 0;
    for (Operation &op : function.front()) {
      addRaw(op, raw);
      auto linear = dyn_cast<LinearOp>(op);
      if (!linear || !followsStudent(linear.getWeight()))
        continue;
      if (const char *why = reasonToKeep(linear, raw.contains(linear.getX()))) {
        ++kept;
        remark::missed(op.getLoc(), remark::RemarkOpts::name("kept").category(passName).function(function.getName()))
            << remark::add("a product of the teacher {0}", why);
        continue;
      }
      ++quantized;
      readersOf[linear.getX()].push_back(linear);
    }
    for (auto &[x, readers] : readersOf)
      roundToE4m3(x, readers);
    PassReport::count(function, passName, "products_quantized", quantized);
    PassReport::count(function, passName, "products_kept", kept);
  }
};

} // namespace
