//===- QuantizeTeacher.cpp - compute the teacher in e4m3 ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Terminology: a value is a *feature* if a product is among what it was computed from.
//
// In the order of the function, mark each linear layer of a teacher whose x is a feature and whose sizes allow it.

#include "passes/QuantizeTeacher/QuantizeTeacher.h"

#include "compiler/analysis/PassReport.h"
#include "compiler/dialect/ParameterCopies.h"

#include "mlir/IR/Remarks.h"

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
static const char *reasonToKeep(LinearOp op, bool readsFeatures) {
  if (!isLow(op.getX()) || !isLow(op.getWeight()))
    return "is not computed in bf16";
  if (!readsFeatures)
    return "reads data, not features";
  RankedTensorType weight = op.getWeight().getType();
  int64_t out = weight.getDimSize(0), in = weight.getNumElements() / out;
  for (int64_t size : {countRows(op.getX().getType()), out, in})
    if (size % sizeMultiple != 0)
      return "has a size that is no multiple of 16";
  return nullptr;
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
    DenseSet<Value> features;
    int64_t quantized = 0, kept = 0;
    for (Operation &op : function.front()) {
      auto linear = dyn_cast<LinearOp>(op);
      if (linear && followsStudent(linear.getWeight()))
        ++(mark(linear, features.contains(linear.getX())) ? quantized : kept);
      auto fusible = dyn_cast<FusibleOpInterface>(op);
      bool isProduct = fusible && fusible.isProduct();
      if (isProduct || llvm::any_of(op.getOperands(), [&](Value operand) { return features.contains(operand); }))
        features.insert(op.result_begin(), op.result_end());
    }
    PassReport::count(function, passName, "products_quantized", quantized);
    PassReport::count(function, passName, "products_kept", kept);
  }

  /// Whether the layer is computed in e4m3 now.
  bool mark(LinearOp op, bool readsFeatures) {
    if (const char *why = reasonToKeep(op, readsFeatures)) {
      remark::missed(op.getLoc(),
                     remark::RemarkOpts::name("kept").category(passName).function(getOperation().getName()))
          << remark::add("a product of the teacher {0}", why);
      return false;
    }
    op.setE4m3(true);
    return true;
  }
};

} // namespace
