//===- MovingShapes.cpp - clips whose motion is their class ---------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//   moving-shapes COUNT SEED SIZE FRAMES LABELS > frames.rgb
//
// Writes COUNT clips of FRAMES frames of SIZE x SIZE packed RGB, one after the
// other, and one label per line into the file LABELS. The label is how the
// shapes move, and no single frame tells it: the picture is a torus, on which
// places are uniform at every time, and a zooming shape starts again at the
// other end of the range from which all sizes are drawn.
//
//===----------------------------------------------------------------------===//
#include "runtime/masking/RandomStream.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using jepa::rt::RandomStream;

namespace {

enum Motion { Right, Left, Down, Up, Clockwise, Counterclockwise, ZoomIn, ZoomOut, MotionCount };

constexpr double pi = 3.14159265358979323846;
constexpr double smallest = 0.08, largest = 0.26; // radii as a share of the picture

using Rgb = std::array<double, 3>;

struct Shape {
  int kind = 0; // circle, square, triangle, ring
  double x = 0, y = 0, logSize = 0, angle = 0;
  Rgb color{};
};

/// One clip's choices.
struct Clip {
  Motion motion = Right;
  double speed = 0;  // pixels per frame; turns per frame; log size per frame
  double radius = 0; // of the circles
  double phase = 0;
  std::vector<Shape> still, moving;
  std::vector<double> background; // [size, size, 3]
};

double wrap(double value, double range) { return value - std::floor(value / range) * range; }

Rgb randomColor(RandomStream &random) { return {random.uniform(), random.uniform(), random.uniform()}; }

double luminance(const Rgb &color) { return 0.3 * color[0] + 0.59 * color[1] + 0.11 * color[2]; }

Shape randomShape(RandomStream &random, int size, double backgroundLuminance) {
  Shape shape;
  shape.kind = static_cast<int>(random.below(4));
  shape.x = random.uniform() * size;
  shape.y = random.uniform() * size;
  shape.logSize = random.uniform(std::log(smallest), std::log(largest));
  shape.angle = random.uniform() * 2 * pi;
  do
    shape.color = randomColor(random);
  while (std::abs(luminance(shape.color) - backgroundLuminance) < 0.25);
  return shape;
}

/// A gradient with soft stripes: something everywhere, nothing that moves.
std::vector<double> randomBackground(RandomStream &random, int size, Rgb &mean) {
  Rgb from = randomColor(random), to = randomColor(random);
  for (int c = 0; c < 3; ++c) {
    from[c] = 0.15 + 0.7 * from[c];
    to[c] = 0.6 * from[c] + 0.4 * to[c];
    mean[c] = (from[c] + to[c]) / 2;
  }
  double direction = random.uniform() * 2 * pi, stripes = random.uniform(1, 5), stripeDirection = random.uniform() * pi;
  double strength = random.uniform(0, 0.12), phase = random.uniform() * 2 * pi;
  std::vector<double> pixels;
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      double u = 2.0 * x / size - 1, v = 2.0 * y / size - 1;
      double along = std::clamp((u * std::cos(direction) + v * std::sin(direction)) / 2.8 + 0.5, 0.0, 1.0);
      double wave =
          strength * std::sin(stripes * pi * (u * std::cos(stripeDirection) + v * std::sin(stripeDirection)) + phase);
      for (int c = 0; c < 3; ++c)
        pixels.push_back(from[c] + (to[c] - from[c]) * along + wave);
    }
  return pixels;
}

Clip randomClip(RandomStream &random, Motion motion, int size) {
  Clip clip;
  clip.motion = motion;
  Rgb mean{};
  clip.background = randomBackground(random, size, mean);
  for (std::int64_t i = random.below(3); i > 0; --i)
    clip.still.push_back(randomShape(random, size, luminance(mean)));
  for (std::int64_t i = 2 + random.below(2); i > 0; --i)
    clip.moving.push_back(randomShape(random, size, luminance(mean)));
  clip.phase = random.uniform() * 2 * pi;
  clip.radius = random.uniform(0.14, 0.28) * size;
  if (motion <= Up)
    clip.speed = random.uniform(0.015, 0.035) * size;
  else if (motion <= Counterclockwise)
    clip.speed = 1 / random.uniform(18, 36);
  else
    clip.speed = random.uniform(0.025, 0.05);
  return clip;
}

Shape shapeAt(const Clip &clip, Shape shape, int frame) {
  double way = clip.speed * frame, turn = 2 * pi * way;
  double range = std::log(largest) - std::log(smallest);
  switch (clip.motion) {
  case Right: shape.x += way; break;
  case Left: shape.x -= way; break;
  case Down: shape.y += way; break;
  case Up: shape.y -= way; break;
  case Clockwise:
  case Counterclockwise: {
    double angle = clip.phase + (clip.motion == Clockwise ? turn : -turn); // y points down
    shape.x += clip.radius * std::cos(angle);
    shape.y += clip.radius * std::sin(angle);
    break;
  }
  default:
    shape.logSize += clip.motion == ZoomIn ? way : -way;
    shape.logSize = std::log(smallest) + wrap(shape.logSize - std::log(smallest), range);
  }
  return shape;
}

/// Signed distance to the shape's edge at (x, y) from its centre; negative inside.
double distance(const Shape &shape, double radius, double x, double y) {
  double u = x * std::cos(shape.angle) + y * std::sin(shape.angle);
  double v = y * std::cos(shape.angle) - x * std::sin(shape.angle);
  switch (shape.kind) {
  case 0: return std::hypot(u, v) - radius;
  case 1: return std::max(std::abs(u), std::abs(v)) - 0.85 * radius;
  case 2: return std::max(std::abs(u) * 0.866 + v * 0.5, -v) - 0.6 * radius;
  default: return std::abs(std::hypot(u, v) - 0.75 * radius) - 0.25 * radius;
  }
}

void draw(std::vector<double> &pixels, const Shape &shape, int size) {
  double radius = std::exp(shape.logSize) * size;
  auto reach = static_cast<int>(std::min(radius * 1.3 + 2, size / 2.0));
  auto centreX = static_cast<int>(std::floor(shape.x)), centreY = static_cast<int>(std::floor(shape.y));
  for (int y = centreY - reach; y < centreY + reach; ++y)
    for (int x = centreX - reach; x < centreX + reach; ++x) {
      double cover = std::clamp(0.5 - distance(shape, radius, x + 0.5 - shape.x, y + 0.5 - shape.y), 0.0, 1.0);
      int row = (y % size + size) % size, column = (x % size + size) % size;
      for (int c = 0; c < 3; ++c) {
        double &level = pixels[(row * size + column) * 3 + c];
        level += (shape.color[c] - level) * cover;
      }
    }
}

bool writeClip(const Clip &clip, int size, int frames) {
  std::vector<double> scene = clip.background;
  for (const Shape &shape : clip.still)
    draw(scene, shape, size);
  std::vector<std::uint8_t> bytes(scene.size());
  for (int frame = 0; frame < frames; ++frame) {
    std::vector<double> pixels = scene;
    for (const Shape &shape : clip.moving)
      draw(pixels, shapeAt(clip, shape, frame), size);
    for (std::size_t i = 0; i < pixels.size(); ++i)
      bytes[i] = static_cast<std::uint8_t>(std::lround(std::clamp(pixels[i], 0.0, 1.0) * 255));
    if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size())
      return false;
  }
  return true;
}

int fail(const std::string &why, int code) {
  std::fprintf(stderr, "moving-shapes: %s\n", why.c_str());
  return code;
}

} // namespace

int main(int count, char **arguments) {
  if (count != 6)
    return fail("usage: moving-shapes COUNT SEED SIZE FRAMES LABELS > frames.rgb", 2);
  int clips = std::atoi(arguments[1]), size = std::atoi(arguments[3]), frames = std::atoi(arguments[4]);
  auto seed = static_cast<std::uint64_t>(std::atoll(arguments[2]));
  if (clips < 1 || size < 16 || size > 512 || frames < 1)
    return fail("give at least 1 clip of at least 1 frame, 16 to 512 pixels wide", 2);

  // Every class once in each run of MotionCount clips, so that any part of the
  // list is balanced; shuffled within the run.
  std::vector<int> labels;
  RandomStream shuffle{seed, 1};
  for (int i = 0; i < clips; ++i) {
    labels.push_back(i % MotionCount);
    std::int64_t run = i - i % MotionCount;
    std::swap(labels[i], labels[run + shuffle.below(i - run + 1)]);
  }

  std::FILE *file = std::fopen(arguments[5], "w");
  if (!file)
    return fail(std::string("cannot write ") + arguments[5], 1);
  for (int i = 0; i < clips; ++i) {
    RandomStream random{seed, 2, static_cast<std::uint64_t>(i)};
    std::fprintf(file, "%d\n", labels[i]);
    if (!writeClip(randomClip(random, static_cast<Motion>(labels[i]), size), size, frames))
      return fail("cannot write frames to standard output", 1);
  }
  return std::fclose(file) == 0 && std::fflush(stdout) == 0 ? 0 : fail("cannot write all", 1);
}
