//===- PackWeights.cpp - weights in the layout that products read fastest ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//  1. Follow each value that can stand for a whole weight - parameters, their views, arguments of outlined functions -
//  to
//     its readers. It is *plain* if one of them is no product, or two products read it differently.
//  2. Until nothing changes: where one value that a call passes for an argument is plain, or another shape, all are.
//  3. Mark the rest: parameters, products, and the products' scratch.
//
//===----------------------------------------------------------------------===//

#include "passes/PackWeights/PackWeights.h"

#include "compiler/analysis/BufferLifetimes.h"
#include "compiler/analysis/PassReport.h"
#include "compiler/dialect/ParameterCopies.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Remarks.h"

namespace jepa {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "passes/PackWeights/PackWeights.h.inc"
} // namespace jepa

using namespace mlir;
using namespace jepa;

static constexpr StringLiteral passName = "jepa-pack-weights";

static Product describe(GemmOp op) {
  auto isBf16 = [](Value memref) { return getElementTypeOrSelf(memref).isBF16(); };
  Product product{static_cast<int64_t>(op.getM()),   static_cast<int64_t>(op.getN()),
                  static_cast<int64_t>(op.getK()),   static_cast<int64_t>(op.getLda()),
                  static_cast<int64_t>(op.getLdb()), static_cast<int64_t>(op.getLdc())};
  product.transA = op.getTransA();
  product.transB = op.getTransB();
  product.bf16Inputs = isBf16(op.getA());
  product.bf16Result = isBf16(op.getC());
  product.packedB = true;
  product.epilogueRows = op.getEpilogueRows().value_or(0);
  product.epilogueColumns = op.getEpilogueColumns().value_or(0);
  return product;
}

/// A view of all elements, in order.
static bool isReshape(Operation *op) { return isa_and_nonnull<memref::CollapseShapeOp, memref::ExpandShapeOp>(op); }

static Value wholeOf(Value value) {
  while (isReshape(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return value;
}

namespace {

struct PackedShape {
  int64_t n, k;
  bool transB;
  bool operator==(const PackedShape &) const = default;
};

/// What is known of a value that may be a weight.
struct Weight {
  std::optional<PackedShape> shape;
  bool plain = false;
  SmallVector<GemmOp> products;
  SmallVector<Value> arguments; ///< of called functions, that it is passed for

  bool isPacked() const { return !plain && shape; }
};

class Packer {
public:
  Packer(ModuleOp module, const ProductLibrary &library) : module(module), symbols(module), library(library) {}
  void run();

private:
  void follow(Value value, Weight &weight);
  bool fits(BufferOp parameter, const Weight &weight) const;
  void settle();
  void pack(BufferOp parameter, const Weight &weight);
  void pack(GemmOp product);

  ModuleOp module;
  SymbolTable symbols;
  const ProductLibrary &library;
  llvm::MapVector<Value, Weight> weights;
  llvm::SetVector<Operation *> products;
  int64_t packed = 0;
};

} // namespace

/// The layout that a product wants its weight in; nothing where it has gaps or is rounded.
static std::optional<PackedShape> shapeOf(GemmOp op) {
  int64_t n = op.getN(), k = op.getK();
  if (getElementTypeOrSelf(op.getA()) != getElementTypeOrSelf(op.getB()))
    return std::nullopt;
  if (static_cast<int64_t>(op.getLdb()) != (op.getTransB() ? k : n))
    return std::nullopt;
  return PackedShape{n, k, op.getTransB()};
}

// 1.
void Packer::follow(Value value, Weight &weight) {
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (isReshape(user)) {
      follow(user->getResult(0), weight);
    } else if (auto call = dyn_cast<func::CallOp>(user)) {
      auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
      if (!callee || callee.isExternal())
        weight.plain = true;
      else
        weight.arguments.push_back(callee.getArgument(use.getOperandNumber()));
    } else if (auto product = dyn_cast<GemmOp>(user); product && &use == &product.getBMutable()) {
      std::optional<PackedShape> shape = shapeOf(product);
      weight.plain |= !shape || (weight.shape && *weight.shape != *shape);
      weight.shape = shape;
      weight.products.push_back(product);
    } else {
      weight.plain = true;
    }
  }
}

bool Packer::fits(BufferOp parameter, const Weight &weight) const {
  auto type = cast<MemRefType>(parameter.getType());
  Product product{1, weight.shape->n, weight.shape->k, weight.shape->k, 0, weight.shape->n};
  product.ldb = weight.shape->transB ? product.k : product.n;
  product.transB = weight.shape->transB;
  product.bf16Inputs = product.bf16Result = type.getElementType().isBF16();
  product.packedB = true;
  return type.getNumElements() == product.n * product.k && library.packedBytes(product) <= byteSize(type);
}

// 2.
void Packer::settle() {
  for (bool changed = true; changed;) {
    changed = false;
    for (auto &[value, weight] : weights) {
      for (Value argument : weight.arguments) {
        Weight &inner = weights.find(argument)->second;
        if (!weight.shape && inner.shape) {
          weight.shape = inner.shape;
          changed = true;
        }
        bool plain = weight.plain || inner.plain || !inner.shape || weight.shape != inner.shape;
        changed |= plain && (!weight.plain || !inner.plain);
        if (plain)
          weight.plain = inner.plain = true;
      }
      auto parameter = value.getDefiningOp<BufferOp>();
      if (parameter && weight.isPacked() && !fits(parameter, weight))
        weight.plain = changed = true;
    }
  }
}

// 3.
void Packer::pack(GemmOp product) {
  product.setPacked(true);
  auto scratch = product.getScratch().getDefiningOp<BufferOp>();
  if (!scratch || !library.scratchBytes)
    return;
  // More or less than before: what the weight's packing took is free, but a packed one may be cut otherwise.
  OpBuilder builder(product);
  auto type = MemRefType::get({std::max<int64_t>(1, library.scratchBytes(describe(product)))}, builder.getI8Type());
  product.getScratchMutable().assign(BufferOp::create(builder, scratch.getLoc(), type, scratch.getArena(),
                                                      scratch.getKindAttr(), nullptr, nullptr, nullptr));
  if (scratch->use_empty())
    scratch.erase();
}

void Packer::pack(BufferOp parameter, const Weight &weight) {
  Builder builder(module.getContext());
  NamedAttrList info(parameter.getInfoAttr());
  info.set(packedAttr, builder.getDenseI64ArrayAttr({weight.shape->n, weight.shape->k, weight.shape->transB}));
  parameter.setInfoAttr(info.getDictionary(module.getContext()));
  ++packed;
}

void Packer::run() {
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal())
      continue;
    for (BlockArgument argument : function.getArguments()) {
      Weight &weight = weights[argument];
      weight.plain = function.isPublic();
      follow(argument, weight);
    }
    function.walk([&](BufferOp buffer) {
      Weight &weight = weights[buffer.getResult()];
      weight.plain = buffer.getKind() != "parameter";
      follow(buffer, weight);
    });
  }
  // What is passed for an argument and is none of the above, a part of a buffer say, is no weight.
  module.walk([&](func::CallOp call) {
    auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
    for (auto [index, operand] : llvm::enumerate(call.getOperands()))
      if (callee && !callee.isExternal() && !weights.contains(wholeOf(operand)))
        weights[callee.getArgument(index)].plain = true;
  });
  settle();
  for (auto &[value, weight] : weights) {
    if (!weight.isPacked())
      continue;
    if (auto parameter = value.getDefiningOp<BufferOp>())
      pack(parameter, weight);
    products.insert(weight.products.begin(), weight.products.end());
  }
  for (Operation *product : products) {
    pack(cast<GemmOp>(product));
    remark::passed(product->getLoc(), remark::RemarkOpts::name("packed").category(passName)) << "the weight is packed";
  }
  if (auto entry = symbols.lookup<func::FuncOp>(entryName)) {
    PassReport::count(entry, passName, "weights_packed", packed);
    PassReport::count(entry, passName, "products_packed", products.size());
  }
}

namespace {

struct PackWeightsPass : jepa::impl::PackWeightsBase<PackWeightsPass> {
  PackWeightsPass()
      : library{nullptr, [](const Product &product) { return product.n * product.k * (product.bf16Inputs ? 2 : 4); }} {}
  explicit PackWeightsPass(ProductLibrary library) : library(std::move(library)) {}

  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto function : module.getOps<func::FuncOp>())
      for (auto buffer : function.getOps<BufferOp>())
        if (buffer.getOffset()) {
          buffer.emitOpError("has its place already: weights are packed before memory is planned");
          return signalPassFailure();
        }
    Packer(module, library).run();
  }

  ProductLibrary library;
};

} // namespace

std::unique_ptr<Pass> jepa::createPackWeights(ProductLibrary library) {
  return std::make_unique<PackWeightsPass>(std::move(library));
}
