//===- Sketch.cpp - the smallest model, as a user's plugin --------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "jepa/dsl.h"
#include "jepa/model.h"

using namespace jepa;

namespace {

/// Predicts each hidden patch from nothing but its place.
Graph trace(const Config &config, Task) {
  Trace recording;
  bind<Clip>(config.integer("batch"));
  bind<Channel>(3);
  bind<Frame>(4);
  bind<Row>(32);
  bind<Column>(32);
  bind<Embed>(16);
  Video clip = input<Clip, Channel, Frame, Row, Column>("clip");
  auto tokens = stopGradient(normalize(patchEmbed<Embed>("patch_embed", clip, {16, 2}), 1e-5));
  Mask<Target> hidden("mask0.target", 3);
  auto places = select(positions<Embed>(patchGrid(clip, {16, 2}), true), hidden);
  return recording.finish(l1(linear<Embed>("predictor", places), select(tokens, hidden)));
}

Model sketch() {
  return {"sketch", "places alone", {{"batch", "2", "clips", SettingKind::Geometry}}, {},
          [](const Config &config, Task) { config.integer("batch"); }, trace};
}

} // namespace

JEPA_REGISTER_MODEL(sketch);
