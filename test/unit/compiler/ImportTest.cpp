//===- ImportTest.cpp - what the importer writes and refuses --------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/frontend/Import.h"

#include "compiler/dialect/Dialect.h"
#include "jepa/graph.h"

#include "gtest/gtest.h"

using jepa::Element;
using jepa::Graph;
using jepa::ImportOptions;
using jepa::Node;

namespace {

/// A mask, a clip of features, a projection of it, its selection and the loss against the selected features.
///   0 x, 1 mask, 2 weight, 3 bias, 4 projection, 5 selected projection, 6 selected x, 7 loss
Graph makeGraph() {
  auto at = [](uint32_t line) { return jepa::Location{"model.h", line, 7}; };
  auto real = [](std::vector<int64_t> shape, std::vector<std::string> axes) {
    return jepa::ValueType{std::move(shape), std::move(axes), Element::Real};
  };
  Graph graph;
  graph.types = {real({2, 8, 4}, {"clip", "token", "embed"}),
                 {{2, 3}, {"clip", "context#0"}, Element::Index},
                 real({4, 4}, {"embed", "embed"}),
                 real({4}, {"embed"}),
                 real({2, 8, 4}, {"clip", "token", "embed"}),
                 real({2, 3, 4}, {"clip", "context#0", "embed"}),
                 real({2, 3, 4}, {"clip", "context#0", "embed"}),
                 real({}, {})};
  graph.nodes = {
      {"input", {}, {}, {{"name", "x"}}, {0}, at(1), ""},
      {"input", {}, {}, {{"name", "mask0.context"}, {"mask", int64_t(8)}}, {1}, at(2), ""},
      {"parameter", {}, {}, {{"name", "encoder.weight"}, {"init", "trunc_normal"}, {"std", 0.02}}, {2}, at(3), "encoder"},
      {"parameter", {}, {}, {{"name", "encoder.bias"}, {"init", "zeros"}, {"trainable", true}}, {3}, at(3), "encoder"},
      {"linear", {0, 2, 3}, {1, 1, 1}, {}, {4}, at(4), "encoder"},
      {"gather_tokens", {4, 1}, {}, {}, {5}, at(5), ""},
      {"gather_tokens", {0, 1}, {}, {}, {6}, at(6), ""},
      {"tap", {5}, {}, {{"name", "mask0.predicted"}}, {}, at(7), ""},
      {"power_loss", {5, 6}, {1, 1, 0, 0}, {{"exponent", 1.0}}, {7}, at(8), ""},
      {"output", {4}, {}, {{"name", "dense.features"}}, {}, at(9), ""},
  };
  graph.loss = 7;
  return graph;
}

class ImportTest : public ::testing::Test {
protected:
  /// The text of the module, or an empty string; diagnostics go to `messages` as "file:line: text".
  std::string import(const Graph &graph, const ImportOptions &options = {}, bool withLocations = false) {
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
      auto loc = diagnostic.getLocation()->findInstanceOf<mlir::FileLineColLoc>();
      messages += loc ? (loc.getFilename().getValue() + ":" + std::to_string(loc.getLine())).str() : "unknown";
      messages += ": " + diagnostic.str() + "\n";
      return mlir::success();
    });
    auto module = jepa::importGraph(context, graph, options);
    if (failed(module))
      return "";
    std::string text;
    llvm::raw_string_ostream os(text);
    mlir::OpPrintingFlags flags;
    if (withLocations)
      flags.enableDebugInfo(true, false).useLocalScope();
    (*module)->print(os, flags);
    return text;
  }

  void expectHas(const std::string &text, const std::string &part) {
    EXPECT_NE(text.find(part), std::string::npos) << "no \"" << part << "\" in\n" << text << messages;
  }
  /// `graph` is refused with `message`, and no module comes out.
  void expectError(const Graph &graph, const std::string &message, const ImportOptions &options = {}) {
    EXPECT_EQ(import(graph, options), "");
    expectHas(messages, message);
  }

  mlir::MLIRContext context;
  std::string messages;
};

} // namespace

TEST_F(ImportTest, CopiesOpsTypesAndAttributes) {
  std::string text = import(makeGraph());
  EXPECT_EQ(messages, "");
  expectHas(text, "func.func @jepa_run(%arg0: tensor<2x8x4xf32, #jepa.axes<clip, token, embed>> {jepa.name = \"x\"}, "
                  "%arg1: tensor<2x3xi32, #jepa.axes<clip, \"context#0\">> "
                  "{jepa.mask = 8 : i64, jepa.name = \"mask0.context\"})");
  expectHas(text, "-> (tensor<f32> {jepa.name = \"loss\"}, "
                  "tensor<2x8x4xf32, #jepa.axes<clip, token, embed>> {jepa.name = \"dense.features\"})");
  expectHas(text, "jepa.parameter \"encoder.weight\" {init = \"trunc_normal\", jepa.scope = \"encoder\", "
                  "std = 2.000000e-02 : f64}");
  expectHas(text, "jepa.linear %arg0, %0 bias %1 {jepa.scope = \"encoder\"}");
  expectHas(text, "jepa.power_loss %3, %4 {exponent = 1.000000e+00 : f64}");
  expectHas(text, "return %5, %2");
  EXPECT_EQ(text.find("jepa.tap"), std::string::npos);
}

TEST_F(ImportTest, KeepsTapsOnRequest) {
  expectHas(import(makeGraph(), {.keepTaps = true}), "jepa.tap %3 {name = \"mask0.predicted\"}");
}

TEST_F(ImportTest, UsesTheElementTypeOfTheBuild) {
  std::string text = import(makeGraph(), {.elementType = jepa::RealType::F64});
  EXPECT_EQ(text.find("f32"), std::string::npos);
  expectHas(text, "tensor<2x3xi32");
}

TEST_F(ImportTest, GivesRaggedMasksALength) {
  expectHas(import(makeGraph(), {.raggedMasks = true}),
            "%arg2: tensor<1xi32> {jepa.length_of = \"context#0\", jepa.name = \"mask0.context.length\"}");
}

TEST_F(ImportTest, GivesPackedMasksBounds) {
  expectHas(import(makeGraph(), {.packedMasks = true}),
            "%arg2: tensor<3xi32> {jepa.bounds_of = \"context#0\", jepa.name = \"mask0.context.bounds\"}");
}

TEST_F(ImportTest, KeepsTheModelsLines) {
  std::string text = import(makeGraph(), {}, /*withLocations=*/true);
  expectHas(text, "loc(\"encoder\"(\"model.h\":4:7))");
  expectHas(text, "loc(\"model.h\":8:7)");
}

TEST_F(ImportTest, ImportsAGraphWithoutLoss) {
  Graph graph = makeGraph();
  graph.loss = -1;
  expectHas(import(graph), "-> (tensor<2x8x4xf32, #jepa.axes<clip, token, embed>> {jepa.name = \"dense.features\"})");
}

TEST_F(ImportTest, VerifierMessagesPointAtTheModel) {
  Graph graph = makeGraph();
  graph.types[2].shape = {4, 5};
  expectError(graph, "model.h:4: 'jepa.linear' op a weight of embed=4 x embed=5 takes 5 features to 4");
}

TEST_F(ImportTest, RefusesAnUnknownOp) {
  Graph graph = makeGraph();
  graph.nodes[4].op = "linaer";
  expectError(graph, "model.h:4: the jepa dialect has no op 'linaer'");
}

TEST_F(ImportTest, RefusesAValueThatNothingComputes) {
  Graph graph = makeGraph();
  graph.nodes[4].operands[0] = 5;
  expectError(graph, "model.h:4: 'linear' reads value 5, which no earlier node computes");
  messages.clear();
  graph.nodes[4].operands[0] = 99;
  expectError(graph, "model.h:4: 'linear' reads value 99, which no earlier node computes");
}

TEST_F(ImportTest, RefusesASecondDefinition) {
  Graph graph = makeGraph();
  graph.nodes[6].results = {5};
  expectError(graph, "model.h:6: 'gather_tokens' computes value 5 a second time");
}

TEST_F(ImportTest, RefusesAResultWithoutType) {
  Graph graph = makeGraph();
  graph.nodes[4].results = {8};
  expectError(graph, "model.h:4: value 8 has no type: the graph knows 8");
}

TEST_F(ImportTest, RefusesAxesThatDoNotFitTheShape) {
  Graph graph = makeGraph();
  graph.types[4].axes.pop_back();
  expectError(graph, "model.h:4: the tensor has 3 dimensions but 2 axis names");
}

TEST_F(ImportTest, RefusesAnEmptyAxis) {
  Graph graph = makeGraph();
  graph.types[4].shape[1] = 0;
  expectError(graph, "model.h:4: value 4 has an axis of size 0: every size must be positive");
}

TEST_F(ImportTest, RefusesAnAttributeThatTheOpDoesNotHave) {
  Graph graph = makeGraph();
  graph.nodes[8].attributes.emplace_back("exponnet", 2.0);
  expectError(graph, "model.h:8: 'jepa.power_loss' has no attribute 'exponnet'");
}

TEST_F(ImportTest, TurnsTrueIntoAFlagWhereTheOpHasOne) {
  Graph graph = makeGraph();
  // x x' of each clip.
  graph.types.push_back({{2, 8, 8}, {"clip", "token", "token"}, Element::Real});
  graph.nodes.push_back({"matmul", {0, 0}, {}, {{"trans_a", false}, {"trans_b", true}}, {8}, {"model.h", 9, 7}, ""});
  expectHas(import(graph), "jepa.matmul %arg0, %arg0 {trans_b} : ");
  EXPECT_EQ(messages, "");
  graph.nodes.back().attributes[1].second = std::string("yes");
  expectError(graph, "model.h:9: 'jepa.matmul' op attribute 'trans_b' failed to satisfy constraint: unit attribute");
}

TEST_F(ImportTest, RefusesAnAttributeOfTheWrongKind) {
  Graph graph = makeGraph();
  graph.nodes[8].attributes = {{"exponent", int64_t(1)}};
  expectError(graph, "model.h:8: 'jepa.power_loss' op attribute 'exponent' failed to satisfy constraint");
}

TEST_F(ImportTest, RefusesGroupsThatDoNotAddUp) {
  Graph graph = makeGraph();
  // An op whose operands MLIR must be told apart: x, optional weight, optional bias.
  graph.nodes[4] = {"layer_norm", {0, 3, 3}, {1, 1}, {{"eps", 1e-6}}, {4}, {"model.h", 4, 7}, ""};
  expectError(graph, "model.h:4: 'layer_norm' has 3 operands but groups of 2");
}

TEST_F(ImportTest, RefusesTwoInputsOfOneName) {
  Graph graph = makeGraph();
  graph.nodes[1].attributes[0].second = std::string("x");
  expectError(graph, "model.h:2: there are two inputs named 'x'");
}

TEST_F(ImportTest, RefusesAnInputWithoutName) {
  Graph graph = makeGraph();
  graph.nodes[0].attributes.clear();
  expectError(graph, "model.h:1: an input needs a name, one result and no operand");
}

TEST_F(ImportTest, RefusesAMaskLongerThanItsTokens) {
  Graph graph = makeGraph();
  graph.nodes[1].attributes[1].second = int64_t(2);
  expectError(graph, "lists 3 of 2 tokens: a mask has no more entries than there are tokens");
}

TEST_F(ImportTest, RefusesARaggedMaskWithoutAxes) {
  Graph graph = makeGraph();
  graph.types[1].axes.clear();
  expectError(graph, "model.h:2: mask 'mask0.context' (2 x 3) must be [clip, subset] with named axes",
              {.raggedMasks = true});
}

TEST_F(ImportTest, RefusesALossThatIsNoScalar) {
  Graph graph = makeGraph();
  graph.loss = 4;
  expectError(graph, "model.h:4: the loss must be a scalar but is clip=2 x token=8 x embed=4");
}

TEST_F(ImportTest, RefusesTwoOutputsOfOneName) {
  Graph graph = makeGraph();
  graph.nodes[9].attributes[0].second = std::string("loss");
  expectError(graph, "model.h:9: there are two outputs named 'loss'");
}
