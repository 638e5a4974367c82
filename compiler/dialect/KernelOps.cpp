//===- KernelOps.cpp - op registration; verifiers of buffers, launches, products ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/dialect/ParameterCopies.h"
#include "compiler/dialect/Verify.h"

using namespace mlir;
using namespace jepa;

#define GET_OP_CLASSES
#include "compiler/dialect/JepaOps.cpp.inc"

void JepaDialect::registerOps() {
  addOperations<
#define GET_OP_LIST
#include "compiler/dialect/JepaOps.cpp.inc"
      >();
}

LogicalResult BufferOp::verify() {
  static constexpr StringLiteral named[] = {"parameter", "moment", "copy", "table", "input", "output"};
  bool isNamed = llvm::is_contained(named, getKind());
  if (!isNamed && getKind() != "temporary")
    return emitOpError("has unknown kind '") << getKind()
                                             << "': use parameter, moment, copy, table, input, output or temporary";
  if (isNamed && !getName())
    return emitOpError("of kind '") << getKind() << "' needs a name";
  auto type = cast<MemRefType>(getType());
  if (!type.hasStaticShape() || !type.getLayout().isIdentity())
    return emitOpError("must have a static shape and the plain layout");
  if (getOffset() && *getOffset() % 64)
    return emitOpError("has offset ") << *getOffset() << ", which is not a multiple of 64";
  Attribute packed = getInfoAttr() ? getInfoAttr().get(packedAttr) : Attribute();
  if (!packed)
    return success();
  auto shape = dyn_cast<DenseI64ArrayAttr>(packed);
  if (getKind() != "parameter" || !shape || shape.size() != 3 || shape[0] * shape[1] != type.getNumElements())
    return emitOpError("is packed: expected a parameter and [n, k, transB] with n * k elements, found ") << packed;
  return success();
}

LogicalResult LaunchOp::verify() {
  if (getGrain() == 0 || static_cast<int64_t>(getGrain()) < 0 || static_cast<int64_t>(getCount()) < 0)
    return emitOpError("needs a count of at least 0 and a grain of at least 1");
  if (getWrites() > getBuffers().size())
    return emitOpError("writes ") << getWrites() << " of " << getBuffers().size() << " buffers";
  return success();
}

/// `what` is what gives the kernel its buffers.
static LogicalResult verifyKernel(Operation *op, FlatSymbolRefAttr name, ValueRange buffers, StringRef what,
                                  SymbolTableCollection &symbols) {
  auto kernel = symbols.lookupNearestSymbolFrom<func::FuncOp>(op, name);
  if (!kernel)
    return op->emitOpError("calls '") << name.getValue() << "', which is no function here";
  SmallVector<Type> expected(3, IndexType::get(op->getContext()));
  llvm::append_range(expected, buffers.getTypes());
  if (kernel.getArgumentTypes() != ArrayRef<Type>(expected) || kernel.getNumResults())
    return op->emitOpError("'") << name.getValue() << "' must take (begin, end, thread) and the " << what
                                << "'s buffers";
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyKernel(*this, getKernelAttr(), getBuffers(), "launch", symbols);
}

LogicalResult GemmOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return getEpilogue() ? verifyKernel(*this, getEpilogueAttr(), getEpilogueBuffers(), "epilogue", symbols) : success();
}

LogicalResult GemmOp::verify() {
  for (int64_t size : {getM(), getN(), getK()})
    if (size <= 0)
      return emitOpError("needs positive m, n and k");
  if (getLda() < (getTransA() ? getM() : getK()) || getLdb() < (getTransB() ? getK() : getN()) || getLdc() < getN())
    return emitOpError("has a row stride smaller than a row");
  if (getPacked() && getLdb() != (getTransB() ? getK() : getN()))
    return emitOpError("has a packed weight with gaps between its rows");
  auto element = [](Value memref) { return cast<MemRefType>(memref.getType()).getElementType(); };
  Type a = element(getA()), b = element(getB()), c = element(getC());
  if (!(a.isF32() || a.isBF16()) || !(a == b || b.isF32()))
    return emitOpError("needs a of f32 or bf16, and b the same or of f32, found ") << a << " and " << b;
  if (!(c.isF32() || (c.isBF16() && a.isBF16())))
    return emitOpError("needs c of f32, or of bf16 where a and b are, found ") << c;
  if (getBias() && !element(getBias()).isF32())
    return emitOpError("needs a bias of f32, found ") << element(getBias());
  auto isLength = [](std::optional<uint64_t> length) { return length && static_cast<int64_t>(*length) > 0; };
  if (getEpilogue() && !(isLength(getEpilogueRows()) && isLength(getEpilogueColumns())))
    return emitOpError("has an epilogue, which needs epilogueRows and epilogueColumns of at least 1");
  if (!getEpilogue() && (getEpilogueRows() || getEpilogueColumns() || !getEpilogueBuffers().empty()))
    return emitOpError("has buffers or parts of an epilogue, but none");
  return success();
}
