//===- FrameJepa.cpp - an image JEPA in a page ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// I-JEPA's idea (Assran et al. 2023) on single frames: from the visible patches
// of a picture, predict a slow teacher's features of the hidden ones. It is one
// narrow transformer for both, dense as models are: that only visible patches
// are computed is the compiler's doing.
//
//===----------------------------------------------------------------------===//

#include "jepa/dsl.h"
#include "jepa/model.h"

using namespace jepa;

namespace {

constexpr double eps = 1e-6;
constexpr Patch patch = {8, 1};

template <Axis Seq>
Tensor<Clip, Seq, Embed> block(Size heads, Tensor<Clip, Seq, Embed> x, Visible<Seq> visible = {}) {
  {
    Module module("attn");
    auto [q, k, v] = split(linear<Stacked<3, Embed>>("qkv", layerNorm("norm", x, eps)));
    x += linear<Embed>("proj", attend(q, k, v, heads, visible));
  }
  Module module("mlp");
  return x + linear<Embed>("fc2", gelu(linear<Hidden<Embed>>("fc1", layerNorm("norm", x, eps))));
}

Tensor<Clip, Token, Embed> encode(const Config &config, Video clip, Visible<Token> visible = {}) {
  auto x = patchEmbed<Embed>("patch_embed", clip, patch);
  x += positions<Embed>(patchGrid(clip, patch), true);
  for (Size i = 0; i < config.integer("depth"); ++i) {
    Module module("blocks", i);
    x = block(config.integer("heads"), x, visible);
  }
  return layerNorm("norm", x, eps);
}

Tensor<Clip, Target, Embed> predict(const Config &config, Grid grid, Tensor<Clip, Context, Embed> seen,
                                    const MaskPair &m) {
  Module module("predictor");
  auto hidden = select(positions<Embed>(grid, true), m.target) + parameter<One, One, Embed>("mask_token", zeros());
  Module inner("block");
  return linear<Embed>("proj", segment<Target>(block(config.integer("heads"), concat(seen, hidden))));
}

Video begin(const Config &config) {
  Size width = config.integer("embed_dim"), crop = config.integer("crop");
  bind<Clip>(config.integer("batch"));
  bind<Channel>(3);
  bind<Frame>(1);
  bind<Row>(crop);
  bind<Column>(crop);
  bind<Token>(patchGrid(1, crop, crop, patch).tokens());
  bind<Embed>(width);
  bind<Hidden<Embed>>(2 * width);
  return input<Clip, Channel, Frame, Row, Column>("clip");
}

Graph trace(const Config &config, Task task) {
  Trace recording;
  Video clip = begin(config);
  if (task == Task::Embed) {
    Module module("encoder");
    output("dense.norm", encode(config, clip));
    return recording.finish();
  }
  auto target = [&] {
    Teacher module("target_encoder", "encoder");
    return stopGradient(normalize(encode(config, clip), 1e-5));
  }();
  std::vector<Scalar> losses;
  for (const MaskPair &m : maskPairs(config.integerList("context_tokens"), config.integerList("target_tokens"))) {
    auto seen = [&] {
      Module module("encoder");
      return select(encode(config, clip, attendTo(m.context)), m.context);
    }();
    losses.push_back(l1(predict(config, patchGrid(clip, patch), seen, m), select(target, m.target)));
  }
  return recording.finish(average(losses));
}

void check(const Config &config, Task) {
  if (config.integer("crop") % patch.size != 0)
    throw ConfigError("crop " + config.text("crop") + " is not a multiple of the patch, 8");
  if (config.integer("frames") != 1)
    throw ConfigError("frame-jepa looks at single frames; leave frames at 1");
  if (config.integer("embed_dim") % (4 * config.integer("heads")) != 0)
    throw ConfigError("embed_dim " + config.text("embed_dim") + " is not a multiple of 4 times heads");
}

Model model() {
  constexpr auto geometry = SettingKind::Geometry;
  constexpr auto optimiser = SettingKind::Optimiser;
  return {.name = "frame-jepa",
          .summary = "predicts the features of hidden patches of single frames",
          .settings = {{"crop", "64", "rows and columns of a frame", geometry},
                       {"frames", "1", "frames of a clip: one", geometry},
                       {"patch", "8", "rows and columns of a patch", geometry},
                       {"tubelet", "1", "frames of a patch: one", geometry},
                       {"in_chans", "3", "channels of a frame", geometry},
                       {"embed_dim", "64", "width", geometry},
                       {"depth", "3", "blocks of the encoder", geometry},
                       {"heads", "2", "attention heads", geometry},
                       {"batch", "16", "frames of a step", geometry},
                       {"context_tokens", "", "visible tokens of each mask group", geometry},
                       {"target_tokens", "", "predicted tokens of each mask group", geometry},
                       {"lr", "0.001", "learning rate", optimiser},
                       {"weight_decay", "0.04", "weight decay", optimiser},
                       {"ema", "0.99", "momentum of the target encoder", optimiser},
                       {"betas", "0.9,0.999", "decay of AdamW's two moments", optimiser},
                       {"eps", "1e-08", "epsilon of AdamW", optimiser},
                       {"seed", "234", "of weights, clips and masks", optimiser}},
          .presets = {},
          .check = check,
          .trace = trace};
}

} // namespace

JEPA_REGISTER_MODEL(model);
