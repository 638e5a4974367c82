//===- CheckComparison.cpp - how far two stages of a program are apart ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/CheckComparison.h"

#include "runtime/core/Random.h"

#include <cmath>
#include <limits>

using namespace jepa;

static constexpr double infinite = std::numeric_limits<double>::infinity();

static double norm(const std::vector<double> &values) {
  double sum = 0;
  for (double value : values)
    sum += value * value;
  return std::sqrt(sum);
}

static double largestNorm(const Observation::Values &values) {
  double largest = 0;
  for (const auto &[name, tensor] : values)
    largest = std::max(largest, norm(tensor));
  return largest;
}

static double relativeError(const std::vector<double> &found, const std::vector<double> &expected, double floor) {
  if (found.size() != expected.size())
    return infinite;
  double sum = 0;
  for (size_t index = 0; index < found.size(); ++index)
    sum += (found[index] - expected[index]) * (found[index] - expected[index]);
  double distance = std::sqrt(sum), scale = std::max(norm(expected), floor);
  if (!std::isfinite(distance) || !std::isfinite(scale))
    return infinite;
  return distance == 0 ? 0 : scale == 0 ? infinite : distance / scale;
}

/// Compares by name. What is only in `expected` is infinitely wrong, or counts as zeros where `missingIsZero`, as what is
/// only in `found` then does.
static void compareAll(Difference &worst, const Observation::Values &found, const Observation::Values &expected,
                       bool missingIsZero = false) {
  double floor = 1e-3 * largestNorm(expected);
  for (const auto &[name, tensor] : expected) {
    auto other = found.find(name);
    if (other == found.end() && missingIsZero)
      worst.add(relativeError(std::vector<double>(tensor.size()), tensor, floor), name);
    else
      worst.add(other == found.end() ? infinite : relativeError(other->second, tensor, floor), name);
  }
  if (!missingIsZero)
    return;
  for (const auto &[name, tensor] : found)
    if (!expected.count(name))
      worst.add(relativeError(tensor, std::vector<double>(tensor.size()), floor), name);
}

Difference jepa::compare(const Observation &found, const Observation &expected) {
  Difference worst;
  compareAll(worst, found.outputs, expected.outputs);
  if (found.changes.empty() || !found.gradients.empty())
    compareAll(worst, found.gradients, expected.gradients);
  if (!expected.changes.empty())
    compareAll(worst, found.changes, expected.changes, /*missingIsZero=*/true);
  compareAll(worst, found.copies, expected.copies);
  return worst;
}

Difference jepa::checkFinite(const Observation &found) {
  Difference worst;
  for (const Observation::Values *values : {&found.outputs, &found.gradients, &found.changes, &found.copies})
    for (const auto &[name, tensor] : *values)
      for (double value : tensor)
        if (!std::isfinite(value))
          worst.add(infinite, name);
  return worst;
}

//===----------------------------------------------------------------------===//
// Gradients against differences of the loss
//===----------------------------------------------------------------------===//

std::optional<Difference> jepa::compareToDifferences(CheckProgram &program, const Observation::Values &gradients) {
  // Small enough that hardly an element of an L1 loss changes sign, large enough for differences of f64.
  constexpr double step = 1e-6;
  constexpr int directions = 3;
  constexpr uint64_t seed = 2;
  const rt::Plan &plan = program.getPlan();
  double floor = 1e-3 * largestNorm(gradients);
  Difference worst;
  for (int direction = 0; direction < directions; ++direction) {
    // Along a direction in which every parameter moves the loss by about as much, a wrong gradient of one is seen.
    std::map<std::string, std::vector<double>> moves;
    double expected = 0, size = 0;
    for (const auto &[name, gradient] : gradients) {
      const rt::Buffer *parameter = plan.find(name);
      if (!parameter || parameter->elements != static_cast<int64_t>(gradient.size()))
        return std::nullopt;
      rt::Random random(seed + static_cast<uint64_t>(direction), name);
      double scale = 1 / std::max({norm(gradient), floor, std::numeric_limits<double>::min()});
      std::vector<double> &move = moves[name];
      double slope = 0;
      for (size_t index = 0; index < gradient.size(); ++index) {
        move.push_back(scale * random.normal(index));
        slope += move.back() * gradient[index];
      }
      expected += slope;
      size += slope * slope;
    }
    // In units of the parameters themselves, so that the step is the same whatever the loss' scale.
    double length = 0;
    for (const auto &[name, move] : moves)
      length = std::max(length, norm(move));
    auto lossAt = [&](double offset) {
      Observation seen = program.run([&](rt::State &state) {
        for (const auto &[name, move] : moves) {
          const rt::Buffer &parameter = plan.at(name);
          for (size_t index = 0; index < move.size(); ++index)
            state.set(parameter, index, state.get(parameter, index) + offset * move[index] / length);
        }
      });
      auto loss = seen.outputs.find("loss");
      return loss == seen.outputs.end() || loss->second.size() != 1 ? std::nan("") : loss->second[0];
    };
    double slope = (lossAt(step) - lossAt(-step)) / (2 * step) * length;
    double error = std::abs(slope - expected) / std::max(std::sqrt(size), std::numeric_limits<double>::min());
    if (!std::isfinite(slope))
      return std::nullopt;
    worst.add(std::isfinite(error) ? error : infinite, "the gradients");
  }
  return worst;
}

//===----------------------------------------------------------------------===//
// The step against its formula
//===----------------------------------------------------------------------===//

static std::string moduleOf(const std::string &name) { return name.substr(0, name.find('.')); }

Difference jepa::compareToStep(const CheckInputs &inputs, const rt::Plan &plan, const Observation::Values &changes,
                               const Observation::Values &gradients) {
  const rt::HyperVector hyper = CheckInputs::hyper();
  std::map<std::string, double> squares;
  for (const auto &[name, gradient] : gradients)
    squares[moduleOf(name)] += norm(gradient) * norm(gradient);
  // What tensors are before and after; at the end, what they change by.
  Observation::Values expected, stepped;
  auto store = [&](const rt::Buffer &buffer, const std::vector<double> &after) {
    const std::vector<double> &before = inputs.stateBefore(buffer);
    std::vector<double> &change = expected[buffer.name] = after;
    for (size_t index = 0; index < change.size(); ++index)
      change[index] -= before[index];
    stepped[buffer.name] = after;
  };
  for (const auto &[name, gradient] : gradients) {
    const rt::Buffer *parameter = plan.find(name), *first = plan.find("m:" + name), *second = plan.find("v:" + name);
    if (!parameter || !first || !second)
      return {infinite, name};
    std::vector<double> p = inputs.stateBefore(*parameter), m = inputs.stateBefore(*first),
                        v = inputs.stateBefore(*second);
    double clip = hyper[rt::hyper::ClipGrad], length = std::sqrt(squares[moduleOf(name)]);
    double scale = clip > 0 ? std::min(1.0, clip / (length + 1e-6)) : 1;
    double rate = hyper[rt::hyper::LearningRate], keep = 1 - (parameter->decay ? rate * hyper[rt::hyper::WeightDecay] : 0);
    double beta1 = hyper[rt::hyper::Beta1], beta2 = hyper[rt::hyper::Beta2];
    for (size_t index = 0; index < gradient.size(); ++index) {
      double g = gradient[index] * scale;
      m[index] = beta1 * m[index] + (1 - beta1) * g;
      v[index] = beta2 * v[index] + (1 - beta2) * g * g;
      double size = std::sqrt(v[index] / hyper[rt::hyper::Correction2]) + hyper[rt::hyper::Epsilon];
      p[index] = p[index] * keep - rate * (m[index] / hyper[rt::hyper::Correction1]) / size;
    }
    store(*parameter, p);
    store(*first, m);
    store(*second, v);
  }
  for (const rt::Buffer &teacher : plan.buffers) {
    auto student = stepped.find(teacher.emaOf);
    if (teacher.emaOf.empty() || student == stepped.end())
      continue;
    std::vector<double> values = inputs.stateBefore(teacher);
    double momentum = hyper[rt::hyper::Ema];
    for (size_t index = 0; index < values.size(); ++index)
      values[index] = momentum * values[index] + (1 - momentum) * student->second[index];
    store(teacher, values);
  }
  Difference worst;
  compareAll(worst, changes, expected, /*missingIsZero=*/true);
  return worst;
}
