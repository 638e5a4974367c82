//===- VJepa.cpp - V-JEPA's settings, presets and registration ------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "models/vjepa/VJepa.h"

#include "jepa/model.h"

using namespace jepa;
using namespace jepa::vjepa;

namespace {

//===----------------------------------------------------------------------===//
// Settings
//===----------------------------------------------------------------------===//

std::vector<Setting> settings() {
  constexpr auto optimiser = SettingKind::Optimiser;
  constexpr auto geometry = SettingKind::Geometry;
  return {
      {"crop", "224", "rows and columns of a clip", geometry},
      {"frames", "16", "frames of a clip; 1 makes an image model", geometry},
      {"patch", "16", "rows and columns of a patch", geometry},
      {"tubelet", "2", "frames of a patch; without meaning for images", geometry},
      {"in_chans", "3", "channels of a frame", geometry},
      {"embed_dim", "1024", "width of the encoder", geometry},
      {"depth", "24", "blocks of the encoder", geometry},
      {"heads", "16", "attention heads of the encoder", geometry},
      {"mlp_ratio", "4", "inner width of a block over its width", geometry},
      {"predictor_embed_dim", "384", "width of the predictor", geometry},
      {"predictor_depth", "12", "blocks of the predictor", geometry},
      {"predictor_heads", "", "attention heads of the predictor; default: heads", geometry},
      {"batch", "24", "clips of a step", geometry},
      {"uniform_power", "True", "time, rows and columns share the position code equally", geometry},
      {"norm_eps", "1e-06", "epsilon of the layer norms", geometry},
      {"context_tokens", "", "visible tokens of each mask group, as 363,94", geometry},
      {"target_tokens", "", "predicted tokens of each mask group, as 750,1104", geometry},
      {"loss_exp", "1.0", "exponent of the loss", geometry},
      {"reg_coeff", "0.0", "weight of the variance regulariser", geometry},
      {"position_crop", "", "crop of the position table, interpolated; default: crop", geometry},
      {"position_frames", "", "frames of the position table, interpolated; default: frames",
       geometry},
      {"lr", "0.000625", "learning rate; the peak where it is scheduled", optimiser},
      {"weight_decay", "0.04", "weight decay; the start where it is scheduled", optimiser},
      {"ema", "0.998", "momentum of the target encoder; the start where it is scheduled",
       optimiser},
      {"betas", "0.9,0.999", "decay of AdamW's two moments", optimiser},
      {"eps", "1e-08", "epsilon of AdamW", optimiser},
      {"start_lr", "", "learning rate at the start of the warm-up", optimiser},
      {"final_lr", "", "learning rate at the end of the cosine", optimiser},
      {"warmup_steps", "", "steps of the warm-up", optimiser},
      {"final_weight_decay", "", "weight decay at the end of its cosine", optimiser},
      {"final_ema", "", "momentum at the end of its line", optimiser},
      {"schedule_steps", "", "steps of the schedules; default: 1.25 times the run's", optimiser},
      {"clip_grad", "", "largest gradient norm of encoder and predictor, each", optimiser},
      {"seed", "234", "of weights, clips and masks", optimiser},
  };
}

//===----------------------------------------------------------------------===//
// Presets
//===----------------------------------------------------------------------===//

/// A published encoder. A row that could not be built does not compile.
struct Published {
  std::string_view name;
  Size width, depth, heads, crop, batch;

  consteval Published(std::string_view name, Size width, Size depth, Size heads, Size crop = 224,
                      Size batch = 24)
      : name(name), width(width), depth(depth), heads(heads), crop(crop), batch(batch) {
    exactly(width, heads);
    exactly(384, heads);
    exactly(width, 2);
    exactly(crop, 16);
  }
};

constexpr Published published[] = {
    {"vjepa-vitt16", 192, 12, 3},   {"vjepa-vits16", 384, 12, 6},
    {"vjepa-vitb16", 768, 12, 12},  {"vjepa-vitl16", 1024, 24, 16},
    {"vjepa-vith16", 1280, 32, 16}, {"vjepa-vith16-384", 1280, 32, 16, 384, 10},
};

std::vector<Preset> presets() {
  std::vector<Preset> all = {{"vjepa-tiny",
                              "width 48, 3 blocks, 8 frames of 64 x 64, for tests",
                              {{"crop", "64"},
                               {"frames", "8"},
                               {"embed_dim", "48"},
                               {"depth", "3"},
                               {"heads", "3"},
                               {"predictor_embed_dim", "24"},
                               {"predictor_depth", "2"},
                               {"batch", "2"},
                               {"context_tokens", "24,28"},
                               {"target_tokens", "32,36"},
                               {"lr", "0.001"},
                               {"weight_decay", "0.05"},
                               {"ema", "0.99"}}}};
  for (const Published &p : published) {
    std::string crop = std::to_string(p.crop), depth = std::to_string(p.depth);
    all.push_back({std::string(p.name),
                   "width " + std::to_string(p.width) + ", " + depth + " blocks, 16 frames of " +
                       crop + " x " + crop + ", the published recipe",
                   {{"crop", crop},
                    {"embed_dim", std::to_string(p.width)},
                    {"depth", depth},
                    {"heads", std::to_string(p.heads)},
                    {"batch", std::to_string(p.batch)},
                    {"start_lr", "0.0002"},
                    {"final_lr", "1e-06"},
                    {"final_weight_decay", "0.4"},
                    {"final_ema", "1.0"},
                    {"clip_grad", "10"}}});
  }
  return all;
}

//===----------------------------------------------------------------------===//
// Reading a configuration
//===----------------------------------------------------------------------===//

// Above these a size is a mistake, and below them no product of sizes overflows.
constexpr Size largestSize = 1 << 16;
constexpr Size mostTokens = 1 << 20;
constexpr Size mostElements = Size(1) << 40;

void require(bool holds, const Config &config, std::string_view key, const std::string &expected) {
  if (!holds)
    throw Config::malformed(key, config.text(key), expected);
}

Size size(const Config &config, std::string_view key, Size largest = largestSize) {
  Size value = config.integer(key);
  require(value >= 1 && value <= largest, config, key,
          "an integer from 1 to " + std::to_string(largest));
  return value;
}

Size sizeOr(const Config &config, std::string_view key, Size otherwise) {
  return config.has(key) ? size(config, key) : otherwise;
}

void requireReal(const Config &config, std::string_view key, double least, double most,
                 const std::string &expected) {
  double value = config.real(key);
  require(value >= least && value <= most, config, key, expected);
}

void requireDivisor(const Config &config, std::string_view key, Size divisor, Size of,
                    std::string_view name) {
  require(of % divisor == 0, config, key,
          "a divisor of " + std::string(name) + " " + std::to_string(of));
}

/// The largest trainable matrix of a transformer, its inner width, and its heads must be sane.
Transformer transformer(const Config &config, const std::string &prefix, Size heads,
                        std::string_view headsKey, const Grid &grid, bool uniform) {
  std::string widthKey = prefix + "embed_dim";
  Transformer t{.width = size(config, widthKey),
                .depth = size(config, prefix + "depth", 1024),
                .heads = heads,
                .hidden = 0,
                .eps = config.real("norm_eps")};
  requireDivisor(config, headsKey, heads, t.width, widthKey);
  Size unit = grid.planar ? 4 : uniform ? 2 : 8;
  require(t.width % unit == 0, config, widthKey,
          "a multiple of " + std::to_string(unit) + ", which sines and cosines of " +
              (grid.planar ? "two directions" : "three directions") + " share");
  double hidden = config.real("mlp_ratio") * static_cast<double>(t.width);
  require(hidden >= 1 && hidden <= 16 * largestSize, config, "mlp_ratio",
          "a ratio that makes " + widthKey + " " + std::to_string(t.width) +
              " an inner width from 1 to " + std::to_string(16 * largestSize));
  t.hidden = static_cast<Size>(hidden);
  return t;
}

Grid gridOf(Size frames, std::string_view framesKey, Size crop, std::string_view cropKey,
            Patch patch) {
  if (crop % patch.size != 0)
    throw ConfigError("patch " + std::to_string(patch.size) + " does not divide " +
                      std::string(cropKey) + " " + std::to_string(crop) + "; the nearest is " +
                      std::to_string(std::max<Size>(1, (crop + patch.size / 2) / patch.size) *
                                     patch.size));
  if (frames > 1 && frames % patch.frames != 0)
    throw ConfigError("tubelet " + std::to_string(patch.frames) + " does not divide " +
                      std::string(framesKey) + " " + std::to_string(frames) +
                      "; take a multiple, or 1 for an image model");
  Grid grid = patchGrid(frames, crop, crop, patch);
  if (grid.tokens() > mostTokens)
    throw ConfigError(std::string(framesKey) + " " + std::to_string(frames) + " and " +
                      std::string(cropKey) + " " + std::to_string(crop) + " make " +
                      std::to_string(grid.tokens()) + " tokens, at most " +
                      std::to_string(mostTokens) + " are possible");
  return grid;
}

std::vector<Size> tokenCounts(const Config &config, std::string_view key, Size tokens) {
  std::vector<Size> counts = config.integerList(key);
  for (Size count : counts)
    require(count >= 1 && count <= tokens, config, key,
            "counts from 1 to the " + std::to_string(tokens) + " tokens of a clip");
  return counts;
}

void checkOptimiser(const Config &config) {
  constexpr double any = 1e300;
  for (std::string_view key : {"lr", "weight_decay", "eps"})
    requireReal(config, key, 0, any, "a number that is not negative");
  for (std::string_view key : {"start_lr", "final_lr", "final_weight_decay", "clip_grad"})
    if (config.has(key))
      requireReal(config, key, 0, any, "a number that is not negative");
  requireReal(config, "ema", 0, 1, "a number from 0 to 1");
  if (config.has("final_ema"))
    requireReal(config, "final_ema", 0, 1, "a number from 0 to 1");
  std::vector<double> betas = config.realList("betas");
  bool below1 = betas.size() == 2;
  for (double beta : betas)
    below1 = below1 && beta >= 0 && beta < 1;
  require(below1, config, "betas", "two numbers from 0 to below 1, as 0.9,0.999");
  for (std::string_view key : {"warmup_steps", "schedule_steps", "seed"})
    require(!config.has(key) || config.integer(key) >= 0, config, key,
            "an integer that is not negative");
  require(config.has("seed"), config, "seed", "an integer that is not negative");
}

/// Reads what the task needs of a configuration, or throws the one line that says why not.
/// Training without token counts is not refused here: whoever builds chooses them last.
VJepa read(const Config &config, Task task) {
  checkOptimiser(config);
  requireReal(config, "norm_eps", 1e-30, 1, "a number above 0 and at most 1");
  VJepa c{};
  c.batch = size(config, "batch");
  c.channels = size(config, "in_chans", 4096);
  c.frames = size(config, "frames");
  c.crop = size(config, "crop");
  c.patch = {size(config, "patch"), size(config, "tubelet")};
  c.uniformPower = config.boolean("uniform_power");

  Grid grid = gridOf(c.frames, "frames", c.crop, "crop", c.patch);
  Size trainedFrames = sizeOr(config, "position_frames", c.frames);
  Size trainedCrop = sizeOr(config, "position_crop", c.crop);
  Grid trained = gridOf(trainedFrames, "position_frames", trainedCrop, "position_crop", c.patch);
  require(trained.planar == grid.planar, config, "position_frames",
          grid.planar ? "1, as frames is" : "more than 1, as frames is");
  if (trained != grid)
    c.trainedGrid = trained;

  Size heads = size(config, "heads");
  bool ownHeads = config.has("predictor_heads");
  c.encoder = transformer(config, "", heads, "heads", grid, c.uniformPower);
  c.predictor = transformer(config, "predictor_", sizeOr(config, "predictor_heads", heads),
                            ownHeads ? "predictor_heads" : "heads", grid, c.uniformPower);

  // Each factor is below 2^21, so three of them fit and the fourth is checked by division.
  Size pixels = c.channels * c.frames * c.crop;
  if (pixels > mostElements / c.crop / c.batch ||
      grid.tokens() * c.batch > mostElements / std::max(c.encoder.hidden, 3 * c.encoder.width))
    throw ConfigError("batch " + config.text("batch") + " of " + config.text("frames") +
                      " frames of crop " + config.text("crop") +
                      " is more than a tensor can hold; make one of them smaller");

  c.lossExponent = config.real("loss_exp");
  require(c.lossExponent > 0 && c.lossExponent <= 16, config, "loss_exp",
          "a number above 0 and at most 16");
  c.regularization = config.real("reg_coeff");
  require(c.regularization >= 0, config, "reg_coeff", "a number that is not negative");

  if (task == Task::Embed)
    return c;
  c.contextTokens = tokenCounts(config, "context_tokens", grid.tokens());
  c.targetTokens = tokenCounts(config, "target_tokens", grid.tokens());
  require(c.contextTokens.size() == c.targetTokens.size(), config, "target_tokens",
          "as many counts as context_tokens '" + config.text("context_tokens") + "' has");
  for (Size count : c.targetTokens)
    require(count > 1 || c.regularization == 0, config, "target_tokens",
            "at least 2 in each group, because reg_coeff takes their variance");
  return c;
}

Graph trace(const Config &config, Task task) {
  VJepa c = read(config, task);
  Trace recording;
  if (task == Task::Embed) {
    embed(c);
    return recording.finish();
  }
  require(!c.contextTokens.empty(), config, "context_tokens", "a count for each mask group");
  return recording.finish(objective(c));
}

Model model() {
  return {.name = "vjepa",
          .summary = "V-JEPA: predicts the features of hidden parts of a video (Bardes et al. 2024)",
          .settings = settings(),
          .presets = presets(),
          .check = [](const Config &config, Task task) { read(config, task); },
          .trace = trace};
}

} // namespace

JEPA_REGISTER_MODEL(model);
