//===- VJepa.h - V-JEPA: predict what is hidden, in feature space -------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Bardes et al., "Revisiting Feature Prediction for Learning Visual
// Representations from Video", 2024. The text below is dense: the encoder runs
// over every token and only says which ones may be looked at. That the binary
// computes with the visible ones alone is the compiler's doing.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_MODELS_VJEPA_H
#define JEPA_MODELS_VJEPA_H

#include "jepa/dsl.h"

namespace jepa::vjepa {

/// The predictor is narrower than the encoder.
struct PredictorEmbed : Named<"predictor_embed"> {};

struct Transformer {
  Size width, depth, heads, hidden;
  double eps;
};

struct VJepa {
  Size batch, channels, frames, crop;
  Patch patch;
  Transformer encoder, predictor;
  bool uniformPower;
  std::optional<Grid> trainedGrid;
  double lossExponent, regularization;
  std::vector<Size> contextTokens, targetTokens;
};

template <Axis Seq, Axis Width>
Tensor<Clip, Seq, Width> attention(const Transformer &c, Tensor<Clip, Seq, Width> x,
                                   Visible<Seq> visible) {
  Module module("attn");
  auto [q, k, v] = split(linear<Stacked<3, Width>>("qkv", x));
  return linear<Width>("proj", attend(q, k, v, c.heads, visible));
}

template <Axis Seq, Axis Width> Tensor<Clip, Seq, Width> mlp(Tensor<Clip, Seq, Width> x) {
  Module module("mlp");
  return linear<Width>("fc2", gelu(linear<Hidden<Width>>("fc1", x)));
}

template <Axis Seq, Axis Width>
Tensor<Clip, Seq, Width> block(const Transformer &c, Tensor<Clip, Seq, Width> x,
                               Visible<Seq> visible = {}) {
  x += attention(c, layerNorm("norm1", x, c.eps), visible);
  return x + mlp(layerNorm("norm2", x, c.eps));
}

/// The vision transformer. `watched` names what it computes on the way.
inline Tensor<Clip, Token, Embed> encoder(const VJepa &c, Video clip, Visible<Token> visible = {},
                                          bool watched = false) {
  auto watch = [&](const std::string &name, auto x) { return watched ? tap(name, x) : x; };
  auto x = patchEmbed<Embed>("patch_embed", clip, c.patch);
  x += positions<Embed>(patchGrid(clip, c.patch), c.uniformPower, c.trainedGrid);
  watch("dense.tokens", x);
  for (Size i = 0; i < c.encoder.depth; ++i) {
    Module module("blocks", i);
    x = watch("dense.block" + std::to_string(i), block(c.encoder, x, visible));
  }
  return layerNorm("norm", x, c.encoder.eps);
}

inline Tensor<Clip, Token, Embed> student(const VJepa &c, Video clip, Visible<Token> visible) {
  Module module("encoder");
  return encoder(c, clip, visible);
}

/// The student's moving average. It sees everything.
inline Tensor<Clip, Token, Embed> teacher(const VJepa &c, Video clip) {
  Teacher module("target_encoder", "encoder");
  return encoder(c, clip);
}

/// From the seen tokens, and from where the hidden ones are, to their features.
inline Tensor<Clip, Target, Embed> predictor(const VJepa &c, Grid grid,
                                             Tensor<Clip, Context, Embed> seen, const MaskPair &m) {
  Module module("predictor");
  auto places = positions<PredictorEmbed>(grid, c.uniformPower);
  auto maskToken = parameter<One, One, PredictorEmbed>("mask_tokens." + std::to_string(m.index),
                                                       zeros());
  auto context = linear<PredictorEmbed>("predictor_embed", seen);
  context += select(places, m.context);
  auto hidden = select(places, m.target) + maskToken;
  auto x = concat(context, hidden);
  for (Size i = 0; i < c.predictor.depth; ++i) {
    Module module("predictor_blocks", i);
    x = block(c.predictor, x);
  }
  x = layerNorm("predictor_norm", x, c.predictor.eps);
  return linear<Embed>("predictor_proj", segment<Target>(x));
}

/// Specialises the axes and takes the clip.
inline Video begin(const VJepa &c) {
  bind<Clip>(c.batch);
  bind<Channel>(c.channels);
  bind<Frame>(c.frames);
  bind<Row>(c.crop);
  bind<Column>(c.crop);
  bind<Token>(patchGrid(c.frames, c.crop, c.crop, c.patch).tokens());
  bind<Embed>(c.encoder.width);
  bind<Hidden<Embed>>(c.encoder.hidden);
  bind<PredictorEmbed>(c.predictor.width);
  bind<Hidden<PredictorEmbed>>(c.predictor.hidden);
  return input<Clip, Channel, Frame, Row, Column>("clip");
}

/// What training minimises: the distance to the teacher's features of hidden tokens.
inline Scalar objective(const VJepa &c) {
  Video clip = begin(c);
  Grid grid = patchGrid(clip, c.patch);
  auto target = tap("target.normalized", stopGradient(normalize(teacher(c, clip), 1e-5)));

  std::vector<Scalar> losses;
  std::vector<Tensor<Clip, Embed>> spreads;
  for (const MaskPair &m : maskPairs(c.contextTokens, c.targetTokens)) {
    std::string group = "mask" + std::to_string(m.index);
    auto seen = tap(group + ".encoded_context",
                    select(student(c, clip, attendTo(m.context)), m.context));
    auto predicted = tap(group + ".predicted", predictor(c, grid, seen, m));
    auto wanted = tap(group + ".target_features", select(target, m.target));
    losses.push_back(powerLoss(predicted, wanted, c.lossExponent));
    if (c.regularization != 0)
      spreads.push_back(tokenStd(predicted, 1e-4));
  }
  Scalar loss = average(losses);
  if (c.regularization != 0)
    loss += c.regularization * mean(relu(1.0 - average(spreads)));
  return loss;
}

/// The encoder's features of all tokens.
inline void embed(const VJepa &c) {
  Video clip = begin(c);
  Module module("encoder");
  output("dense.norm", encoder(c, clip, {}, /*watched=*/true));
}

} // namespace jepa::vjepa

#endif // JEPA_MODELS_VJEPA_H
