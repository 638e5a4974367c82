//===- jepa-knn.cpp - nearest neighbours of frozen features ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Says how often the nearest training videos have the label of a held-out one. A video's tokens become one vector: the
// mean over all tokens, and the deviation over time at each place, averaged over places (a motion's class does not show
// in a mean over time). Each number is standardised by the training videos; the vote is by cosine.
//
//===----------------------------------------------------------------------===//

#include "runtime/core/Error.h"
#include "runtime/core/Json.h"
#include "runtime/io/Safetensors.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>

using namespace jepa::rt;

namespace {

struct Videos {
  std::vector<std::vector<double>> vectors;
  std::vector<std::int32_t> labels;
};

/// [tokens, features] of `slices` time slices to mean and deviation over time.
std::vector<double> summarise(const std::vector<float> &tokens, std::int64_t rows, std::int64_t width,
                              std::int64_t slices) {
  std::int64_t places = rows / slices;
  std::vector<double> vector(static_cast<std::size_t>(2 * width));
  for (std::int64_t i = 0; i < width; ++i)
    for (std::int64_t place = 0; place < places; ++place) {
      double sum = 0, squares = 0;
      for (std::int64_t slice = 0; slice < slices; ++slice) {
        double value = tokens[static_cast<std::size_t>((slice * places + place) * width + i)];
        sum += value;
        squares += value * value;
      }
      double mean = sum / static_cast<double>(slices);
      vector[static_cast<std::size_t>(i)] += mean / static_cast<double>(places);
      vector[static_cast<std::size_t>(width + i)] +=
          std::sqrt(std::max(0.0, squares / static_cast<double>(slices) - mean * mean)) / static_cast<double>(places);
    }
  return vector;
}

Videos read(const std::string &path, std::int64_t slices) {
  SafetensorsReader file(path);
  const std::string *order = file.metadata("videos");
  const TensorInfo *labels = file.find("labels");
  if (!order || !labels)
    throw Error("'" + path + "' has no labels: write it with 'embed --data LIST'");
  Videos videos;
  videos.labels.resize(static_cast<std::size_t>(labels->elements));
  file.read(*labels, DType::I32, videos.labels.data());
  const Json names = Json::parse(*order);
  for (const Json &name : names.asArray()) {
    const TensorInfo &info = file.at(name.asString());
    if (info.shape.size() != 2 || info.shape[0] % slices)
      throw Error("'" + path + "': tensor '" + info.name + "' is " + shapeText(info.shape) +
                  ", which cannot be cut into --slices " + std::to_string(slices));
    std::vector<float> tokens(static_cast<std::size_t>(info.elements));
    file.read(info, DType::F32, tokens.data());
    videos.vectors.push_back(summarise(tokens, info.shape[0], info.shape[1], slices));
  }
  if (videos.vectors.empty() || videos.vectors.size() != videos.labels.size())
    throw Error("'" + path + "' has " + std::to_string(videos.labels.size()) + " labels for " +
                std::to_string(videos.vectors.size()) + " videos");
  return videos;
}

/// Standardises by the training videos and scales to length one.
void normalise(Videos &train, Videos &test) {
  std::size_t width = train.vectors[0].size();
  for (std::size_t i = 0; i < width; ++i) {
    double mean = 0, squares = 0, count = static_cast<double>(train.vectors.size());
    for (const auto &vector : train.vectors)
      mean += vector.at(i) / count;
    for (const auto &vector : train.vectors)
      squares += (vector[i] - mean) * (vector[i] - mean) / count;
    for (Videos *videos : {&train, &test})
      for (auto &vector : videos->vectors)
        vector.at(i) = (vector.at(i) - mean) / (std::sqrt(squares) + 1e-6);
  }
  for (Videos *videos : {&train, &test})
    for (auto &vector : videos->vectors) {
      double length = std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 1e-12));
      for (double &value : vector)
        value /= length;
    }
}

std::int32_t vote(const Videos &train, const std::vector<double> &vector, std::size_t neighbours) {
  std::vector<std::pair<double, std::size_t>> distances;
  for (std::size_t i = 0; i < train.vectors.size(); ++i)
    distances.emplace_back(
        -std::inner_product(vector.begin(), vector.end(), train.vectors[i].begin(), 0.0), i);
  std::partial_sort(distances.begin(), distances.begin() + static_cast<std::ptrdiff_t>(neighbours), distances.end());
  std::map<std::int32_t, double> votes;
  for (std::size_t i = 0; i < neighbours; ++i)
    votes[train.labels[distances[i].second]] += 1 - distances[i].first;
  return std::max_element(votes.begin(), votes.end(), [](auto &a, auto &b) { return a.second < b.second; })->first;
}

std::int64_t number(const std::string &flag, const std::string &text) {
  try {
    std::size_t end = 0;
    std::int64_t value = std::stoll(text, &end);
    if (end == text.size() && value > 0)
      return value;
  } catch (const std::exception &) {
  }
  throw usageError(flag + " takes a positive number, found '" + text + "'");
}

void run(int argc, char **argv) {
  std::map<std::string, std::string> options = {{"--neighbours", "10"}, {"--slices", "1"}};
  for (int i = 1; i + 1 < argc; i += 2)
    options[argv[i]] = argv[i + 1];
  if (argc % 2 == 0 || options.size() != 4 || !options.count("--train") || !options.count("--test"))
    throw usageError("usage: jepa-knn --train F.safetensors --test F.safetensors [--slices T] [--neighbours K]");
  std::int64_t slices = number("--slices", options["--slices"]);
  Videos train = read(options["--train"], slices), test = read(options["--test"], slices);
  if (train.vectors[0].size() != test.vectors[0].size())
    throw Error("the two files have features of different widths");
  normalise(train, test);
  std::size_t neighbours = std::min<std::size_t>(static_cast<std::size_t>(number("--neighbours", options["--neighbours"])),
                                                 train.vectors.size());
  std::map<std::int32_t, int> classes;
  int right = 0;
  for (std::size_t i = 0; i < test.vectors.size(); ++i) {
    right += vote(train, test.vectors[i], neighbours) == test.labels[i];
    ++classes[test.labels[i]];
  }
  int most = std::max_element(classes.begin(), classes.end(), [](auto &a, auto &b) { return a.second < b.second; })->second;
  Json json = Json::object();
  json.set("accuracy", static_cast<double>(right) / static_cast<double>(test.vectors.size()));
  json.set("chance", static_cast<double>(most) / static_cast<double>(test.vectors.size()));
  json.set("videos", static_cast<std::int64_t>(test.vectors.size()));
  std::printf("%s\n", json.dump().c_str());
}

} // namespace

int main(int argc, char **argv) {
  try {
    run(argc, argv);
    return 0;
  } catch (const Error &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return error.exitCode;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s (this is a bug in jepac; please report it)\n", error.what());
    return 1;
  }
}
