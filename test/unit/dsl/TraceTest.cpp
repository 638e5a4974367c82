//===- TraceTest.cpp - what the language records, and what it refuses ---===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "jepa/dsl.h"

#include <gtest/gtest.h>

using namespace jepa;

namespace {

using All = Tensor<Clip, Token, Embed>;

/// An open trace with two clips of `tokens` tokens of width 48.
struct Fixture : testing::Test {
  Fixture() {
    bind<Clip>(2);
    bind<Token>(64);
    bind<Embed>(48);
    bind<Hidden<Embed>>(192);
  }

  All x() { return input<Clip, Token, Embed>("x"); }

  template <typename Function> std::string refusal(Function function) {
    try {
      function();
    } catch (const TraceError &error) {
      std::string message = error.what(), file = __FILE__;
      EXPECT_EQ(message.substr(0, file.size() + 1), file + ":") << "names the model's own file";
      return message.substr(message.find(": ") + 2);
    }
    return "nothing was refused";
  }

  Graph finish() { return trace.finish(); }

  Trace trace;
};

std::vector<std::string> ops(const Graph &graph) {
  std::vector<std::string> names;
  for (const Node &node : graph.nodes)
    names.push_back(node.op);
  return names;
}

using Names = std::vector<std::string>;

struct Language : Fixture {};
struct Refusals : Fixture {};

TEST_F(Language, RecordsTheLineOfEachOperator) {
  All a = x();
  std::uint32_t line = __LINE__ + 1;
  All b = a + a;
  All c = 2 * b;
  a += c;
  gelu(a);
  Graph graph = finish();
  ASSERT_EQ(ops(graph), (Names{"input", "add", "scale", "add", "gelu"}));
  for (std::size_t i = 1; i < graph.nodes.size(); ++i) {
    EXPECT_EQ(graph.nodes[i].location.file, __FILE__);
    EXPECT_EQ(graph.nodes[i].location.line, line + i - 1) << graph.nodes[i].op;
  }
}

TEST_F(Language, WritesFormulasAsScales) {
  All a = x();
  1.0 - a;
  a - 1.0;
  a + 2;
  a *Number(3);
  a - a;
  Graph graph = finish();
  auto scale = [&](std::size_t node) {
    return std::pair(std::get<double>(graph.nodes[node].attributes[0].second),
                     std::get<double>(graph.nodes[node].attributes[1].second));
  };
  EXPECT_EQ(scale(1), std::pair(-1.0, 1.0));
  EXPECT_EQ(scale(2), std::pair(1.0, -1.0));
  EXPECT_EQ(scale(3), std::pair(1.0, 2.0));
  EXPECT_EQ(scale(4), std::pair(3.0, 0.0));
  EXPECT_EQ(scale(5), std::pair(-1.0, 0.0));
  EXPECT_EQ(graph.nodes[6].op, "add");
}

TEST_F(Language, NamesParametersByTheirModules) {
  {
    Module outer("encoder");
    Module inner("blocks", 3);
    layerNorm("norm1", linear<Hidden<Embed>>("fc1", x()), 1e-6);
  }
  linear<Embed>("proj", x());
  Names names, scopes;
  Graph graph = finish();
  for (const Node &node : graph.nodes)
    if (node.op == "parameter") {
      names.push_back(std::get<std::string>(node.attributes[0].second));
      scopes.push_back(node.scope);
    }
  EXPECT_EQ(names, (Names{"encoder.blocks.3.fc1.weight", "encoder.blocks.3.fc1.bias",
                          "encoder.blocks.3.norm1.weight", "encoder.blocks.3.norm1.bias",
                          "proj.weight", "proj.bias"}));
  EXPECT_EQ(scopes.front(), "encoder.blocks.3.fc1");
}

TEST_F(Language, MakesAParameterOnce) {
  All a = linear<Embed>("proj", x());
  linear<Embed>("proj", a);
  EXPECT_EQ(ops(finish()), (Names{"input", "parameter", "parameter", "linear", "linear"}));
}

TEST_F(Language, GivesEachMaskItsOwnAxis) {
  auto pairs = maskPairs(std::vector<Size>{24, 28}, std::vector<Size>{32, 36});
  All a = x();
  auto seen = select(a, pairs[1].context);
  auto both = concat(seen, select(a, pairs[1].target));
  auto part = segment<Target>(both);
  EXPECT_EQ(detail::describe(seen.type()), "[clip 2, context#1 28, embed 48]");
  EXPECT_EQ(detail::describe(both.type()), "[clip 2, context#1+target#1 64, embed 48]");
  EXPECT_EQ(detail::describe(part.type()), "[clip 2, target#1 36, embed 48]");
  Graph graph = finish();
  const Node &mask = graph.nodes[2];
  EXPECT_EQ(mask.op, "input");
  EXPECT_EQ(std::get<std::string>(mask.attributes[0].second), "mask1.context");
  EXPECT_EQ(std::get<std::int64_t>(mask.attributes[1].second), 64);
  EXPECT_EQ(graph.types[static_cast<std::size_t>(mask.results[0])].element, Element::Index);
  EXPECT_EQ(std::get<std::int64_t>(graph.nodes.back().attributes[0].second), 28);
}

TEST_F(Language, AttendsToAllOrToAMask) {
  Mask<Context> mask("mask", 24);
  All a = x();
  attend(a, a, a, 3);
  attend(a, a, a, 3, attendTo(mask));
  Graph graph = finish();
  EXPECT_EQ(graph.nodes[2].operandGroups, (std::vector<std::int32_t>{1, 1, 1, 0, 0, 0, 0}));
  EXPECT_EQ(graph.nodes[3].operandGroups, (std::vector<std::int32_t>{1, 1, 1, 1, 0, 0, 0}));
  EXPECT_EQ(graph.nodes[3].operands.back(), mask.value());
  ASSERT_EQ(graph.nodes[3].results.size(), 2u);
  EXPECT_EQ(detail::describe(graph.types[static_cast<std::size_t>(graph.nodes[3].results[1])]),
            "[clip 2, heads 3, token 64]");
}

TEST_F(Language, WritesAttentionInParts) {
  Mask<Context> mask("mask", 24);
  All a = x();
  auto q = splitHeads(a, 3);
  auto scores = matmulTransposed(q, splitHeads(a, 3));
  auto seen = softmax(0.25 * scores, attendTo(mask));
  All y = mergeHeads(matmul(seen, q));
  softmax(scores, Visible<Token>());
  EXPECT_EQ(detail::describe(q.type()), "[clip 2, heads 3, token 64, embed.head 16]");
  EXPECT_EQ(detail::describe(scores.type()), "[clip 2, heads 3, token 64, token 64]");
  EXPECT_EQ(detail::describe(y.type()), "[clip 2, token 64, embed 48]");
  Graph graph = finish();
  EXPECT_EQ(ops(graph), (Names{"input", "input", "split_heads", "split_heads", "matmul", "scale", "softmax", "matmul",
                               "merge_heads", "softmax"}));
  EXPECT_TRUE(std::get<bool>(graph.nodes[4].attributes[0].second));
  EXPECT_EQ(graph.nodes[6].operands.back(), mask.value());
  EXPECT_TRUE(graph.nodes[7].attributes.empty());
  EXPECT_EQ(graph.nodes[9].operands.size(), 1u);
}

TEST_F(Language, LetsATeacherFollowItsStudent) {
  {
    Teacher teacher("teacher", "student");
    linear<Embed>("proj", x());
  }
  All y = [&] {
    Module student("student");
    return linear<Embed>("proj", x());
  }();
  Graph graph = trace.finish(mean(y));
  const Node &weight = graph.nodes[1];
  EXPECT_FALSE(std::get<bool>(weight.attributes[3].second));
  EXPECT_EQ(std::get<std::string>(weight.attributes[4].second), "student.proj.weight");
  EXPECT_EQ(graph.loss, graph.nodes.back().results[0]);
}

TEST_F(Language, BindsTheInnermostTrace) {
  {
    Trace inner;
    bind<Clip>(7);
    EXPECT_EQ(sizeOf<Clip>(), 7);
  }
  EXPECT_EQ(sizeOf<Clip>(), 2);
}

TEST(NoTrace, IsRefused) {
  EXPECT_THROW(bind<Clip>(2), TraceError);
}

TEST_F(Refusals, SizesThatContradict) {
  EXPECT_NE(refusal([] { bind<Clip>(3); }).find("axis clip has size 2 since line "),
            std::string::npos);
  EXPECT_EQ(refusal([] { bind<Frame>(0); }), "axis frame cannot have size 0");
  EXPECT_EQ(refusal([] { sizeOf<Frame>(); }), "axis frame has no size; bind it before its first use");
  EXPECT_EQ(refusal([] { exactly(7, 2); }), "2 does not divide 7");
}

TEST_F(Refusals, MasksOfDifferentGroups) {
  auto pairs = maskPairs(std::vector<Size>{24, 24}, std::vector<Size>{32, 36});
  All a = x();
  auto left = select(a, pairs[0].context), right = select(a, pairs[1].context);
  EXPECT_EQ(refusal([&] { left + right; }),
            "add: [clip 2, context#0 24, embed 48] and [clip 2, context#1 24, embed 48] do not have "
            "the same context#0");
  EXPECT_EQ(refusal([&] { l1(left, right); }),
            "powerLoss: [clip 2, context#0 24, embed 48] and [clip 2, context#1 24, embed 48] do "
            "not have the same context#0");
  EXPECT_EQ(refusal([&] { attend(a, left, right, 3); }),
            "attend: [clip 2, context#0 24, embed 48] and [clip 2, context#1 24, embed 48] do not "
            "have the same context#0");
  auto scores = matmulTransposed(splitHeads(a, 3), splitHeads(left, 3));
  EXPECT_EQ(refusal([&] { matmul(scores, splitHeads(right, 3)); }),
            "matmul: [clip 2, heads 3, token 64, context#0 24] and [clip 2, heads 3, context#1 24, embed.head 16] do "
            "not have the same context#0");
}

TEST_F(Refusals, CountsOfMasks) {
  EXPECT_EQ(refusal([] { Mask<Context>("m", 65); }), "mask 'm' keeps 65 of 64 tokens");
  EXPECT_EQ(refusal([] { Mask<Context>("m", 0); }), "mask 'm' keeps 0 of 64 tokens");
  EXPECT_EQ(refusal([] { maskPairs(std::vector<Size>{1}, std::vector<Size>{}); }),
            "maskPairs: 1 contexts and 0 targets");
  EXPECT_EQ(refusal([&] { tokenStd(select(x(), Mask<Context>("m", 1)), 1e-4); }),
            "tokenStd: [clip 2, context#0 1, embed 48] has one token, which does not vary");
}

TEST_F(Refusals, HeadsAndWidths) {
  All a = x();
  EXPECT_EQ(refusal([&] { attend(a, a, a, 5); }),
            "attend: 5 heads do not divide the width of [clip 2, token 64, embed 48]");
  EXPECT_EQ(refusal([&] { splitHeads(a, 5); }),
            "splitHeads: 5 heads do not divide the width of [clip 2, token 64, embed 48]");
  EXPECT_EQ(refusal([&] { matmulTransposed(splitHeads(a, 3), splitHeads(a, 4)); }),
            "matmulTransposed: [clip 2, heads 3, token 64, embed.head 16] and [clip 2, heads 4, token 64, embed.head "
            "12] do not have the same heads");
  struct Odd : Named<"odd"> {};
  bind<Odd>(49);
  EXPECT_EQ(refusal([] { positions<Odd>({4, 4, 4}, true); }),
            "positions: the width is 49, sines and cosines need a multiple of 2");
  EXPECT_EQ(refusal([] { positions<Embed>({4, 4, 4}, true, Grid{1, 4, 4, true}); }),
            "positions: a table of images cannot serve clips, nor one of clips images");
  EXPECT_EQ(refusal([] { average(std::vector<Scalar>()); }), "average of nothing");
}

TEST_F(Refusals, ParametersThatChange) {
  linear<Hidden<Embed>>("proj", x());
  EXPECT_EQ(refusal([&] { linear<Embed>("proj", x()); }),
            "parameter 'proj.weight' is [embed.hidden 192, embed 48] elsewhere and [embed 48, embed "
            "48] here");
}

TEST_F(Refusals, TeachersWithoutStudents) {
  All y = [&] {
    Teacher teacher("teacher", "student");
    EXPECT_EQ(refusal([] { Teacher inner("inner", "student"); }),
              "teacher 'inner' is inside teacher 'teacher'");
    return linear<Embed>("proj", x());
  }();
  EXPECT_EQ(refusal([&] { trace.finish(mean(y)); }),
            "teacher parameter 'teacher.proj.bias' follows 'student.proj.bias', which the model "
            "does not train");
}

} // namespace
