//===- ReadMasters.cpp - let products round weights themselves ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "passes/ReadMasters/ReadMasters.h"

#include "compiler/analysis/PassReport.h"
#include "compiler/dialect/ParameterCopies.h"

#include "llvm/ADT/StringSet.h"

namespace jepa {
#define GEN_PASS_DEF_READMASTERS
#include "passes/ReadMasters/ReadMasters.h.inc"
} // namespace jepa

using namespace mlir;
using namespace jepa;

static constexpr StringLiteral passName = "jepa-read-masters";

/// Whether the reader rounds what it reads there: only beside operands that are in low precision.
static bool isRoundedByReader(OpOperand &use) {
  auto reader = dyn_cast<PrecisionOpInterface>(use.getOwner());
  return reader && reader.roundsOperand(use.getOperandNumber()) &&
         llvm::any_of(use.getOwner()->getOpOperands(), [&](OpOperand &other) {
           return &other != &use && getElementTypeOrSelf(other.get()).isBF16();
         });
}

/// Puts the master in the place of its copy.
static void readMaster(ParameterCopyOp copy) {
  OpBuilder builder(copy);
  auto type = cast<RankedTensorType>(copy.getType());
  NamedAttrList attributes(copy->getAttrOfType<DictionaryAttr>(masterAttr));
  attributes.set("name", copy.getNameAttr());
  auto master = ParameterOp::create(builder, copy.getLoc(), TypeRange(type.clone(builder.getF32Type())), ValueRange(),
                                    attributes.getAttrs());
  copy.getResult().replaceAllUsesWith(master.getResult());
  copy.erase();
}

namespace {

struct ReadMastersPass : jepa::impl::ReadMastersBase<ReadMastersPass> {
  using ReadMastersBase::ReadMastersBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    if (!function.getBody().hasOneBlock()) {
      function.emitError("has several blocks: masters are read in straight-line functions");
      return signalPassFailure();
    }
    llvm::StringSet<> dropped;
    for (auto copy : llvm::make_early_inc_range(function.getOps<ParameterCopyOp>()))
      if (copy->hasAttr(masterAttr) && llvm::all_of(copy->getUses(), isRoundedByReader)) {
        dropped.insert(copy.getName());
        readMaster(copy);
      }
    for (auto update : function.getOps<AdamWOp>()) {
      if (dropped.contains(update.getName()))
        update.setCopy(false);
      if (update.getTeacher() && dropped.contains(*update.getTeacher()))
        update.setTeacherCopy(false);
    }
    PassReport::count(function, passName, "copies_dropped", dropped.size());
  }
};

} // namespace
