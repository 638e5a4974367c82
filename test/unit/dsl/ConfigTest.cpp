//===- ConfigTest.cpp - settings are read or refused in one line --------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "jepa/model.h"

#include <gtest/gtest.h>

using namespace jepa;

namespace {

Config sample() {
  static const Setting settings[] = {{"crop", "224", "", SettingKind::Geometry},
                                     {"embed_dim", "48", "", SettingKind::Geometry},
                                     {"lr", "1e-3", "", SettingKind::Optimiser},
                                     {"flag", "True", "", SettingKind::Geometry},
                                     {"list", "24,28", "", SettingKind::Geometry},
                                     {"unset", "", "", SettingKind::Geometry}};
  return Config(settings);
}

template <typename Function> std::string refusal(Function function) {
  try {
    function();
  } catch (const ConfigError &error) {
    return error.what();
  }
  return "nothing was refused";
}

TEST(Config, ReadsEachKind) {
  Config config = sample();
  EXPECT_EQ(config.integer("crop"), 224);
  EXPECT_EQ(config.real("lr"), 1e-3);
  EXPECT_EQ(config.integerList("list"), (std::vector<std::int64_t>{24, 28}));
  EXPECT_EQ(config.integerList("unset"), std::vector<std::int64_t>());
  EXPECT_FALSE(config.has("unset"));
  EXPECT_TRUE(config.has("crop"));
  for (const char *yes : {"True", "true", "1"}) {
    config.set("flag", yes);
    EXPECT_TRUE(config.boolean("flag"));
  }
  for (const char *no : {"False", "false", "0"}) {
    config.set("flag", no);
    EXPECT_FALSE(config.boolean("flag"));
  }
}

TEST(Config, KeepsTheOrderOfTheDeclaration) {
  Config config = sample();
  config.set("lr", "0.1");
  EXPECT_EQ(config.entries().front().first, "crop");
  EXPECT_EQ(config.entries()[2], (std::pair<std::string, std::string>("lr", "0.1")));
}

TEST(Config, SuggestsTheKeyThatWasMeant) {
  Config config = sample();
  EXPECT_EQ(refusal([&] { config.set("embd_dim", "1"); }),
            "unknown setting 'embd_dim', did you mean 'embed_dim'?");
  EXPECT_EQ(refusal([&] { config.text("momentum"); }),
            "unknown setting 'momentum'; 'jepac list' shows the settings of each model");
}

TEST(Config, RefusesWhatItCannotRead) {
  Config config = sample();
  auto set = [&](const char *key, const char *value) { config.set(key, value); };
  for (const char *bad : {"", "12x", " 12", "1.5", "abc", "0x10", "+3"}) {
    set("crop", bad);
    EXPECT_EQ(refusal([&] { config.integer("crop"); }),
              "setting 'crop' is '" + std::string(bad) + "', expected an integer");
  }
  set("crop", "99999999999999999999");
  EXPECT_EQ(refusal([&] { config.integer("crop"); }),
            "setting 'crop' is '99999999999999999999', expected an integer that fits in 64 bits");
  for (const char *bad : {"nan", "inf", "1e", "one"}) {
    set("lr", bad);
    EXPECT_EQ(refusal([&] { config.real("lr"); }),
              "setting 'lr' is '" + std::string(bad) + "', expected a number");
  }
  set("flag", "yes");
  EXPECT_EQ(refusal([&] { config.boolean("flag"); }),
            "setting 'flag' is 'yes', expected True or False");
  for (const char *bad : {",", "1,", ",1", "1,,2", "1;2", "1, 2"}) {
    set("list", bad);
    EXPECT_EQ(refusal([&] { config.integerList("list"); }),
              "setting 'list' is '" + std::string(bad) +
                  "', expected integers separated by commas");
  }
}

Model named(std::string name, std::vector<Preset> presets = {}) {
  return {std::move(name), "", {{"crop", "224", "", SettingKind::Geometry}}, std::move(presets),
          {}, {}};
}

TEST(Registry, FindsModelsAndPresets) {
  Registry registry;
  registry.add(named("m", {{"m-small", "", {{"crop", "64"}}}}));
  Choice own = registry.find("m"), preset = registry.find("m-small");
  EXPECT_EQ(own.preset, nullptr);
  EXPECT_EQ(own.config.text("crop"), "224");
  EXPECT_EQ(preset.preset->name, "m-small");
  EXPECT_EQ(preset.model, own.model);
  EXPECT_EQ(preset.config.text("crop"), "64");
}

TEST(Registry, RefusesUnknownAndDoubleNames) {
  Registry registry, plugin;
  registry.add(named("m"));
  EXPECT_EQ(refusal([&] { registry.find("n"); }),
            "unknown model 'n'; 'jepac list' shows the models");
  plugin.add(named("m"));
  plugin.add(named("n"));
  registry.adopt(plugin);
  registry.adopt(registry);
  EXPECT_EQ(registry.find("n").model->name, "n");
  EXPECT_EQ(registry.models().size(), 3u);
  EXPECT_EQ(refusal([&] { registry.find("m"); }),
            "two models or presets are called 'm', rename the one in the plugin");
}

} // namespace
