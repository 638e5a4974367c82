//===- CheckInputs.cpp - what every stage of a check runs on ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/CheckProgram.h"

#include "runtime/core/Random.h"
#include "runtime/train/Program.h"

#include <cmath>
#include <cstring>

using namespace jepa;

static constexpr uint64_t seed = 1;

CheckInputs::CheckInputs(const Specialisation &specialisation) {
  // Packed or not yet, a batch must be the same to every stage: each clip fills its share, see fillMask.
  if (specialisation.masks && specialisation.masks->rule != "packed")
    draws = rt::MaskSampler(*specialisation.masks, specialisation.batch, seed).draw(0);
}

rt::HyperVector CheckInputs::hyper() {
  // Beside moments of the size that stateBefore() gives them, each of these moves a parameter by about as much.
  double step = 3, beta1 = 0.9, beta2 = 0.999;
  rt::HyperVector values{};
  values[rt::hyper::LearningRate] = 0.1;
  values[rt::hyper::WeightDecay] = 0.1;
  values[rt::hyper::Ema] = 0.9;
  values[rt::hyper::Correction1] = 1 - std::pow(beta1, step);
  values[rt::hyper::Correction2] = 1 - std::pow(beta2, step);
  values[rt::hyper::ClipGrad] = 0.5;
  values[rt::hyper::Beta1] = beta1;
  values[rt::hyper::Beta2] = beta2;
  values[rt::hyper::Epsilon] = 1e-8;
  for (double &value : values)
    value = static_cast<float>(value);
  return values;
}

/// Weights of the size of 1/sqrt(inputs) keep attention and GELU away from their flat parts, and no bias is zero.
static double parameterValue(const rt::Buffer &buffer, const rt::Random &random, int64_t index) {
  double normal = random.normal(static_cast<uint64_t>(index));
  if (buffer.init == "ones")
    return 1 + 0.2 * normal;
  if (buffer.shape.size() <= 1 || buffer.init == "zeros")
    return 0.3 * normal;
  return normal / std::sqrt(static_cast<double>(buffer.elements) / static_cast<double>(buffer.shape[0]));
}

const std::vector<double> &CheckInputs::stateBefore(const rt::Buffer &buffer) const {
  std::vector<double> &values = states[buffer.name];
  if (static_cast<int64_t>(values.size()) == buffer.elements)
    return values;
  rt::Random random(seed, buffer.name);
  values.resize(static_cast<size_t>(buffer.elements));
  for (int64_t index = 0; index < buffer.elements; ++index) {
    double value = 0;
    if (buffer.kind == rt::BufferKind::Parameter)
      value = parameterValue(buffer, random, index);
    else if (buffer.name.starts_with("v:"))
      value = 1e-8 * (0.5 + random.uniform(static_cast<uint64_t>(index)));
    else
      value = 1e-5 * random.normal(static_cast<uint64_t>(index));
    values[static_cast<size_t>(index)] = static_cast<float>(value);
  }
  return values;
}

/// An index list that no sampler knows: any tokens, increasing. Of a packed batch each clip gets as many.
static void fillMask(rt::State &state, const rt::Buffer &buffer) {
  rt::Random random(seed, buffer.name);
  std::span<int32_t> indices = state.elements<int32_t>(buffer);
  int64_t columns = buffer.shape.back(), rows = columns ? buffer.elements / columns : 0, tokens = buffer.maskTokens;
  bool packed = false;
  if (const rt::Buffer *bounds = state.plan.find(buffer.name + std::string(rt::boundsSuffix))) {
    int64_t clips = bounds->elements - 1;
    packed = rows != clips;
    rows = clips;
    columns = buffer.elements / clips;
    tokens /= packed ? clips : 1;
    for (int64_t clip = 0; clip <= clips; ++clip)
      state.elements<int32_t>(*bounds)[static_cast<size_t>(clip)] = static_cast<int32_t>(clip * columns);
  }
  for (int64_t row = 0, drawn = 0; row < rows; ++row)
    for (int64_t token = 0, taken = 0; token < tokens && taken < columns; ++token)
      if (random.below(static_cast<uint64_t>(drawn++), static_cast<uint64_t>(tokens - token)) <
          static_cast<uint64_t>(columns - taken))
        indices[static_cast<size_t>(row * columns + taken++)] =
            static_cast<int32_t>(token + (packed ? row * tokens : 0));
}

void CheckInputs::fill(rt::State &state) const {
  const rt::Plan &plan = state.plan;
  std::memset(state.arena(), 0xff, static_cast<size_t>(plan.arenaBytes));
  state.fillTables();
  for (const rt::Buffer &buffer : plan.buffers) {
    bool isState = buffer.kind == rt::BufferKind::Parameter || buffer.kind == rt::BufferKind::Moment;
    if (isState) {
      const std::vector<double> &values = stateBefore(buffer);
      for (int64_t index = 0; index < buffer.elements; ++index)
        state.set(buffer, index, values[static_cast<size_t>(index)]);
      rt::packParameter(plan, buffer, static_cast<std::byte *>(state.arena()));
    } else if (buffer.kind == rt::BufferKind::Input && buffer.maskTokens > 0) {
      fillMask(state, buffer);
    } else if (buffer.kind == rt::BufferKind::Input && buffer.dtype != rt::DType::I32 && buffer.name != "hyper") {
      rt::Random random(seed, buffer.name);
      for (int64_t index = 0; index < buffer.elements; ++index)
        state.set(buffer, index, static_cast<float>(random.normal(static_cast<uint64_t>(index))));
    }
  }
  rt::fillCopies(plan, static_cast<std::byte *>(state.arena()));
  rt::Program program{plan, static_cast<std::byte *>(state.arena()), nullptr};
  if (!draws.empty())
    program.writeMasks(draws);
  if (plan.find("hyper"))
    program.writeHyper(hyper());
}
