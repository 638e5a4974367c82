//===- Comparison.cpp - two safetensors files, tensor by tensor ----------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "Comparison.h"

#include "runtime/io/Safetensors.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace jepa::rt;
using namespace jepa::rt::test;

double Tolerances::of(std::string_view name) const {
  if (name.starts_with("grad."))
    return gradient;
  return name.starts_with("final.") ? final : forward;
}

bool test::isInput(std::string_view name) {
  return name == "clip" || name.starts_with("init.") ||
         (name.starts_with("mask") && (name.ends_with(".context") || name.ends_with(".target")));
}

static std::vector<double> readReals(const SafetensorsReader &reader, const TensorInfo &info) {
  std::vector<double> values(static_cast<std::size_t>(info.elements));
  reader.read(info, DType::F64, values.data());
  return values;
}

static Difference compare(const SafetensorsReader &found, const SafetensorsReader &expected,
                          const TensorInfo &info, double tolerance) {
  Difference result{info.name, 0, tolerance, ""};
  const TensorInfo *other = found.find(info.name);
  if (!other || other->shape != info.shape) {
    result.problem = other ? "has shape " + shapeText(other->shape) + ", expected " +
                                 shapeText(info.shape)
                           : "missing";
    return result;
  }
  std::vector<double> a = readReals(found, *other), b = readReals(expected, info);
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    double distance = std::abs(a[i] - b[i]);
    if (!std::isfinite(distance)) {
      result.problem = "not finite at element " + std::to_string(i);
      return result;
    }
    worst = std::max(worst, distance);
    largest = std::max(largest, std::abs(b[i]));
  }
  result.error = largest > 0 ? worst / largest : worst;
  return result;
}

std::vector<Difference>
test::compareFiles(const std::string &found, const std::string &expected,
                   const Tolerances &tolerances,
                   const std::function<bool(std::string_view)> &wanted) {
  SafetensorsReader foundReader(found), expectedReader(expected);
  std::vector<Difference> differences;
  for (const TensorInfo &info : expectedReader.tensors())
    if (!isInput(info.name) && (!wanted || wanted(info.name)))
      differences.push_back(compare(foundReader, expectedReader, info, tolerances.of(info.name)));
  return differences;
}

static double dot(const std::vector<double> &a, const std::vector<double> &b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    sum += a[i] * b[i];
  return sum;
}

std::vector<std::pair<double, std::string>> test::gradientCosines(const std::string &found,
                                                                  const std::string &expected) {
  SafetensorsReader a(found), b(expected);
  double largest = 0;
  std::vector<std::pair<double, std::string>> norms, cosines;
  for (const TensorInfo &info : b.tensors())
    if (info.name.starts_with("grad.")) {
      std::vector<double> gradient = readReals(b, info);
      norms.emplace_back(std::sqrt(dot(gradient, gradient)), info.name);
      largest = std::max(largest, norms.back().first);
    }
  for (const auto &[norm, name] : norms) {
    if (norm <= 1e-6 * largest)
      continue;
    std::vector<double> gradient = readReals(a, a.at(name)), want = readReals(b, b.at(name));
    double length = std::sqrt(dot(gradient, gradient)) * norm;
    cosines.emplace_back(length > 0 ? dot(gradient, want) / length : 0, name);
  }
  std::sort(cosines.begin(), cosines.end());
  return cosines;
}

std::string test::describe(const std::vector<Difference> &differences, bool failuresOnly) {
  std::string text;
  for (const Difference &difference : differences) {
    if (failuresOnly && difference.ok())
      continue;
    char line[160];
    double share = difference.tolerance > 0 ? 100 * difference.error / difference.tolerance : 0;
    std::snprintf(line, sizeof(line), "  error %.2e, %.3g %% of %.0e  ", difference.error, share,
                  difference.tolerance);
    text += (difference.ok() ? "ok  " : "BAD ") +
            (difference.problem.empty() ? line : "  " + difference.problem + "  ") +
            difference.name + "\n";
  }
  return text;
}
