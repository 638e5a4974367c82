//===- Json.h - a small strict JSON value ---------------------------------===//
// Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef JEPA_RUNTIME_CORE_JSON_H
#define JEPA_RUNTIME_CORE_JSON_H

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace jepa::rt {

/// Bounds on what parse() accepts; beyond them it throws instead of allocating.
struct JsonLimits {
  std::size_t maxBytes = std::size_t(256) << 20;
  std::size_t maxValues = std::size_t(16) << 20;
  int maxDepth = 64;
};

/// A JSON value. Objects keep the order of their keys; whole numbers within 64
/// bits are exact; everything else numeric is a double.
class Json {
public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;
  enum class Kind { Null, Bool, Integer, Real, String, Array, Object };

  Json() = default;
  Json(std::nullptr_t) {}
  template <std::same_as<bool> T>
  Json(T truth) : value(truth) {} // a template: no pointer is a bool
  template <std::integral T>
  requires(!std::same_as<T, bool>) Json(T number) {
    if (std::in_range<std::int64_t>(number))
      value = static_cast<std::int64_t>(number);
    else
      value = static_cast<double>(number);
  }
  Json(double value) : value(value) {}
  Json(const char *text) : value(std::string(text)) {}
  Json(std::string_view text) : value(std::string(text)) {}
  Json(std::string text) : value(std::move(text)) {}
  Json(Array items) : value(std::move(items)) {}
  Json(Object members) : value(std::move(members)) {}
  template <class T>
  requires(!std::same_as<T, Json> && !std::same_as<T, Member>) Json(const std::vector<T> &items)
      : value(Array(items.begin(), items.end())) {}

  static Json array() { return Json(Array()); }
  static Json object() { return Json(Object()); }

  Kind kind() const { return static_cast<Kind>(value.index()); }
  bool isNull() const { return kind() == Kind::Null; }
  bool isString() const { return kind() == Kind::String; }
  bool isArray() const { return kind() == Kind::Array; }
  bool isObject() const { return kind() == Kind::Object; }
  bool isNumber() const { return kind() == Kind::Integer || kind() == Kind::Real; }

  /// The value as that kind; throws Error ("expected an integer, found a
  /// string") otherwise. asReal() takes integers as well.
  bool asBool() const;
  std::int64_t asInteger() const;
  double asReal() const;
  const std::string &asString() const;
  const Array &asArray() const;
  const Object &asObject() const;
  std::vector<std::int64_t> asIntegers() const;

  /// The member of that name or null. Linear in the number of members. Throws
  /// when this is no object.
  const Json *find(std::string_view key) const;
  /// The member of that name; throws Error naming the key.
  const Json &at(std::string_view key) const;

  /// Replaces or appends a member; a null value becomes an object first.
  /// Returns the stored member, valid until the next set().
  Json &set(std::string_view key, Json member);
  /// Appends an item; a null value becomes an array first.
  Json &push(Json item);

  /// Parses one strict JSON text (RFC 8259): valid UTF-8, no duplicate keys, no
  /// trailing text, nothing beyond `limits`. Throws Error with the byte offset.
  static Json parse(std::string_view text, const JsonLimits &limits = {});

  /// The text of this value: on one line, or indented by two spaces. Reads back
  /// as the same value, except that NaN and infinities, which JSON lacks, become
  /// null and invalid UTF-8 becomes U+FFFD.
  std::string dump(bool pretty = false) const;

private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value;
};

} // namespace jepa::rt

#endif // JEPA_RUNTIME_CORE_JSON_H
