//===- DenseModel.cpp - attention over all tokens, forward and backward ---===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A JEPA that hides nothing: a student of every patch follows a slow teacher.
// No use as a model; its step has attention's adjoint over as many tokens as
// the clip has, which the published models never compute.
//
//===----------------------------------------------------------------------===//

#include "jepa/dsl.h"
#include "jepa/model.h"

using namespace jepa;

namespace {

constexpr Patch patch = {16, 2};

Tensor<Clip, Token, Embed> encode(const Config &config, Video clip) {
  auto x = patchEmbed<Embed>("patch_embed", clip, patch);
  x += positions<Embed>(patchGrid(clip, patch), true);
  for (Size i = 0; i < config.integer("depth"); ++i) {
    Module module("blocks", i);
    auto [q, k, v] = split(linear<Stacked<3, Embed>>("qkv", layerNorm("norm", x, 1e-6)));
    x += linear<Embed>("proj", attend(q, k, v, config.integer("heads")));
  }
  return layerNorm("norm", x, 1e-6);
}

Graph trace(const Config &config, Task) {
  Trace recording;
  bind<Clip>(config.integer("batch"));
  bind<Channel>(3);
  bind<Frame>(config.integer("frames"));
  bind<Row>(config.integer("crop"));
  bind<Column>(config.integer("crop"));
  bind<Embed>(config.integer("embed_dim"));
  Video clip = input<Clip, Channel, Frame, Row, Column>("clip");
  bind<Token>(patchGrid(clip, patch).tokens());
  auto target = [&] {
    Teacher module("target_encoder", "encoder");
    return stopGradient(encode(config, clip));
  }();
  auto found = [&] {
    Module module("encoder");
    return encode(config, clip);
  }();
  return recording.finish(l1(found, target));
}

void check(const Config &config, Task task) {
  if (task == Task::Embed)
    throw ConfigError("dense-attention is there to be timed in training; build it with --task train");
  if (config.integer("embed_dim") % (2 * config.integer("heads")) != 0)
    throw ConfigError("embed_dim " + config.text("embed_dim") + " is not an even multiple of heads");
}

Model model() {
  constexpr auto geometry = SettingKind::Geometry;
  constexpr auto optimiser = SettingKind::Optimiser;
  return {.name = "dense-attention",
          .summary = "attention over every token, forward and backward, to be timed",
          .settings = {{"crop", "224", "rows and columns of a clip", geometry},
                       {"frames", "16", "frames of a clip", geometry},
                       {"patch", "16", "rows and columns of a patch", geometry},
                       {"tubelet", "2", "frames of a patch", geometry},
                       {"in_chans", "3", "channels of a clip", geometry},
                       {"embed_dim", "1024", "width", geometry},
                       {"depth", "2", "blocks", geometry},
                       {"heads", "16", "attention heads", geometry},
                       {"batch", "24", "clips of a step", geometry},
                       {"context_tokens", "", "none", geometry},
                       {"target_tokens", "", "none", geometry},
                       {"lr", "0.001", "learning rate", optimiser},
                       {"weight_decay", "0.04", "weight decay", optimiser},
                       {"ema", "0.99", "momentum of the target encoder", optimiser},
                       {"betas", "0.9,0.999", "decay of AdamW's two moments", optimiser},
                       {"eps", "1e-08", "epsilon of AdamW", optimiser},
                       {"seed", "234", "of weights and clips", optimiser}},
          .presets = {},
          .check = check,
          .trace = trace};
}

} // namespace

JEPA_REGISTER_MODEL(model);
