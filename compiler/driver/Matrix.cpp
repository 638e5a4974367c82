//===- Matrix.cpp - many builds from one file ===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "compiler/driver/Matrix.h"

#include "jepa/model.h"
#include "runtime/core/Error.h"
#include "runtime/core/Json.h"

#include <algorithm>
#include <map>

using namespace jepa;
using rt::Json;

namespace {

/// A value that a cell has, and where in the file it is said.
struct Given {
  std::string key;
  Json value;
  std::string place;
};
using Givens = std::vector<Given>;

constexpr std::size_t maxCells = 10000;

class Reader {
public:
  Reader(const std::string &path, const FlagLookup &lookup) : path(path), lookup(lookup) {}
  std::vector<MatrixCell> read(const Json &file);

private:
  [[noreturn]] void fail(const std::string &place, const std::string &what) const {
    throw rt::Error(path + ": " + place + ": " + what, 2);
  }
  const Json::Object &object(const Json &json, const std::string &place) const;
  const Json::Array &list(const Json &json, const std::string &place) const;
  Givens choices(const Json &json, const std::string &place) const;
  Givens choose(const std::string &axis, const Json &value, const std::string &place) const;
  std::vector<Givens> expandAxes(const Json &axes);
  std::vector<Givens> readFilters(const Json &filters) const;
  MatrixCell makeCell(const Givens &choices, const std::string &name) const;
  std::string fillTemplate(const std::string &text, const Givens &choices, const Config &config) const;

  const std::string &path;
  const FlagLookup &lookup;
  /// What the axes choose, in their order.
  std::vector<std::string> varying;
};

} // namespace

/// "mask_ratio" and "mask-ratio" are one name.
static bool isSameKey(const std::string &a, const std::string &b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (x == '_' ? '-' : x) == (y == '_' ? '-' : y); });
}

static const Given *find(const Givens &choices, const std::string &key) {
  auto found = std::find_if(choices.begin(), choices.end(), [&](const Given &c) { return isSameKey(c.key, key); });
  return found == choices.end() ? nullptr : &*found;
}

/// Later choices win.
static void merge(Givens &into, const Givens &from) {
  for (const Given &choice : from)
    if (const Given *old = find(into, choice.key))
      into[old - into.data()] = choice;
    else
      into.push_back(choice);
}

static std::string textOf(const Json &value) {
  if (value.isString())
    return value.asString();
  if (!value.isArray())
    return value.isNull() ? "none" : value.dump();
  std::string text;
  for (const Json &item : value.asArray())
    text += (text.empty() ? "" : ",") + textOf(item);
  return text;
}

const Json::Object &Reader::object(const Json &json, const std::string &place) const {
  if (!json.isObject())
    fail(place, "expected an object of names and values");
  return json.asObject();
}

const Json::Array &Reader::list(const Json &json, const std::string &place) const {
  if (!json.isArray() || json.asArray().empty())
    fail(place, "expected a list with at least one item");
  return json.asArray();
}

Givens Reader::choices(const Json &json, const std::string &place) const {
  Givens result;
  for (const auto &[key, value] : object(json, place)) {
    std::string here = place + "." + key;
    if (value.isObject())
      fail(here, "expected a value, not an object");
    if (value.isArray())
      for (const Json &item : value.asArray())
        if (item.isArray() || item.isObject())
          fail(here, "expected values in the list");
    result.push_back({key, value, here});
  }
  return result;
}

Givens Reader::choose(const std::string &axis, const Json &value, const std::string &place) const {
  if (value.isObject())
    return choices(value, place);
  return {{axis, value, place}};
}

std::vector<Givens> Reader::expandAxes(const Json &axes) {
  std::vector<Givens> cells = {{}};
  for (const auto &[axis, values] : object(axes, "axes")) {
    std::string place = "axes." + axis;
    std::vector<Givens> next, points;
    for (std::size_t index = 0; index < list(values, place).size(); ++index) {
      points.push_back(choose(axis, values.asArray()[index], place + "[" + std::to_string(index) + "]"));
      for (const Given &choice : points.back())
        if (std::find(varying.begin(), varying.end(), choice.key) == varying.end())
          varying.push_back(choice.key);
    }
    if (cells.size() * points.size() > maxCells)
      fail(place, "the axes make more than " + std::to_string(maxCells) + " cells");
    for (const Givens &cell : cells)
      for (const Givens &point : points)
        merge(next.emplace_back(cell), point);
    cells = std::move(next);
  }
  return cells;
}

std::vector<Givens> Reader::readFilters(const Json &filters) const {
  std::vector<Givens> result;
  for (const Json &filter : list(filters, "exclude"))
    result.push_back(choices(filter, "exclude[" + std::to_string(result.size()) + "]"));
  return result;
}

std::string Reader::fillTemplate(const std::string &text, const Givens &choices, const Config &config) const {
  std::string name;
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::size_t end = text.find('}', at);
    if (text[at] != '{' || end == std::string::npos) {
      name += text[at];
      continue;
    }
    std::string key = text.substr(at + 1, end - at - 1), value;
    if (const Given *choice = find(choices, key))
      value = textOf(choice->value);
    else if (key == "task")
      value = "train";
    else if (config.knows(key))
      value = config.text(key);
    else if (std::find_if(varying.begin(), varying.end(), [&](auto &v) { return isSameKey(v, key); }) != varying.end())
      value = "none";
    else
      fail("output", "'{" + key + "}' is nothing that the cells have");
    std::replace(value.begin(), value.end(), '/', '_');
    name += value;
    at = end;
  }
  return name;
}

MatrixCell Reader::makeCell(const Givens &choices, const std::string &name) const {
  MatrixCell cell;
  const Given *model = find(choices, "model");
  if (!model || !model->value.isString())
    fail(model ? model->place : "model", "expected the name of a model; 'jepac list' shows them");
  cell.model = model->value.asString();
  cell.arguments = {cell.model};
  Config config;
  try {
    config = findPreset(cell.model).config;
  } catch (const ConfigError &error) {
    fail(model->place, error.what());
  }
  for (const std::string &key : varying)
    if (const Given *choice = find(choices, key))
      cell.values.emplace_back(key, textOf(choice->value));
  for (const auto &[key, value, place] : choices) {
    if (key == "model")
      continue;
    std::string flag = "--" + key;
    std::replace(flag.begin(), flag.end(), '_', '-');
    FlagKind kind = lookup(flag);
    if (kind == FlagKind::Reserved)
      fail(place, "a matrix cannot set it; give " + flag + " on the command line");
    if (kind == FlagKind::Setting && !config.knows(key))
      fail(place, "neither a flag of 'jepac build' nor a setting of " + cell.model + "; 'jepac list' shows those");
    if (kind == FlagKind::Switch && !value.isNull() && value.kind() != Json::Kind::Bool)
      fail(place, "expected true or false");
    if (value.isNull() || (kind != FlagKind::Setting && value.kind() == Json::Kind::Bool && !value.asBool()))
      continue;
    if (kind == FlagKind::Switch)
      cell.arguments.push_back(flag);
    else if (kind == FlagKind::Setting)
      cell.arguments.insert(cell.arguments.end(), {"--set", key + "=" + textOf(value)});
    else
      for (const Json &item : value.isArray() ? value.asArray() : Json::Array{value})
        cell.arguments.insert(cell.arguments.end(), {flag, textOf(item)});
  }
  cell.output = fillTemplate(name, choices, config);
  return cell;
}

std::vector<MatrixCell> Reader::read(const Json &file) {
  Givens common;
  std::vector<Givens> points = {{}}, excluded, included;
  std::string name;
  for (const auto &[key, value] : object(file, "file")) {
    if (key == "model")
      common.push_back({key, value, key});
    else if (key == "options")
      merge(common, choices(value, key));
    else if (key == "axes")
      points = expandAxes(value);
    else if (key == "exclude")
      excluded = readFilters(value);
    else if (key == "include")
      for (const Json &cell : list(value, key))
        included.push_back(choices(cell, key + "[" + std::to_string(included.size()) + "]"));
    else if (key == "output" && value.isString() && !value.asString().empty())
      name = value.asString();
    else if (key == "output")
      fail(key, "expected a file name, with {NAME} for what cells differ in");
    else
      fail(key, "unknown; a matrix has model, options, axes, exclude, include and output");
  }
  if (name.empty()) {
    name = "{model}";
    for (const std::string &key : varying)
      name += key == "model" ? "" : "-{" + key + "}";
  }
  auto isExcluded = [&](const Givens &point) {
    return std::any_of(excluded.begin(), excluded.end(), [&](const Givens &filter) {
      return std::all_of(filter.begin(), filter.end(), [&](const Given &choice) {
        const Given *found = find(point, choice.key);
        return textOf(found ? found->value : Json()) == textOf(choice.value);
      });
    });
  };
  std::vector<MatrixCell> cells;
  std::map<std::string, std::size_t> outputs;
  auto add = [&](const Givens &point) {
    MatrixCell cell = makeCell(point, name);
    if (!outputs.emplace(cell.output, cells.size()).second)
      fail("output", "two cells are called '" + cell.output + "'; put what they differ in into it, as {NAME}");
    cells.push_back(std::move(cell));
  };
  for (const Givens &point : points) {
    Givens all = common;
    merge(all, point);
    if (!isExcluded(all))
      add(all);
  }
  for (const Givens &point : included) {
    Givens all = common;
    merge(all, point);
    add(all);
  }
  if (cells.empty())
    fail("exclude", "no cell is left");
  return cells;
}

/// "LINE:COLUMN" of a byte of a text.
static std::string placeOf(std::string_view text, std::size_t byte) {
  std::string_view before = text.substr(0, std::min(byte, text.size()));
  std::size_t newline = before.rfind('\n');
  return std::to_string(1 + std::count(before.begin(), before.end(), '\n')) + ":" +
         std::to_string(before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1);
}

std::vector<MatrixCell> jepa::readMatrix(const std::string &path, std::string_view text, const FlagLookup &lookup) {
  Json file;
  try {
    file = Json::parse(text);
  } catch (const rt::Error &error) {
    // The parser says where by the byte.
    std::string what = error.what();
    static constexpr std::string_view said = " at byte ";
    std::size_t at = what.find(said);
    if (at == std::string::npos)
      throw rt::Error(path + ": " + what, 2);
    std::size_t digits = 0, byte = std::stoull(what.substr(at + said.size()), &digits);
    what.erase(at, said.size() + digits);
    throw rt::Error(path + ":" + placeOf(text, byte) + ": " + what, 2);
  }
  return Reader(path, lookup).read(file);
}
