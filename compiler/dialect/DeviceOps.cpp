//===- DeviceOps.cpp - verifiers of launches and products on a device ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/dialect/Verify.h"

#include "mlir/Dialect/EmitC/IR/EmitC.h"

using namespace mlir;
using namespace jepa;

LogicalResult DeviceLaunchOp::verify() {
  static constexpr int64_t most[] = {2147483647, 65535, 65535};
  if (getGrid().size() != 3)
    return emitOpError("needs a grid of three numbers, found ") << getGrid().size();
  for (auto [size, limit] : llvm::zip_equal(getGrid(), most))
    if (size < 1 || size > limit)
      return emitOpError("has a grid of ") << size << " blocks along an axis, where 1 to " << limit << " fit";
  if (getWrites() > getBuffers().size())
    return emitOpError("writes ") << getWrites() << " of " << getBuffers().size() << " buffers";
  if (getPlaces().empty())
    return success();
  if (!getEntry() || !getTable() || !getColumns() || static_cast<int64_t>(*getColumns()) <= 0 ||
      getTable()->size() % *getColumns())
    return emitOpError("has places: expected their entry type and a table with whole rows of its columns");
  ArrayRef<int64_t> table = *getTable();
  for (int64_t number : table)
    if (number >= static_cast<int64_t>(getPlaces().size()))
      return emitOpError("names place ") << number << " of " << getPlaces().size() << " in its table";
  return success();
}

LogicalResult DeviceLaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = symbols.lookupNearestSymbolFrom<emitc::FuncOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("calls '") << getKernel() << "', which is no kernel here";
  size_t expected = getBuffers().size() + !getPlaces().empty();
  if (kernel.getNumArguments() != expected || kernel.getNumResults())
    return emitOpError("'") << getKernel() << "' takes " << kernel.getNumArguments() << " addresses, found "
                            << expected;
  return success();
}

LogicalResult DeviceGemmOp::verify() {
  for (int64_t size : {getM(), getN(), getK()})
    if (size <= 0)
      return emitOpError("needs positive m, n and k");
  if (getLda() < (getTransA() ? getM() : getK()) || getLdb() < (getTransB() ? getK() : getN()) || getLdc() < getN())
    return emitOpError("has a row stride smaller than a row");
  auto element = [](Value memref) { return cast<MemRefType>(memref.getType()).getElementType(); };
  Type a = element(getA()), c = element(getC());
  if (!(a.isF32() || a.isBF16() || isE4m3(a)) || a != element(getB()))
    return emitOpError("needs a and b of f32, bf16 or e4m3, found ") << a << " and " << element(getB());
  if (!(c.isF32() || (c.isBF16() && !a.isF32())))
    return emitOpError("needs c of f32, or of bf16 where a and b are narrower, found ") << c;
  if (isE4m3(a) != static_cast<bool>(getScale()))
    return emitOpError("needs a scale for b in e4m3, and for nothing else");
  enum Use { Without, Maybe, With };
  struct Needs {
    StringRef epilogue;
    Use bias, aux;
  };
  static constexpr Needs all[] = {{"none", Without, Without},
                                  {"bias", With, Without},
                                  {"gelu", With, Maybe},
                                  {"dgelu", Maybe, With},
                                  {"bias_grad", With, Without}};
  const Needs *found = llvm::find_if(all, [&](const Needs &needs) { return needs.epilogue == getEpilogue(); });
  if (found == std::end(all))
    return emitOpError("has unknown epilogue '") << getEpilogue() << "': use none, bias, gelu, dgelu or bias_grad";
  auto check = [&](Use use, Value operand, StringRef name) -> LogicalResult {
    if (use == Maybe || (use == With) == static_cast<bool>(operand))
      return success();
    return emitOpError("with epilogue '") << getEpilogue() << (use == With ? "' needs " : "' takes no ") << name;
  };
  if (failed(check(found->bias, getBias(), "bias")) || failed(check(found->aux, getAux(), "aux")))
    return failure();
  if (getEpilogue() == "bias_grad" && !getTransA())
    return emitOpError("sums the columns of a: a must be transposed");
  return success();
}
