//===- PartsModel.cpp - one model, its attention whole or in parts ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A joint-embedding predictor of one layer each, in which `--set parts=1`
// writes every attention, the masked one too, as products and a softmax.
// `--set watch=1` looks at a matrix of probabilities, which then must exist.
//
//===----------------------------------------------------------------------===//

#include "jepa/dsl.h"
#include "jepa/model.h"

#include <cmath>

using namespace jepa;

namespace {

constexpr Patch patch = {8, 2};
constexpr Size heads = 3;

template <Axis Seq>
Tensor<Clip, Seq, Embed> attention(const Config &config, Tensor<Clip, Seq, Embed> x, Visible<Seq> visible) {
  auto [q, k, v] = split(linear<Stacked<3, Embed>>("qkv", x));
  if (config.integer("parts") == 0)
    return attend(q, k, v, heads, visible);
  double width = static_cast<double>(sizeOf<Embed>() / heads);
  auto scores = matmulTransposed(splitHeads(q, heads), splitHeads(k, heads));
  auto seen = softmax(scores * (1 / std::sqrt(width)), visible);
  if (config.integer("watch") != 0 && visible.all())
    output("probabilities", seen);
  return mergeHeads(matmul(seen, splitHeads(v, heads)));
}

template <Axis Seq>
Tensor<Clip, Seq, Embed> layer(const Config &config, Tensor<Clip, Seq, Embed> x, Visible<Seq> visible = {}) {
  x += linear<Embed>("proj", attention(config, normalize(x, 1e-6), visible));
  return x + linear<Embed>("fc", gelu(normalize(x, 1e-6)));
}

Tensor<Clip, Token, Embed> encode(const Config &config, Video clip, Visible<Token> visible = {}) {
  auto x = patchEmbed<Embed>("patch_embed", clip, patch) + positions<Embed>(patchGrid(clip, patch), true);
  return normalize(layer(config, x, visible), 1e-6);
}

Graph trace(const Config &config, Task task) {
  Trace recording;
  bind<Clip>(config.integer("batch"));
  bind<Channel>(3);
  bind<Frame>(config.integer("frames"));
  bind<Row>(config.integer("crop"));
  bind<Column>(config.integer("crop"));
  bind<Embed>(48);
  Video clip = input<Clip, Channel, Frame, Row, Column>("clip");
  Grid grid = patchGrid(clip, patch);
  bind<Token>(grid.tokens());
  if (task == Task::Embed) {
    Module module("encoder");
    output("dense.norm", encode(config, clip));
    return recording.finish();
  }
  auto target = [&] {
    Teacher module("target_encoder", "encoder");
    return stopGradient(encode(config, clip));
  }();
  std::vector<Scalar> losses;
  for (const MaskPair &m : maskPairs(config.integerList("context_tokens"), config.integerList("target_tokens"))) {
    auto seen = [&] {
      Module module("encoder");
      return select(encode(config, clip, attendTo(m.context)), m.context);
    }();
    Module module("predictor");
    auto hidden = select(positions<Embed>(grid, true), m.target) + parameter<One, One, Embed>("mask_token", zeros());
    losses.push_back(l1(segment<Target>(layer(config, concat(seen, hidden))), select(target, m.target)));
  }
  return recording.finish(average(losses));
}

Model model() {
  constexpr auto geometry = SettingKind::Geometry;
  constexpr auto optimiser = SettingKind::Optimiser;
  return {"parts-model",
          "attention whole or in parts",
          {{"parts", "0", "1 writes attention in parts", geometry},
           {"watch", "0", "1 puts probabilities out", geometry},
           {"batch", "2", "clips", geometry},
           {"frames", "8", "frames", geometry},
           {"crop", "32", "rows and columns", geometry},
           {"patch", "8", "rows and columns of a patch", geometry},
           {"tubelet", "2", "frames of a patch", geometry},
           {"in_chans", "3", "channels", geometry},
           {"context_tokens", "24,17", "visible tokens of each group", geometry},
           {"target_tokens", "32,34", "predicted tokens of each group", geometry},
           {"lr", "0.001", "learning rate", optimiser},
           {"weight_decay", "0.04", "weight decay", optimiser},
           {"ema", "0.99", "momentum of the target encoder", optimiser},
           {"betas", "0.9,0.999", "decay of AdamW's moments", optimiser},
           {"eps", "1e-08", "epsilon of AdamW", optimiser},
           {"seed", "234", "of weights, clips and masks", optimiser}},
          {},
          [](const Config &config, Task) { config.integer("batch"); },
          trace};
}

} // namespace

JEPA_REGISTER_MODEL(model);
