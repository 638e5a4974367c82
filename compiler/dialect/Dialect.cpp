//===- Dialect.cpp - registration, the axes attribute, shared helpers ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/dialect/Dialect.h"

#include "mlir/IR/DialectImplementation.h"
#include "mlir/Transforms/InliningUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace jepa;

#include "compiler/dialect/JepaDialect.cpp.inc"
#include "compiler/dialect/JepaInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/JepaAttrs.cpp.inc"

namespace {
/// Every op may be inlined: outlined layers are straight-line functions.
struct Inliner : DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const override { return true; }
};
} // namespace

void JepaDialect::initialize() {
  addInterfaces<Inliner>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "compiler/dialect/JepaAttrs.cpp.inc"
      >();
  registerOps();
}

LogicalResult JepaDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() == scopeAttr && !isa<StringAttr>(attribute.getValue()))
    return op->emitError("'jepa.scope' must be a string, the module path of the op");
  return success();
}

LogicalResult JepaDialect::verifyRegionArgAttribute(Operation *op, unsigned regionIndex, unsigned argIndex,
                                                    NamedAttribute attribute) {
  if (attribute.getName() == inputNameAttr && !isa<StringAttr>(attribute.getValue()))
    return op->emitError("'jepa.name' of argument #") << argIndex << " must be a string";
  if (attribute.getName() == lengthOfAttr) {
    auto type = dyn_cast<RankedTensorType>(op->getRegion(regionIndex).getArgument(argIndex).getType());
    if (!isa<StringAttr>(attribute.getValue()))
      return op->emitError("'jepa.length_of' of argument #") << argIndex << " must be a string, the name of an axis";
    if (!type || type.getNumElements() != 1 || !type.getElementType().isInteger(32))
      return op->emitError("'jepa.length_of' of argument #") << argIndex << " needs one number of i32";
  }
  if (attribute.getName() == boundsOfAttr) {
    auto type = dyn_cast<RankedTensorType>(op->getRegion(regionIndex).getArgument(argIndex).getType());
    if (!isa<StringAttr>(attribute.getValue()))
      return op->emitError("'jepa.bounds_of' of argument #") << argIndex << " must be a string, the name of an axis";
    if (!type || type.getRank() != 1 || type.getDimSize(0) < 2 || !type.getElementType().isInteger(32))
      return op->emitError("'jepa.bounds_of' of argument #") << argIndex << " needs a list [samples + 1] of i32";
  }
  if (attribute.getName() == maskTokensAttr) {
    auto tokens = dyn_cast<IntegerAttr>(attribute.getValue());
    if (!tokens || tokens.getInt() <= 0)
      return op->emitError("'jepa.mask' of argument #")
             << argIndex << " must be the number of tokens that the mask indexes";
    auto type = dyn_cast<RankedTensorType>(op->getRegion(regionIndex).getArgument(argIndex).getType());
    if (!type || type.getRank() != 2 || !type.getElementType().isInteger(32))
      return op->emitError("'jepa.mask' of argument #") << argIndex << " needs an index list [clip, subset] of i32";
    if (type.getDimSize(1) > tokens.getInt())
      return op->emitError("argument #") << argIndex << " lists " << type.getDimSize(1) << " of " << tokens.getInt()
                                         << " tokens: a mask has no more entries than there are tokens";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Axes
//===----------------------------------------------------------------------===//

Attribute AxesAttr::parse(AsmParser &parser, Type) {
  SmallVector<StringAttr> names;
  auto parseName = [&]() -> ParseResult {
    std::string name;
    if (parser.parseKeywordOrString(&name))
      return failure();
    names.push_back(StringAttr::get(parser.getContext(), name));
    return success();
  };
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater, parseName))
    return {};
  return parser.getChecked<AxesAttr>(location, parser.getContext(), names);
}

void AxesAttr::print(AsmPrinter &printer) const {
  printer << "<";
  llvm::interleaveComma(getNames(), printer, [&](StringAttr name) { printer.printKeywordOrString(name.getValue()); });
  printer << ">";
}

LogicalResult AxesAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<StringAttr> names) {
  for (StringAttr name : names)
    if (name.getValue().empty())
      return emitError() << "an axis name must not be empty";
  return success();
}

LogicalResult AxesAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                                       function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() != getNames().size())
    return emitError() << "the tensor has " << shape.size() << " dimensions but " << getNames().size()
                       << " axis names";
  return success();
}

AxesAttr AxesAttr::withName(unsigned dim, StringAttr name) const {
  SmallVector<StringAttr> names(getNames());
  names[dim] = name;
  return AxesAttr::get(getContext(), names);
}

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

AxesAttr jepa::getAxes(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? dyn_cast_or_null<AxesAttr>(tensor.getEncoding()) : AxesAttr();
}

StringRef jepa::getAxisName(Type type, unsigned dim) {
  AxesAttr axes = getAxes(type);
  return axes ? axes.getNames()[dim].getValue() : StringRef();
}

std::string jepa::describeType(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  std::string text;
  llvm::raw_string_ostream os(text);
  if (!tensor) {
    os << type;
    return text;
  }
  if (tensor.getRank() == 0)
    os << "scalar";
  for (int64_t dim = 0; dim < tensor.getRank(); ++dim) {
    os << (dim ? " x " : "");
    if (StringRef name = getAxisName(type, dim); !name.empty())
      os << name << "=";
    os << tensor.getDimSize(dim);
  }
  return text;
}

std::optional<unsigned> jepa::getTokenDim(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (tensor && tensor.getRank() == 3)
    return 1;
  return std::nullopt;
}

TokenSelector TokenSelector::ofMask(Value mask) {
  auto type = cast<RankedTensorType>(mask.getType());
  StringRef name = getAxisName(type, 1);
  return {Kind::Mask, mask, 0, type.getDimSize(1), StringAttr::get(mask.getContext(), name.empty() ? "subset" : name)};
}

RankedTensorType jepa::selectTokens(RankedTensorType type, const TokenSelector &selector) {
  if (selector.isAll())
    return type;
  SmallVector<int64_t> shape(type.getShape());
  shape[1] = selector.size;
  AxesAttr axes = getAxes(type);
  if (axes)
    axes = axes.withName(1, selector.axis);
  if (selector.kind == TokenSelector::Kind::Mask && shape[0] == 1) {
    auto mask = cast<RankedTensorType>(selector.mask.getType());
    shape[0] = mask.getDimSize(0);
    if (axes && getAxes(mask))
      axes = axes.withName(0, getAxes(mask).getNames()[0]);
  }
  return RankedTensorType::get(shape, type.getElementType(), axes ? Attribute(axes) : type.getEncoding());
}

int64_t jepa::countTokens(Type type, const TokenSelector &selector) {
  return selector.isAll() ? cast<RankedTensorType>(type).getDimSize(1) : selector.size;
}

int64_t jepa::countRows(RankedTensorType type) {
  return type.getRank() ? type.getNumElements() / type.getShape().back() : 1;
}
