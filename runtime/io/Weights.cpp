//===- Weights.cpp - loading parameters by their published names ---------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/io/Weights.h"

#include "runtime/core/Error.h"
#include "runtime/core/State.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

using namespace jepa::rt;

namespace {

/// A tensor of a file by its module ("" for a bare name) and its name in it.
struct Place {
  std::string_view module, name;
};

/// module -> name -> tensor. Ordered: the first error is always the same one.
using Modules = std::map<std::string_view, std::map<std::string_view, const TensorInfo *>>;

} // namespace

/// The modules that weights are known for, and what else checkpoints hold.
static constexpr std::array<std::string_view, 3> weightModules = {"encoder", "target_encoder",
                                                                  "predictor"};
static constexpr std::array<std::string_view, 8> otherModules = {
    "optimizer", "opt", "scaler", "classifier", "pooler", "linear", "head", "probe"};

static std::string_view firstPart(std::string_view name) { return name.substr(0, name.find('.')); }

template <std::size_t N>
static bool isOneOf(std::string_view part, const std::array<std::string_view, N> &names) {
  return std::find(names.begin(), names.end(), part) != names.end();
}

/// Cuts off what training scripts wrap modules in.
static std::string_view unwrap(std::string_view name) {
  for (std::string_view part = firstPart(name); part == "module" || part == "backbone";
       part = firstPart(name)) {
    if (part.size() == name.size())
      break;
    name.remove_prefix(part.size() + 1);
  }
  return name;
}

static Place placeOf(std::string_view fullName) {
  std::string_view name = unwrap(fullName), part = firstPart(name);
  if (part.size() == name.size() || !(isOneOf(part, weightModules) || isOneOf(part, otherModules)))
    return {"", name};
  return {part, unwrap(name.substr(part.size() + 1))};
}

/// Position tables are computed, never loaded.
static bool isPositionTable(std::string_view name) {
  std::size_t dot = name.rfind('.');
  std::string_view last = dot == std::string_view::npos ? name : name.substr(dot + 1);
  return last == "pos_embed" || last == "predictor_pos_embed";
}

static Modules modulesOf(const SafetensorsReader &reader) {
  Modules modules;
  for (const TensorInfo &info : reader.tensors()) {
    Place place = placeOf(info.name);
    if (isPositionTable(place.name))
      continue;
    auto [entry, isNew] = modules[place.module].emplace(place.name, &info);
    if (!isNew)
      throw Error("'" + reader.path() + "': the tensors '" + entry->second->name + "' and '" +
                  info.name + "' are the same parameter");
  }
  return modules;
}

/// The module of the file that holds the plan's `module`, or null.
static const Modules::value_type *sourceOf(const Modules &modules, std::string_view module,
                                           Task task) {
  std::vector<std::string_view> candidates;
  if (module == "encoder" && task == Task::Embed)
    candidates = {"target_encoder", "encoder", ""};
  else if (module == "encoder")
    candidates = {"encoder", "target_encoder", ""};
  else if (module == "target_encoder")
    candidates = {"target_encoder", "encoder", ""};
  else
    candidates = {module};
  for (std::string_view candidate : candidates)
    if (auto found = modules.find(candidate); found != modules.end())
      return &*found;
  return nullptr;
}

/// Loads one module: every parameter once, and nothing left over.
static void loadModule(const SafetensorsReader &reader, const Modules::value_type &source,
                       const std::map<std::string_view, const Buffer *> &parameters,
                       const Plan &plan, std::byte *arena) {
  const auto &[module, tensors] = source;
  auto full = [&, module = module](std::string_view name) {
    return (module.empty() ? "" : std::string(module) + ".") + std::string(name);
  };
  for (const auto &[name, buffer] : parameters) {
    auto found = tensors.find(name);
    if (found == tensors.end())
      throw Error("'" + reader.path() + "': tensor '" + full(name) +
                  "' is missing, expected shape " + shapeText(buffer->shape));
    if (found->second->shape != buffer->shape)
      throw Error("'" + reader.path() + "': tensor '" + found->second->name + "' has shape " +
                  shapeText(found->second->shape) + ", expected " + shapeText(buffer->shape));
  }
  for (const auto &[name, info] : tensors)
    if (!parameters.count(name))
      throw Error("'" + reader.path() + "': tensor '" + info->name + "' " + shapeText(info->shape) +
                  " is unknown to this model: remove it, or build the model that has it");
  // Only now, so that a refused file leaves the arena as it was.
  for (const auto &[name, buffer] : parameters) {
    reader.read(*tensors.at(name), buffer->dtype, arena + buffer->offset);
    packParameter(plan, *buffer, arena);
  }
}

std::vector<std::string> jepa::rt::loadWeights(const SafetensorsReader &reader, const Plan &plan,
                                               std::byte *arena) {
  Modules modules = modulesOf(reader);
  std::map<std::string_view, std::map<std::string_view, const Buffer *>> wanted;
  for (const Buffer &buffer : plan.buffers)
    if (buffer.kind == BufferKind::Parameter) {
      std::string_view module = firstPart(buffer.name), name = buffer.name;
      // A model of one's own may have no modules: all of it is the encoder then.
      if (isOneOf(module, weightModules))
        name.remove_prefix(module.size() + 1);
      else
        module = "encoder";
      wanted[module].emplace(name, &buffer);
    }
  std::vector<std::string> said;
  for (const auto &[module, parameters] : wanted) {
    const Modules::value_type *source = sourceOf(modules, module, plan.task);
    if (!source && module == "predictor") {
      said.push_back("predictor: not in the file, left as initialised");
      continue;
    }
    if (!source)
      throw Error("'" + reader.path() +
                  "' holds no encoder: expected target_encoder.*, encoder.* "
                  "or bare names such as '" +
                  std::string(parameters.begin()->first) + "'");
    loadModule(reader, *source, parameters, plan, arena);
    said.push_back(std::string(module) + ": " +
                   (source->first.empty() ? "bare names" : std::string(source->first) + ".*"));
  }
  fillCopies(plan, arena);
  return said;
}
