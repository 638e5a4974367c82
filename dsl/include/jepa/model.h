//===- model.h - models, their presets, and where they are registered -------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A model is a name, a list of settings, and two functions: one that refuses a
// bad configuration and one that traces a good one into a Graph. Models
// register themselves with JEPA_REGISTER_MODEL, built in or in a plugin.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_MODEL_H
#define JEPA_MODEL_H

#include "jepa/config.h"
#include "jepa/graph.h"

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jepa {

/// What a binary is built to do.
enum class Task { Train, Embed };

/// A model's settings under a name of their own; what it does not override keeps the default.
struct Preset {
  std::string name;
  std::string summary;
  std::vector<std::pair<std::string, std::string>> overrides;
};

struct Model {
  std::string name;
  std::string summary;
  std::vector<Setting> settings;
  std::vector<Preset> presets;
  /// Throws ConfigError with one line if the model cannot do the task with these settings.
  std::function<void(const Config &, Task)> check;
  /// Records the model. Refuses what `check` refuses.
  std::function<Graph(const Config &, Task)> trace;
};

/// A model and the configuration that a name on the command line stands for.
struct Choice {
  const Model *model = nullptr;
  /// Null if the name was the model's own.
  const Preset *preset = nullptr;
  Config config;
};

class Registry {
public:
  /// Models in the order of registration; addresses stay valid.
  const std::deque<Model> &models() const { return known; }

  void add(Model model) { known.push_back(std::move(model)); }

  /// Takes over the models of a plugin that has a registry of its own. A
  /// plugin that was bound to this very registry has nothing left to add.
  void adopt(const Registry &plugin) {
    if (&plugin != this)
      known.insert(known.end(), plugin.known.begin(), plugin.known.end());
  }

  /// Resolves a preset's name, or a model's name to its defaults. Throws
  /// ConfigError if the name is unknown or stands for two things.
  Choice find(std::string_view name) const {
    Choice choice;
    auto take = [&](const Model &model, const Preset *preset) {
      if (choice.model)
        throw ConfigError("two models or presets are called '" + std::string(name) +
                          "', rename the one in the plugin");
      choice = {&model, preset, Config(model.settings)};
      if (preset)
        for (const auto &[key, value] : preset->overrides)
          choice.config.set(key, value);
    };
    for (const Model &model : known) {
      if (model.name == name)
        take(model, nullptr);
      for (const Preset &preset : model.presets)
        if (preset.name == name)
          take(model, &preset);
    }
    if (!choice.model)
      throw ConfigError("unknown model '" + std::string(name) + "'; 'jepac list' shows the models");
    return choice;
  }

private:
  std::deque<Model> known;
};

/// The registry of this program (in a plugin: of the program, or the plugin's own).
inline Registry &registry() {
  static Registry instance;
  return instance;
}

inline void registerModel(Model model) { registry().add(std::move(model)); }
inline const std::deque<Model> &models() { return registry().models(); }
inline Choice findPreset(std::string_view name) { return registry().find(name); }

} // namespace jepa

/// What a program looks up in a plugin that it has loaded, to hand to
/// Registry::adopt. Every file that includes this header has it.
extern "C" __attribute__((visibility("default"), used)) inline jepa::Registry *
jepacPluginRegistry() {
  return &jepa::registry();
}

/// Registers the Model that `function()` returns when the program or plugin is loaded.
#define JEPA_REGISTER_MODEL(function)                                                              \
  [[maybe_unused]] static const bool jepaRegistered_##function =                                   \
      (::jepa::registerModel(function()), true)

#endif // JEPA_MODEL_H
