//===- Schedules.cpp - learning rate, weight decay and momentum by step --===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/train/Schedules.h"

#include "runtime/core/Error.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

using namespace jepa::rt;

/// Reads all of `text` as a finite number.
static double parseNumber(const std::string &key, const std::string &text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    throw usageError("'" + key + "' takes a number, found '" + text + "'");
  return value;
}

static double parseWithin(const std::string &key, const std::string &text, double low, double high,
                          const char *range) {
  double value = parseNumber(key, text);
  if (!(value >= low && value <= high))
    throw usageError("'" + key + "' must be " + range + ", found '" + text + "'");
  return value;
}

static std::int64_t parseSteps(const std::string &key, const std::string &text) {
  double value = parseWithin(key, text, 0, 1e15, "a number of steps");
  if (value != std::floor(value))
    throw usageError("'" + key + "' must be a whole number of steps, found '" + text + "'");
  return static_cast<std::int64_t>(value);
}

/// A cosine from `from` to `to` while `progress` goes from zero to one.
static double cosine(double from, double to, double progress) {
  return to + (from - to) * 0.5 * (1 + std::cos(std::numbers::pi * std::min(progress, 1.0)));
}

const std::vector<std::string> &OptimizerSettings::keys() {
  static const std::vector<std::string> names = {
      "lr",  "start_lr",  "final_lr",       "warmup_steps", "weight_decay", "final_weight_decay",
      "ema", "final_ema", "schedule_steps", "clip_grad",    "betas",        "eps"};
  return names;
}

bool OptimizerSettings::isKey(std::string_view key) {
  return std::find(keys().begin(), keys().end(), key) != keys().end();
}

void OptimizerSettings::set(const std::string &key, const std::string &value) {
  auto notNegative = [&] { return parseWithin(key, value, 0, HUGE_VAL, "zero or more"); };
  auto share = [&] { return parseWithin(key, value, 0, 1, "between 0 and 1"); };
  if (key == "lr")
    lr = notNegative();
  else if (key == "start_lr")
    startLr = notNegative();
  else if (key == "final_lr")
    finalLr = notNegative();
  else if (key == "warmup_steps")
    warmupSteps = parseSteps(key, value);
  else if (key == "weight_decay")
    weightDecay = notNegative();
  else if (key == "final_weight_decay")
    finalWeightDecay = notNegative();
  else if (key == "ema")
    ema = share();
  else if (key == "final_ema")
    finalEma = share();
  else if (key == "schedule_steps")
    scheduleSteps = parseSteps(key, value);
  else if (key == "clip_grad")
    clipGrad = notNegative();
  else if (key == "eps")
    eps = notNegative();
  else if (key == "betas") {
    std::size_t comma = value.find(',');
    if (comma == std::string::npos)
      throw usageError("'betas' takes two numbers, as in 0.9,0.999, found '" + value + "'");
    beta1 = parseWithin(key, value.substr(0, comma), 0, 1, "between 0 and 1");
    beta2 = parseWithin(key, value.substr(comma + 1), 0, 1, "between 0 and 1");
    if (beta1 == 1 || beta2 == 1)
      throw usageError("'betas' must be less than 1, found '" + value + "'");
  } else
    throw usageError("'" + key + "' is no optimiser key");
}

void OptimizerSettings::check() const {
  if (startLr && warmupSteps == 0)
    throw usageError("'start_lr' does nothing without a warm-up: set 'warmup_steps' too");
  std::int64_t warmup = warmupSteps.value_or(0);
  if (scheduleSteps && *scheduleSteps < std::max<std::int64_t>(warmup, 1))
    throw usageError("'schedule_steps' (" + std::to_string(*scheduleSteps) +
                     ") must be at least 'warmup_steps' (" + std::to_string(warmup) +
                     ") and at least 1");
}

OptimizerSettings
OptimizerSettings::fromConfig(const std::vector<std::pair<std::string, std::string>> &config) {
  OptimizerSettings settings;
  for (const auto &[key, value] : config)
    if (isKey(key) && !value.empty())
      settings.set(key, value);
  return settings;
}

Schedules::Schedules(const OptimizerSettings &settings, std::int64_t steps)
    : settings(settings),
      length(settings.scheduleSteps
                 ? static_cast<double>(*settings.scheduleSteps)
                 : std::max(1.0, std::floor(1.25 * static_cast<double>(steps)))),
      warmup(static_cast<double>(
          settings.warmupSteps.value_or(settings.startLr ? std::max<std::int64_t>(1, steps * 40 / 300) : 0))) {}

double Schedules::learningRate(std::int64_t step) const {
  double count = static_cast<double>(step) + 1;
  if (count < warmup) {
    double start = settings.startLr.value_or(0);
    return start + count / warmup * (settings.lr - start);
  }
  if (!settings.finalLr)
    return settings.lr;
  return cosine(settings.lr, *settings.finalLr, (count - warmup) / std::max(1.0, length - warmup));
}

double Schedules::weightDecay(std::int64_t step) const {
  if (!settings.finalWeightDecay)
    return settings.weightDecay;
  return cosine(settings.weightDecay, *settings.finalWeightDecay,
                (static_cast<double>(step) + 1) / length);
}

double Schedules::momentum(std::int64_t step) const {
  if (!settings.finalEma)
    return settings.ema;
  return settings.ema +
         std::min(static_cast<double>(step) / length, 1.0) * (*settings.finalEma - settings.ema);
}

HyperVector Schedules::at(std::int64_t step) const {
  double count = static_cast<double>(step) + 1;
  HyperVector values{};
  values[hyper::LearningRate] = learningRate(step);
  values[hyper::WeightDecay] = weightDecay(step);
  values[hyper::Ema] = momentum(step);
  values[hyper::Correction1] = 1 - std::pow(settings.beta1, count);
  values[hyper::Correction2] = 1 - std::pow(settings.beta2, count);
  values[hyper::ClipGrad] = settings.clipGrad;
  values[hyper::Beta1] = settings.beta1;
  values[hyper::Beta2] = settings.beta2;
  values[hyper::Epsilon] = settings.eps;
  return values;
}
