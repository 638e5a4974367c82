//===- SplitKernels.cpp - kernels into modules of their own ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/target/Passes.h"

#include "compiler/dialect/Dialect.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/SetVector.h"

namespace jepa {
#define GEN_PASS_DEF_SPLITKERNELS
#include "compiler/target/Passes.h.inc"
} // namespace jepa

using namespace mlir;
using namespace jepa;

/// Whether a copy in every part would not be the same thing.
static bool isVariable(Operation &op) {
  auto global = dyn_cast<memref::GlobalOp>(op);
  return global && !global.getConstant();
}

/// Gives a part what its functions name: constants whole, functions of other parts as declarations.
static void importSymbols(ModuleOp part, SymbolTable &symbols) {
  llvm::SetVector<StringAttr> named;
  auto collect = [&](Operation *op) {
    if (auto uses = SymbolTable::getSymbolUses(op))
      for (const SymbolTable::SymbolUse &use : *uses)
        named.insert(use.getSymbolRef().getRootReference());
  };
  llvm::DenseSet<StringAttr> defined;
  for (Operation &op : *part.getBody()) {
    defined.insert(SymbolTable::getSymbolName(&op));
    collect(&op);
  }
  OpBuilder builder = OpBuilder::atBlockEnd(part.getBody());
  for (size_t index = 0; index < named.size(); ++index) {
    if (defined.contains(named[index]))
      continue;
    Operation *symbol = symbols.lookup(named[index]);
    if (auto function = dyn_cast<func::FuncOp>(symbol)) {
      auto declaration = cast<func::FuncOp>(builder.insert(function->cloneWithoutRegions()));
      declaration.setPrivate();
    } else {
      builder.clone(*symbol);
      collect(symbol);
    }
  }
}

namespace {

struct SplitKernelsPass : jepa::impl::SplitKernelsBase<SplitKernelsPass> {
  using SplitKernelsBase::SplitKernelsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    llvm::SetVector<Operation *> kernels;
    module.walk([&](LaunchOp launch) { kernels.insert(symbols.lookup(launch.getKernel())); });
    module.walk([&](GemmOp product) {
      if (product.getEpilogue())
        kernels.insert(symbols.lookup(*product.getEpilogue()));
    });
    bool whole = parts < 2 || llvm::any_of(*module.getBody(), isVariable);

    // The largest first, each to the part that has least; ties go by position.
    struct Piece {
      Operation *function;
      int64_t size;
    };
    SmallVector<Piece> pieces;
    for (Operation *kernel : kernels)
      if (!whole) {
        int64_t size = 0;
        kernel->walk([&](Operation *) { ++size; });
        pieces.push_back({kernel, size});
      }
    llvm::stable_sort(pieces, [](const Piece &a, const Piece &b) { return a.size > b.size; });
    int64_t others = std::clamp<int64_t>(parts - 1, 0, pieces.size());
    SmallVector<SmallVector<Operation *>> contents(others + 1);
    SmallVector<int64_t> sizes(others, 0);
    for (const Piece &piece : pieces) {
      auto least = std::min_element(sizes.begin(), sizes.end());
      *least += piece.size;
      contents[1 + (least - sizes.begin())].push_back(piece.function);
    }
    // What launches, and whatever else is defined, stays together.
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isDeclaration() && (whole || !kernels.contains(function)))
        contents[0].push_back(function);

    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    SmallVector<Operation *> old;
    for (Operation &op : *module.getBody())
      old.push_back(&op);
    for (ArrayRef<Operation *> functions : contents) {
      if (functions.empty())
        continue;
      auto part = ModuleOp::create(builder, module.getLoc());
      for (Operation *function : functions)
        function->moveBefore(part.getBody(), part.getBody()->end());
      importSymbols(part, symbols);
    }
    // Every part has its own copy of what is left.
    for (Operation *op : old)
      if (op->getBlock() == module.getBody())
        op->erase();
  }
};

} // namespace
