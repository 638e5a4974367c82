//===- config.h - the settings of a model, as text --------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A model declares its settings; a Config holds a text for each of them, in
// the order of the declaration, and reads it as a number, a truth value or a
// list. Whatever cannot be read is a ConfigError of one line that names the
// key, the value and what was expected.
//
//===----------------------------------------------------------------------===//

#ifndef JEPA_CONFIG_H
#define JEPA_CONFIG_H

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jepa {

/// A setting that is unknown, unreadable, or contradicts another.
class ConfigError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// Geometry is fixed when a binary is built; optimiser settings are defaults
/// in the binary that a run may set again.
enum class SettingKind { Geometry, Optimiser };

struct Setting {
  std::string key;
  /// The default; an empty text means "not set" (see Config::has).
  std::string value;
  std::string help;
  SettingKind kind = SettingKind::Geometry;
};

class Config {
public:
  Config() = default;
  explicit Config(std::span<const Setting> settings) {
    for (const Setting &setting : settings)
      values.emplace_back(setting.key, setting.value);
  }

  /// Every key with its text, in the order of the model's declaration.
  const std::vector<std::pair<std::string, std::string>> &entries() const { return values; }

  bool knows(std::string_view key) const { return find(key) != values.end(); }

  /// Replaces the text of a declared key. It is read, and refused, by the model's check.
  void set(std::string_view key, std::string value) {
    auto found = find(key);
    if (found == values.end())
      throw ConfigError(unknown(key));
    values[static_cast<std::size_t>(found - values.begin())].second = std::move(value);
  }

  const std::string &text(std::string_view key) const {
    auto found = find(key);
    if (found == values.end())
      throw ConfigError(unknown(key));
    return found->second;
  }

  /// Whether the key has a text at all.
  bool has(std::string_view key) const { return !text(key).empty(); }

  std::int64_t integer(std::string_view key) const {
    return number<std::int64_t>(key, text(key), "an integer");
  }
  double real(std::string_view key) const { return number<double>(key, text(key), "a number"); }

  bool boolean(std::string_view key) const {
    const std::string &value = text(key);
    for (std::string_view yes : {"True", "true", "1"})
      if (value == yes)
        return true;
    for (std::string_view no : {"False", "false", "0"})
      if (value == no)
        return false;
    throw malformed(key, value, "True or False");
  }

  /// Numbers between commas; no text is no numbers.
  std::vector<std::int64_t> integerList(std::string_view key) const {
    return list<std::int64_t>(key, "integers separated by commas");
  }
  std::vector<double> realList(std::string_view key) const {
    return list<double>(key, "numbers separated by commas");
  }

  static ConfigError malformed(std::string_view key, std::string_view value,
                               std::string_view expected) {
    return ConfigError("setting '" + std::string(key) + "' is '" + std::string(value) +
                       "', expected " + std::string(expected));
  }

private:
  using Values = std::vector<std::pair<std::string, std::string>>;

  Values::const_iterator find(std::string_view key) const {
    return std::find_if(values.begin(), values.end(),
                        [&](const auto &entry) { return entry.first == key; });
  }

  template <typename Number>
  static Number number(std::string_view key, std::string_view value, std::string_view expected) {
    Number result{};
    const char *end = value.data() + value.size();
    auto [stop, error] = std::from_chars(value.data(), end, result);
    if (error == std::errc::result_out_of_range)
      throw malformed(key, value, std::string(expected) + " that fits in 64 bits");
    bool finite = true;
    if constexpr (std::is_floating_point_v<Number>)
      finite = std::isfinite(result);
    if (error != std::errc() || stop != end || !finite)
      throw malformed(key, value, expected);
    return result;
  }

  template <typename Number>
  std::vector<Number> list(std::string_view key, std::string_view expected) const {
    const std::string &whole = text(key);
    std::vector<Number> result;
    if (whole.empty())
      return result;
    std::size_t comma = 0;
    for (std::size_t begin = 0; begin <= whole.size(); begin = comma + 1) {
      comma = std::min(whole.find(',', begin), whole.size());
      try {
        result.push_back(
            number<Number>(key, std::string_view(whole).substr(begin, comma - begin), expected));
      } catch (const ConfigError &) {
        throw malformed(key, whole, expected);
      }
    }
    return result;
  }

  /// Names the declared key that is fewest edits away, if one is near.
  std::string unknown(std::string_view key) const {
    std::string message = "unknown setting '" + std::string(key) + "'";
    std::size_t best = std::max<std::size_t>(2, key.size() / 3) + 1;
    std::string_view nearest;
    for (const auto &[candidate, value] : values)
      if (std::size_t distance = edits(key, candidate); distance < best) {
        best = distance;
        nearest = candidate;
      }
    if (nearest.empty())
      return message + "; 'jepac list' shows the settings of each model";
    return message + ", did you mean '" + std::string(nearest) + "'?";
  }

  static std::size_t edits(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
      row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
      std::size_t diagonal = std::exchange(row[0], i);
      for (std::size_t j = 1; j <= b.size(); ++j) {
        std::size_t change = diagonal + (a[i - 1] != b[j - 1]);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
      }
    }
    return row.back();
  }

  Values values;
};

} // namespace jepa

#endif // JEPA_CONFIG_H
