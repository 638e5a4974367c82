//===- Import.cpp - from a traced model to the jepa dialect ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The importer knows no op: what a node may say is what the registered op
// declares. It checks what would otherwise trip MLIR's builder (ids, segment
// sizes, the kinds of attributes) and leaves the rest to the ops' verifiers,
// whose messages point at the model because every op carries the model's line.
//
//===----------------------------------------------------------------------===//

#include "compiler/frontend/Import.h"

#include "compiler/dialect/Dialect.h"
#include "jepa/graph.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace {

class Importer {
public:
  Importer(MLIRContext &context, const jepa::Graph &graph, const jepa::ImportOptions &options)
      : builder(&context), graph(graph), options(options), values(graph.types.size()) {
    element = options.elementType == jepa::RealType::F64 ? Type(builder.getF64Type()) : Type(builder.getF32Type());
  }

  FailureOr<OwningOpRef<ModuleOp>> run();

private:
  mlir::Location locate(const jepa::Node &node);
  FailureOr<RankedTensorType> importType(mlir::Location loc, int32_t id);
  mlir::Attribute importAttribute(const jepa::Attribute &attribute);
  LogicalResult importInput(const jepa::Node &node);
  LogicalResult importOutput(const jepa::Node &node);
  LogicalResult importOp(const jepa::Node &node);
  LogicalResult addSegmentSizes(const jepa::Node &node, OperationState &state, RegisteredOperationName name);
  FailureOr<SmallVector<Value>> operandsOf(const jepa::Node &node);
  LogicalResult define(const jepa::Node &node, ValueRange results);
  LogicalResult addArgument(mlir::Location loc, StringRef name, Type type, SmallVector<NamedAttribute> attributes);
  LogicalResult addResult(mlir::Location loc, StringRef name, Value value);
  LogicalResult addLoss();

  OpBuilder builder;
  const jepa::Graph &graph;
  const jepa::ImportOptions &options;
  Type element;
  func::FuncOp function;
  SmallVector<Value> values;
  llvm::StringSet<> argumentNames, resultNames;
  SmallVector<Value> results;
  SmallVector<mlir::Attribute> resultAttributes;
};

} // namespace

/// The string attribute `name` of a node, or null.
static const std::string *findName(const jepa::Node &node) {
  for (const auto &[key, attribute] : node.attributes)
    if (key == "name")
      return std::get_if<std::string>(&attribute);
  return nullptr;
}

mlir::Location Importer::locate(const jepa::Node &node) {
  mlir::Location loc = builder.getUnknownLoc();
  if (!node.location.file.empty())
    loc = FileLineColLoc::get(builder.getStringAttr(node.location.file), node.location.line, node.location.column);
  return node.scope.empty() ? loc : NameLoc::get(builder.getStringAttr(node.scope), loc);
}

FailureOr<RankedTensorType> Importer::importType(mlir::Location loc, int32_t id) {
  if (id < 0 || static_cast<size_t>(id) >= graph.types.size())
    return emitError(loc) << "value " << id << " has no type: the graph knows " << graph.types.size();
  const jepa::ValueType &type = graph.types[id];
  auto emit = [&] { return emitError(loc); };
  mlir::Attribute axes;
  if (!type.axes.empty()) {
    SmallVector<StringAttr> names;
    for (const std::string &name : type.axes)
      names.push_back(builder.getStringAttr(name));
    axes = jepa::AxesAttr::getChecked(emit, builder.getContext(), ArrayRef<StringAttr>(names));
    if (!axes)
      return failure();
  }
  for (int64_t size : type.shape)
    if (size <= 0)
      return emitError(loc) << "value " << id << " has an axis of size " << size << ": every size must be positive";
  Type elementType = type.element == jepa::Element::Index ? Type(builder.getI32Type()) : element;
  auto tensor = RankedTensorType::getChecked(emit, type.shape, elementType, axes);
  if (!tensor)
    return failure();
  return tensor;
}

/// Whether the op declares `key` as a flag that is there or not, which a model says with true and false.
static bool isFlag(RegisteredOperationName name, StringRef key, Builder &builder) {
  ScopedDiagnosticHandler quiet(builder.getContext(), [](Diagnostic &) { return success(); });
  NamedAttrList flag(builder.getNamedAttr(key, builder.getUnitAttr()));
  return succeeded(name.verifyInherentAttrs(flag, [&] { return emitError(builder.getUnknownLoc()); }));
}

mlir::Attribute Importer::importAttribute(const jepa::Attribute &attribute) {
  struct Visitor {
    OpBuilder &builder;
    mlir::Attribute operator()(bool value) { return builder.getBoolAttr(value); }
    mlir::Attribute operator()(int64_t value) { return builder.getI64IntegerAttr(value); }
    mlir::Attribute operator()(double value) { return builder.getF64FloatAttr(value); }
    mlir::Attribute operator()(const std::string &value) { return builder.getStringAttr(value); }
    mlir::Attribute operator()(const std::vector<int64_t> &value) { return builder.getDenseI64ArrayAttr(value); }
  };
  return std::visit(Visitor{builder}, attribute);
}

FailureOr<SmallVector<Value>> Importer::operandsOf(const jepa::Node &node) {
  SmallVector<Value> operands;
  for (int32_t id : node.operands) {
    if (id < 0 || static_cast<size_t>(id) >= values.size() || !values[id])
      return emitError(locate(node)) << "'" << node.op << "' reads value " << id << ", which no earlier node computes";
    operands.push_back(values[id]);
  }
  return operands;
}

LogicalResult Importer::define(const jepa::Node &node, ValueRange results) {
  for (auto [id, value] : llvm::zip_equal(node.results, results)) {
    if (values[id])
      return emitError(locate(node)) << "'" << node.op << "' computes value " << id << " a second time";
    values[id] = value;
  }
  return success();
}

LogicalResult Importer::addArgument(mlir::Location loc, StringRef name, Type type,
                                    SmallVector<NamedAttribute> attributes) {
  if (!argumentNames.insert(name).second)
    return emitError(loc) << "there are two inputs named '" << name << "'";
  attributes.push_back(builder.getNamedAttr(jepa::inputNameAttr, builder.getStringAttr(name)));
  return function.insertArgument(function.getNumArguments(), type, builder.getDictionaryAttr(attributes),
                                 NameLoc::get(builder.getStringAttr(name), loc));
}

LogicalResult Importer::importInput(const jepa::Node &node) {
  mlir::Location loc = locate(node);
  const std::string *name = findName(node);
  if (!name || name->empty() || node.results.size() != 1 || !node.operands.empty())
    return emitError(loc) << "an input needs a name, one result and no operand";
  FailureOr<RankedTensorType> type = importType(loc, node.results[0]);
  if (failed(type))
    return failure();
  SmallVector<NamedAttribute> attributes;
  bool isMask = false;
  for (const auto &[key, attribute] : node.attributes)
    if (key == "mask") {
      isMask = true;
      attributes.push_back(builder.getNamedAttr(jepa::maskTokensAttr, importAttribute(attribute)));
    } else if (key != "name") {
      return emitError(loc) << "input '" << *name << "' has the unknown attribute '" << key << "'";
    }
  if (failed(addArgument(loc, *name, *type, attributes)) ||
      failed(define(node, function.getArguments().take_back())))
    return failure();
  if (!isMask || !(options.raggedMasks || options.packedMasks))
    return success();
  if (type->getRank() != 2 || jepa::getAxisName(*type, 1).empty())
    return emitError(loc) << "mask '" << *name << "' (" << jepa::describeType(*type)
                          << ") must be [clip, subset] with named axes to have a run-time length or bounds";
  auto axis = builder.getStringAttr(jepa::getAxisName(*type, 1));
  if (options.packedMasks)
    return addArgument(loc, *name + ".bounds", RankedTensorType::get({type->getDimSize(0) + 1}, builder.getI32Type()),
                       {builder.getNamedAttr(jepa::boundsOfAttr, axis)});
  return addArgument(loc, *name + ".length", RankedTensorType::get({1}, builder.getI32Type()),
                     {builder.getNamedAttr(jepa::lengthOfAttr, axis)});
}

LogicalResult Importer::addResult(mlir::Location loc, StringRef name, Value value) {
  if (!resultNames.insert(name).second)
    return emitError(loc) << "there are two outputs named '" << name << "'";
  results.push_back(value);
  auto nameAttr = builder.getNamedAttr(jepa::inputNameAttr, builder.getStringAttr(name));
  resultAttributes.push_back(builder.getDictionaryAttr(nameAttr));
  return success();
}

LogicalResult Importer::importOutput(const jepa::Node &node) {
  const std::string *name = findName(node);
  if (!name || name->empty() || node.operands.size() != 1 || !node.results.empty())
    return emitError(locate(node)) << "an output needs a name, one operand and no result";
  FailureOr<SmallVector<Value>> operands = operandsOf(node);
  return failed(operands) ? failure() : addResult(locate(node), *name, operands->front());
}

LogicalResult Importer::addSegmentSizes(const jepa::Node &node, OperationState &state, RegisteredOperationName name) {
  if (!name.hasTrait<OpTrait::AttrSizedOperandSegments>())
    return success();
  int64_t total = 0;
  for (int32_t size : node.operandGroups)
    total += std::max(size, 0);
  if (node.operandGroups.empty() || total != static_cast<int64_t>(node.operands.size()))
    return emitError(state.location) << "'" << node.op << "' has " << node.operands.size() << " operands but groups of "
                                     << total << ": it must say how many each declared operand takes";
  state.addAttribute("operandSegmentSizes", builder.getDenseI32ArrayAttr(node.operandGroups));
  return success();
}

LogicalResult Importer::importOp(const jepa::Node &node) {
  mlir::Location loc = locate(node);
  auto name = RegisteredOperationName::lookup("jepa." + node.op, builder.getContext());
  if (!name)
    return emitError(loc) << "the jepa dialect has no op '" << node.op << "'";
  FailureOr<SmallVector<Value>> operands = operandsOf(node);
  if (failed(operands))
    return failure();
  OperationState state(loc, *name, *operands, {}, {});
  for (int32_t id : node.results) {
    FailureOr<RankedTensorType> type = importType(loc, id);
    if (failed(type))
      return failure();
    state.addTypes(*type);
  }
  for (const auto &[key, attribute] : node.attributes) {
    if (!llvm::is_contained(name->getAttributeNames(), key))
      return emitError(loc) << "'jepa." << node.op << "' has no attribute '" << key << "'";
    if (const bool *value = std::get_if<bool>(&attribute); value && isFlag(*name, key, builder)) {
      if (*value)
        state.addAttribute(key, builder.getUnitAttr());
      continue;
    }
    state.addAttribute(key, importAttribute(attribute));
  }
  if (failed(addSegmentSizes(node, state, *name)))
    return failure();
  // The builder drops an attribute of the wrong kind without a word, so that is checked before.
  if (failed(name->verifyInherentAttrs(state.attributes,
                                       [&] { return emitError(loc) << "'jepa." << node.op << "' op "; })))
    return failure();
  if (!node.scope.empty())
    state.addAttribute(jepa::scopeAttr, builder.getStringAttr(node.scope));
  return define(node, builder.create(state)->getResults());
}

LogicalResult Importer::addLoss() {
  if (graph.loss == -1)
    return success();
  mlir::Location loc = function.getLoc();
  if (graph.loss < 0 || static_cast<size_t>(graph.loss) >= values.size() || !values[graph.loss])
    return emitError(loc) << "the loss is value " << graph.loss << ", which no node computes";
  Value loss = values[graph.loss];
  if (cast<RankedTensorType>(loss.getType()).getRank() != 0)
    return emitError(loss.getLoc()) << "the loss must be a scalar but is " << jepa::describeType(loss.getType());
  return addResult(loss.getLoc(), "loss", loss);
}

FailureOr<OwningOpRef<ModuleOp>> Importer::run() {
  mlir::Location loc = graph.nodes.empty() ? builder.getUnknownLoc() : locate(graph.nodes.front());
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  function = func::FuncOp::create(builder, loc, jepa::entryName, builder.getFunctionType({}, {}));
  builder.setInsertionPointToEnd(function.addEntryBlock());

  std::vector<const jepa::Node *> outputs;
  for (const jepa::Node &node : graph.nodes) {
    if (node.op == "output") {
      outputs.push_back(&node);
    } else if (node.op == "input") {
      if (failed(importInput(node)))
        return failure();
    } else if ((node.op != "tap" || options.keepTaps) && failed(importOp(node))) {
      return failure();
    }
  }
  if (failed(addLoss()))
    return failure();
  for (const jepa::Node *node : outputs)
    if (failed(importOutput(*node)))
      return failure();

  func::ReturnOp::create(builder, loc, results);
  function.setFunctionType(
      builder.getFunctionType(function.getBody().getArgumentTypes(), ValueRange(results).getTypes()));
  if (!resultAttributes.empty())
    function.setResAttrsAttr(builder.getArrayAttr(resultAttributes));
  if (failed(verify(*module)))
    return failure();
  return module;
}

FailureOr<OwningOpRef<ModuleOp>> jepa::importGraph(MLIRContext &context, const Graph &graph,
                                                   const ImportOptions &options) {
  context.loadDialect<JepaDialect, func::FuncDialect>();
  return Importer(context, graph, options).run();
}
