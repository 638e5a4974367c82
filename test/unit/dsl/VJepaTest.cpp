//===- VJepaTest.cpp - the model's names, shapes, presets and refusals --===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "jepa/model.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <set>
#include <sstream>

using namespace jepa;

namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;
using Shapes = std::map<std::string, std::vector<std::int64_t>>;

Graph traced(const std::string &name, const Settings &settings = {}, Task task = Task::Train) {
  Choice choice = findPreset(name);
  for (const auto &[key, value] : settings)
    choice.config.set(key, value);
  choice.model->check(choice.config, task);
  return choice.model->trace(choice.config, task);
}

template <typename Value> const Value *attribute(const Node &node, const std::string &name) {
  for (const auto &[key, value] : node.attributes)
    if (key == name)
      return std::get_if<Value>(&value);
  return nullptr;
}

const ValueType &resultType(const Graph &graph, const Node &node) {
  return graph.types[static_cast<std::size_t>(node.results.at(0))];
}

Shapes parameters(const Graph &graph) {
  Shapes shapes;
  for (const Node &node : graph.nodes)
    if (node.op == "parameter")
      shapes[*attribute<std::string>(node, "name")] = resultType(graph, node).shape;
  return shapes;
}

std::size_t count(const Graph &graph, const std::string &op) {
  return static_cast<std::size_t>(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                                                [&](const Node &node) { return node.op == op; }));
}

std::set<std::string> named(const Graph &graph, const std::string &op) {
  std::set<std::string> names;
  for (const Node &node : graph.nodes)
    if (node.op == op)
      names.insert(*attribute<std::string>(node, "name"));
  return names;
}

/// The tensors of a safetensors file whose names begin with `prefix`, without it.
Shapes tensorsIn(const std::string &path, const std::string &prefix) {
  std::ifstream file(path, std::ios::binary);
  std::uint64_t length = 0;
  file.read(reinterpret_cast<char *>(&length), sizeof length);
  std::string header(length, ' ');
  file.read(header.data(), static_cast<std::streamsize>(length));
  static const std::regex entry(R"re("([^"]+)":\s*\{"dtype":\s*"\w+",\s*"shape":\s*\[([0-9, ]*)\])re");
  Shapes shapes;
  for (std::sregex_iterator i(header.begin(), header.end(), entry), end; i != end; ++i) {
    std::string name = (*i)[1], list = (*i)[2];
    if (name.compare(0, prefix.size(), prefix) != 0)
      continue;
    auto &shape = shapes[name.substr(prefix.size())];
    std::istringstream numbers(std::regex_replace(list, std::regex(","), " "));
    for (std::int64_t number; numbers >> number;)
      shape.push_back(number);
  }
  return shapes;
}

std::string vectors() { return JEPAC_SHARED_DIR "/vectors/vjepa-tiny.safetensors"; }

TEST(VJepa, NamesParametersAsTheReferenceDoes) {
  if (!std::ifstream(vectors()))
    GTEST_SKIP() << "no reference vectors at " << vectors();
  Shapes expected = tensorsIn(vectors(), "init.");
  std::erase_if(expected, [](const auto &entry) { return entry.first.ends_with("pos_embed"); });
  ASSERT_EQ(expected.size(), 112u);
  EXPECT_EQ(parameters(traced("vjepa-tiny")), expected);
}

TEST(VJepa, TakesAndTapsWhatTheReferenceHolds) {
  if (!std::ifstream(vectors()))
    GTEST_SKIP() << "no reference vectors at " << vectors();
  Shapes expected = tensorsIn(vectors(), ""), found;
  std::erase_if(expected, [](const auto &entry) {
    return std::regex_search(entry.first, std::regex("^(init|grad|final)\\.|losses"));
  });
  for (Task task : {Task::Train, Task::Embed}) {
    Graph graph = traced("vjepa-tiny", {}, task);
    for (const Node &node : graph.nodes) {
      if (node.op == "input")
        found[*attribute<std::string>(node, "name")] = resultType(graph, node).shape;
      if (node.op == "tap" || node.op == "output")
        found[*attribute<std::string>(node, "name")] =
            graph.types[static_cast<std::size_t>(node.operands[0])].shape;
    }
  }
  EXPECT_EQ(found, expected);
}

TEST(VJepa, HasThePublishedSizes) {
  struct Row {
    const char *preset;
    std::int64_t encoder, predictor;
  } rows[] = {{"vjepa-vitt16", 5633856, 21443136},   {"vjepa-vits16", 21884544, 21590784},
              {"vjepa-vitb16", 86236416, 21886080},  {"vjepa-vitl16", 303885312, 22082944},
              {"vjepa-vith16", 631648000, 22279808}, {"vjepa-vith16-384", 631648000, 22279808}};
  for (const Row &row : rows) {
    Graph graph = traced(row.preset, {{"context_tokens", "363,94"}, {"target_tokens", "750,1104"}});
    std::map<std::string, std::int64_t> total;
    for (const auto &[name, shape] : parameters(graph)) {
      std::int64_t size = 1;
      for (std::int64_t n : shape)
        size *= n;
      total[name.substr(0, name.find('.'))] += size;
    }
    EXPECT_EQ(total["encoder"], row.encoder) << row.preset;
    EXPECT_EQ(total["target_encoder"], row.encoder) << row.preset;
    EXPECT_EQ(total["predictor"], row.predictor) << row.preset;
  }
}

TEST(VJepa, DescribesItselfDensely) {
  Graph graph = traced("vjepa-tiny");
  // The teacher's three blocks attend to everything, the student's to the context, over all tokens.
  std::size_t masked = 0;
  for (const Node &node : graph.nodes)
    if (node.op == "attention" && node.operandGroups[3] == 1) {
      ++masked;
      EXPECT_EQ(resultType(graph, node).axes[1], "token");
    }
  EXPECT_EQ(masked, 6u);
  EXPECT_EQ(count(graph, "attention"), 3u + 2 * (3 + 2));
  EXPECT_EQ(count(graph, "gather_tokens"), 2u * 4);
  EXPECT_EQ(count(graph, "stop_gradient"), 1u);
  EXPECT_EQ(count(graph, "token_std"), 0u);
  ASSERT_GE(graph.loss, 0);
  EXPECT_TRUE(graph.types[static_cast<std::size_t>(graph.loss)].shape.empty());
}

TEST(VJepa, OperandsComeBeforeTheirUses) {
  for (Task task : {Task::Train, Task::Embed}) {
    Graph graph = traced("vjepa-tiny", {{"reg_coeff", "0.1"}}, task);
    std::int32_t defined = 0;
    for (const Node &node : graph.nodes) {
      std::int32_t grouped = 0;
      for (std::int32_t operand : node.operands)
        EXPECT_LT(operand, defined);
      for (std::int32_t size : node.operandGroups)
        grouped += size;
      if (!node.operandGroups.empty()) {
        EXPECT_EQ(grouped, static_cast<std::int32_t>(node.operands.size())) << node.op;
      }
      for (std::int32_t result : node.results)
        EXPECT_EQ(result, defined++);
    }
    EXPECT_EQ(defined, static_cast<std::int32_t>(graph.types.size()));
    for (const ValueType &type : graph.types)
      EXPECT_EQ(type.shape.size(), type.axes.size());
  }
}

TEST(VJepa, PointsAtItsOwnLines) {
  for (const Node &node : traced("vjepa-tiny").nodes) {
    EXPECT_TRUE(node.location.file.ends_with("models/vjepa/VJepa.h")) << node.op;
    EXPECT_GT(node.location.line, 0u);
  }
}

TEST(VJepa, RegularisesOnRequest) {
  Graph graph = traced("vjepa-tiny", {{"reg_coeff", "0.25"}, {"loss_exp", "2"}});
  EXPECT_EQ(count(graph, "token_std"), 2u);
  EXPECT_EQ(count(graph, "relu"), 1u);
  for (const Node &node : graph.nodes)
    if (node.op == "power_loss") {
      EXPECT_EQ(*attribute<double>(node, "exponent"), 2.0);
    }
}

TEST(VJepa, TakesAnyNumberOfMaskGroups) {
  EXPECT_EQ(named(traced("vjepa-tiny", {{"context_tokens", "9"}, {"target_tokens", "8"}}), "input"),
            (std::set<std::string>{"clip", "mask0.context", "mask0.target"}));
  Graph three = traced("vjepa-tiny", {{"context_tokens", "9,9,9"}, {"target_tokens", "8,8,8"}});
  EXPECT_EQ(count(three, "power_loss"), 3u);
  EXPECT_TRUE(parameters(three).count("predictor.mask_tokens.2"));
}

TEST(VJepa, ReadsImages) {
  Graph graph =
      traced("vjepa-tiny", {{"frames", "1"}, {"context_tokens", "5"}, {"target_tokens", "7"}});
  Shapes shapes = parameters(graph);
  EXPECT_EQ(shapes["encoder.patch_embed.proj.weight"], (std::vector<std::int64_t>{48, 3, 16, 16}));
  for (const Node &node : graph.nodes) {
    if (node.op == "patchify") {
      EXPECT_EQ(*attribute<std::int64_t>(node, "tubelet"), 1);
    }
    if (node.op == "position") {
      EXPECT_EQ(*attribute<std::string>(node, "kind"), "2d");
      EXPECT_EQ(*attribute<std::vector<std::int64_t>>(node, "grid"),
                (std::vector<std::int64_t>{1, 4, 4}));
    }
  }
}

TEST(VJepa, InterpolatesTheEncodersTable) {
  Graph graph = traced("vjepa-tiny", {{"position_crop", "32"}, {"position_frames", "4"}});
  for (const Node &node : graph.nodes)
    if (node.op == "position") {
      auto *trained = attribute<std::vector<std::int64_t>>(node, "trained_grid");
      ASSERT_EQ(trained != nullptr, node.scope != "predictor");
      if (trained) {
        EXPECT_EQ(*trained, (std::vector<std::int64_t>{2, 2, 2}));
      }
    }
}

TEST(VJepa, EmbedsWithTheEncoderAlone) {
  Graph graph = traced("vjepa-tiny", {{"context_tokens", "1000"}}, Task::Embed);
  EXPECT_EQ(graph.loss, -1);
  EXPECT_EQ(named(graph, "input"), std::set<std::string>{"clip"});
  EXPECT_EQ(named(graph, "output"), std::set<std::string>{"dense.norm"});
  for (const auto &[name, shape] : parameters(graph))
    EXPECT_EQ(name.substr(0, 8), "encoder.");
}

TEST(VJepa, RefusesInOneLine) {
  struct Row {
    Settings settings;
    const char *message;
  } rows[] = {
      {{{"crop", "100"}}, "patch 16 does not divide crop 100; the nearest is 96"},
      {{{"crop", "7"}}, "patch 16 does not divide crop 7; the nearest is 16"},
      {{{"position_crop", "40"}}, "patch 16 does not divide position_crop 40; the nearest is 48"},
      {{{"frames", "9"}},
       "tubelet 2 does not divide frames 9; take a multiple, or 1 for an image model"},
      {{{"position_frames", "1"}}, "setting 'position_frames' is '1', expected more than 1, as frames is"},
      {{{"frames", "1"}, {"position_frames", "8"}},
       "setting 'position_frames' is '8', expected 1, as frames is"},
      {{{"heads", "5"}}, "setting 'heads' is '5', expected a divisor of embed_dim 48"},
      {{{"heads", "16"}}, "setting 'heads' is '16', expected a divisor of predictor_embed_dim 24"},
      {{{"predictor_heads", "7"}},
       "setting 'predictor_heads' is '7', expected a divisor of predictor_embed_dim 24"},
      {{{"embed_dim", "51"}},
       "setting 'embed_dim' is '51', expected a multiple of 2, which sines and cosines of three "
       "directions share"},
      {{{"embed_dim", "54"}, {"uniform_power", "False"}},
       "setting 'embed_dim' is '54', expected a multiple of 8, which sines and cosines of three "
       "directions share"},
      {{{"frames", "1"}, {"predictor_embed_dim", "30"}},
       "setting 'predictor_embed_dim' is '30', expected a multiple of 4, which sines and cosines "
       "of two directions share"},
      {{{"mlp_ratio", "0"}},
       "setting 'mlp_ratio' is '0', expected a ratio that makes embed_dim 48 an inner width from 1 "
       "to 1048576"},
      {{{"depth", "0"}}, "setting 'depth' is '0', expected an integer from 1 to 1024"},
      {{{"batch", "-1"}}, "setting 'batch' is '-1', expected an integer from 1 to 65536"},
      {{{"crop", "1048576"}}, "setting 'crop' is '1048576', expected an integer from 1 to 65536"},
      {{{"frames", "65536"}, {"crop", "65536"}},
       "frames 65536 and crop 65536 make 549755813888 tokens, at most 1048576 are possible"},
      {{{"batch", "65536"}, {"crop", "4096"}},
       "batch 65536 of 8 frames of crop 4096 is more than a tensor can hold; make one of them "
       "smaller"},
      {{{"norm_eps", "0"}}, "setting 'norm_eps' is '0', expected a number above 0 and at most 1"},
      {{{"loss_exp", "0"}}, "setting 'loss_exp' is '0', expected a number above 0 and at most 16"},
      {{{"reg_coeff", "-1"}},
       "setting 'reg_coeff' is '-1', expected a number that is not negative"},
      {{{"context_tokens", "24,65"}},
       "setting 'context_tokens' is '24,65', expected counts from 1 to the 64 tokens of a clip"},
      {{{"target_tokens", "0,36"}},
       "setting 'target_tokens' is '0,36', expected counts from 1 to the 64 tokens of a clip"},
      {{{"context_tokens", "24"}},
       "setting 'target_tokens' is '32,36', expected as many counts as context_tokens '24' has"},
      {{{"target_tokens", "1,36"}, {"reg_coeff", "1"}},
       "setting 'target_tokens' is '1,36', expected at least 2 in each group, because reg_coeff "
       "takes their variance"},
      {{{"uniform_power", "maybe"}},
       "setting 'uniform_power' is 'maybe', expected True or False"},
      {{{"lr", "-1"}}, "setting 'lr' is '-1', expected a number that is not negative"},
      {{{"clip_grad", "-1"}},
       "setting 'clip_grad' is '-1', expected a number that is not negative"},
      {{{"ema", "1.5"}}, "setting 'ema' is '1.5', expected a number from 0 to 1"},
      {{{"final_ema", "2"}}, "setting 'final_ema' is '2', expected a number from 0 to 1"},
      {{{"betas", "0.9"}},
       "setting 'betas' is '0.9', expected two numbers from 0 to below 1, as 0.9,0.999"},
      {{{"betas", "0.9,1"}},
       "setting 'betas' is '0.9,1', expected two numbers from 0 to below 1, as 0.9,0.999"},
      {{{"warmup_steps", "-2"}},
       "setting 'warmup_steps' is '-2', expected an integer that is not negative"},
      {{{"seed", ""}}, "setting 'seed' is '', expected an integer that is not negative"},
      {{{"context_tokens", ""}, {"target_tokens", ""}},
       "setting 'context_tokens' is '', expected a count for each mask group"},
  };
  for (const Row &row : rows) {
    try {
      traced("vjepa-tiny", row.settings);
      ADD_FAILURE() << "accepted: " << row.message;
    } catch (const ConfigError &error) {
      EXPECT_STREQ(error.what(), row.message);
    }
  }
}

TEST(VJepa, EveryPresetIsBuildable) {
  const Model &model = *findPreset("vjepa").model;
  EXPECT_EQ(model.presets.size(), 7u);
  for (const Preset &preset : model.presets)
    for (Task task : {Task::Train, Task::Embed})
      EXPECT_NO_THROW(model.check(findPreset(preset.name).config, task)) << preset.name;
}

} // namespace
